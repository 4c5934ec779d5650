/// The quantities of Theorem 1 and of equation (8), estimated for any map of images: for a trained network.
namespace Fae.Core

/// A mean over pictures and its standard error (infinite for a single picture).
[<Struct>]
type Estimate = { Mean: float; StandardError: float }

/// The loss L_σ of equation (3) at one noise level, measured and by its expansion (6), per value.
type LossPoint = { Sigma: float; Measured: Estimate; Expected: Estimate }

/// All per value (divided by n = channels · height · width).
type JacobianEstimate =
    {
        /// ‖f(x) − x‖² / n
        CleanError: Estimate
        /// ‖f(x̃) − x‖² / n
        CorruptedError: Estimate
        /// ‖J_f(x) − I‖²_F / n: 0 for the identity, 1 for a constant.
        IdentityGapClean: Estimate
        /// ‖J_f(x̃) − I‖²_F / n
        IdentityGapCorrupted: Estimate
        /// ⟨f(x̃) − x, Δf(x̃)⟩ / n; near 0 for piecewise linear networks, equation (7).
        Curvature: Estimate
        /// ‖f(f(x̃)) − f(x̃)‖² / n: what a second pass still changes, equation (8).
        Idempotency: Estimate
        Loss: LossPoint list
    }

[<RequireQualifiedAccess>]
module JacobianEstimate =
    /// Each quantity: its key, its meaning in words, its estimate.
    let quantities probed =
        [
            "clean_error", "error on clean pictures, ‖f(x) − x‖²", probed.CleanError
            "corrupted_error", "error on corrupted ones, ‖f(x̃) − x‖²", probed.CorruptedError
            "identity_gap_clean", "distance from the identity at x, ‖J − I‖²_F", probed.IdentityGapClean
            "identity_gap_corrupted", "the same at x̃", probed.IdentityGapCorrupted
            "curvature", "curvature term, ⟨f(x̃) − x, Δf⟩", probed.Curvature
            "idempotency", "what a second pass changes, ‖f(f(x̃)) − f(x̃)‖²", probed.Idempotency
        ]

[<RequireQualifiedAccess>]
module JacobianProbe =
    /// Half the distance over which f is differentiated: above the rounding of single precision, below the noise of training.
    let private step = 0.005

    let private estimate (values: float list) =
        let n = float values.Length
        let mean = List.average values

        let variance = (values |> List.sumBy (fun v -> (v - mean) * (v - mean))) / (n - 1.0)

        { Mean = mean; StandardError = (if n > 1.0 then sqrt (variance / n) else infinity) }

    let private square (a: Image) (b: Image) =
        (Array.fold2 (fun sum x y -> sum + (float x - float y) * (float x - float y)) 0.0 a.Pixels b.Pixels)
        / float a.Pixels.Length

    /// ‖(J − I)v‖²/n and ⟨r, vᵀHv⟩/n along one sign vector.
    let private along f (r: float[]) (x: Image) key =
        let signs = Array.init x.Pixels.Length (fun i -> if Random.hash key (uint64 i) >>> 63 = 0UL then 1.0 else -1.0)

        let vector (v: float[]) = (f { x with Pixels = Array.map float32 v }: Image).Pixels |> Array.map float
        let struct (gap, bend) = Theory.probe step vector (Array.map float x.Pixels) signs
        let n = float x.Pixels.Length
        struct (gap / n, Vector.dot r bend / n)

    /// Estimates for f on pairs of a clean image and its corrupted variant: `probes` sign vectors a picture, and the loss at each
    /// noise level over as many draws of ε.
    let run (f: Image -> Image) (pairs: (Image * Image) list) (probes: int) (sigmas: float list) (seed: Seed) : JacobianEstimate =
        let key (picture: int) (probe: int) = (Random.fork (uint64 (picture * 10000 + probe)) seed).State

        let one picture (clean, corrupted) =
            let reconstruction = f corrupted
            let r = Array.map2 (fun a b -> float a - float b) reconstruction.Pixels clean.Pixels

            let atClean, atCorrupted =
                List.unzip
                    [
                        for probe in 1..probes do
                            along f r clean (key picture probe), along f r corrupted (key picture probe)
                    ]

            let gap probed = probed |> List.averageBy (fun (struct (gap, _)) -> gap)
            let curvature = atCorrupted |> List.averageBy (fun (struct (_, bend)) -> bend)
            let error = square reconstruction clean

            let loss sigma =
                [
                    for draw in 1..probes do
                        let noise = Noise.field (key picture (1000 + draw)) (float32 sigma) clean.Channels clean.Height clean.Width

                        let struct (input, target) = Noise.add noise corrupted clean
                        square (f input) target
                ]
                |> List.average

            {|
                Clean = square (f clean) clean
                Corrupted = error
                GapClean = gap atClean
                GapCorrupted = gap atCorrupted
                Curvature = curvature
                Idempotency = square (f reconstruction) reconstruction
                Loss = sigmas |> List.map loss
                Expected = sigmas |> List.map (fun s -> error + s * s * (gap atCorrupted + curvature))
            |}

        let all = List.mapi one pairs

        {
            CleanError = all |> List.map _.Clean |> estimate
            CorruptedError = all |> List.map _.Corrupted |> estimate
            IdentityGapClean = all |> List.map _.GapClean |> estimate
            IdentityGapCorrupted = all |> List.map _.GapCorrupted |> estimate
            Curvature = all |> List.map _.Curvature |> estimate
            Idempotency = all |> List.map _.Idempotency |> estimate
            Loss =
                sigmas
                |> List.mapi (fun i sigma ->
                    {
                        Sigma = sigma
                        Measured = all |> List.map (fun one -> one.Loss[i]) |> estimate
                        Expected = all |> List.map (fun one -> one.Expected[i]) |> estimate
                    })
        }
