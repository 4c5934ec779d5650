/// What the noise of equation (3) does, on maps whose Gaussian moments are known exactly; and the same quantities estimated for any map.
/// Vectors are in double precision. x: a clean image, x̃: its corrupted variant, f: the autoencoder, r = f(x̃) − x, J: Jacobian of f at x̃.
namespace Fae.Core

/// f_i(x) = offset_i + (linear·x)_i + ½·xᵀ·curvature_i·x, with symmetric curvatures: the Hessian of component i is curvature_i everywhere.
[<NoComparison>]
type QuadraticMap = { Offset: float[]; Linear: float[][]; Curvature: float[][][] }

[<RequireQualifiedAccess>]
module Vector =
    let dot (a: float[]) (b: float[]) = Array.fold2 (fun sum x y -> sum + x * y) 0.0 a b
    let add (a: float[]) b = Array.map2 (+) a b
    let minus (a: float[]) b = Array.map2 (-) a b
    let scale (s: float) = Array.map (fun v -> s * v)
    let square a = dot a a
    let norm a = sqrt (square a)

[<RequireQualifiedAccess>]
module QuadraticMap =
    let apply f x =
        Array.init f.Offset.Length (fun i ->
            let bent = f.Curvature[i] |> Array.map (Vector.dot x) |> Vector.dot x
            f.Offset[i] + Vector.dot f.Linear[i] x + 0.5 * bent)

    /// J_f(x), a row for each component.
    let jacobian f x = Array.init f.Offset.Length (fun i -> Vector.add f.Linear[i] (f.Curvature[i] |> Array.map (Vector.dot x)))

    /// Δf: the trace of each component's Hessian; the same everywhere.
    let laplacian f = f.Curvature |> Array.map (fun h -> h |> Array.mapi (fun i row -> row[i]) |> Array.sum)

    /// Σᵢ ‖Hᵢ‖²_F. Its root bounds the Lipschitz constant of J_f.
    let hessianSquare f = f.Curvature |> Array.sumBy (Array.sumBy Vector.square)

[<RequireQualifiedAccess>]
module Theory =
    /// ‖J − I‖²_F: how far f is from the identity in every direction.
    let identityGap (jacobian: float[][]) =
        jacobian
        |> Array.mapi (fun i row -> row |> Array.mapi (fun j v -> if i = j then v - 1.0 else v) |> Vector.square)
        |> Array.sum

    /// Theorem 1, equation (6): ‖r‖² + σ²·(‖J − I‖²_F + ⟨r, Δf⟩), the loss L_σ of equation (3) up to o(σ²).
    let anchored f sigma corrupted clean =
        let r = Vector.minus (QuadraticMap.apply f corrupted) clean

        Vector.square r
        + sigma * sigma * (identityGap (QuadraticMap.jacobian f corrupted) + Vector.dot r (QuadraticMap.laplacian f))

    /// Equation (4), Bishop 1995, with its curvature term: the same for noise on the input alone (a DAE's loss):
    /// ‖r‖² + σ²·(‖J‖²_F + ⟨r, Δf⟩).
    let contracted f sigma corrupted clean =
        let r = Vector.minus (QuadraticMap.apply f corrupted) clean

        Vector.square r
        + sigma
          * sigma
          * ((QuadraticMap.jacobian f corrupted |> Array.sumBy Vector.square) + Vector.dot r (QuadraticMap.laplacian f))

    /// RCAE (Alain and Bengio 2014): ‖f(x) − x‖² + σ²·‖J_f(x)‖²_F.
    let contractive f sigma clean =
        Vector.square (Vector.minus (QuadraticMap.apply f clean) clean)
        + sigma * sigma * (QuadraticMap.jacobian f clean |> Array.sumBy Vector.square)

    /// What the expansions leave out, for a quadratic f exactly: σ⁴·(¼·‖Δf‖² + ½·Σᵢ ‖Hᵢ‖²_F).
    let fourthOrder f (sigma: float) = sigma ** 4.0 * (0.25 * Vector.square (QuadraticMap.laplacian f) + 0.5 * QuadraticMap.hessianSquare f)

    /// E g(ε) for ε ~ N(0, σ²·I) in `dimension` dimensions by the three-point Gauss–Hermite rule: exact for polynomials g of degree
    /// up to five. 3^dimension evaluations.
    let gaussianMean dimension (sigma: float) (g: float[] -> float) =
        let far = sigma * sqrt 3.0
        let nodes = [ 0.0, 2.0 / 3.0; far, 1.0 / 6.0; -far, 1.0 / 6.0 ]

        let rec sum left weight point =
            if left = 0 then
                weight * g (Array.ofList point)
            else
                nodes |> List.sumBy (fun (at, w) -> sum (left - 1) (weight * w) (at :: point))

        sum dimension 1.0 []

    /// Equation (3) for fixed x̃ and x: E‖f(x̃ + ε) − (x + ε)‖², exact for a quadratic f.
    let loss f sigma corrupted clean =
        gaussianMean (Array.length clean) sigma (fun noise ->
            Vector.minus (QuadraticMap.apply f (Vector.add corrupted noise)) (Vector.add clean noise) |> Vector.square)

    /// A denoising autoencoder's loss: E‖f(x̃ + ε) − x‖², exact for a quadratic f.
    let denoisingLoss f sigma corrupted clean =
        gaussianMean (Array.length clean) sigma (fun noise ->
            Vector.minus (QuadraticMap.apply f (Vector.add corrupted noise)) clean |> Vector.square)

    /// Equation (8), in the form that holds for any f: ‖f(f(x̃)) − f(x̃)‖ is at most
    /// ‖f(x) − x‖ + ‖J_f(x) − I‖·‖f(x̃) − x‖ + (L/2)·‖f(x̃) − x‖², with norms by Frobenius and L by √(Σ‖Hᵢ‖²_F).
    let idempotencyBound f corrupted clean =
        let away = Vector.norm (Vector.minus (QuadraticMap.apply f corrupted) clean)

        Vector.norm (Vector.minus (QuadraticMap.apply f clean) clean)
        + sqrt (identityGap (QuadraticMap.jacobian f clean)) * away
        + 0.5 * sqrt (QuadraticMap.hessianSquare f) * away * away

    /// One Hutchinson probe along signs v ∈ {−1, 1}ⁿ by central differences of step δ: (‖(J − I)v‖², vᵀ·H·v for each component). Their
    /// means over random signs are ‖J − I‖²_F and Δf. Exact for quadratic f; for a network δ balances its kinks against rounding.
    let probe (step: float) (f: float[] -> float[]) (x: float[]) (signs: float[]) =
        let move = Vector.scale step signs
        let above, here, below = f (Vector.add x move), f x, f (Vector.minus x move)
        let slope = Array.map2 (fun a b -> (a - b) / (2.0 * step)) above below

        let bend = Array.map3 (fun a m b -> (a - 2.0 * m + b) / (step * step)) above here below

        struct (Vector.square (Vector.minus slope signs), bend)
