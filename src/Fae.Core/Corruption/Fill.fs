/// The second dimension of a corruption: what is painted. Remark 3 wants real textures; where the user has none, patches of the
/// other good parts and procedural textures stand in.
namespace Fae.Core

/// The families of the procedural texture bank.
type Pattern =
    /// Fine grain: one octave of value noise.
    | Grain
    /// Clouds: four octaves of value noise.
    | Clouds
    /// Parallel stripes, slightly bent by noise.
    | Stripes
    /// Round spots on a ground.
    | Spots

type Fill =
    /// One colour, a value a channel.
    | Plain of colour: float32[]
    /// A procedural texture between two colours; `scale` is the size of its features in shorter sides.
    | Texture of pose: Pose * pattern: Pattern * scale: float32 * key: uint64 * low: float32[] * high: float32[]
    /// A patch of picture number `source` of the bank, seen through the pose at this zoom (−1: of the image itself, shifted by the
    /// pose's distance from the middle), with its contrast and brightness changed: t = gain·(p − 0.5) + 0.5 + bias.
    | Patch of pose: Pose * source: int * zoom: float32 * gain: float32 * bias: float32
    /// The part's own surface, darker or lighter: t = gain·x + bias. A stain, a shadow, a glare.
    | Shade of gain: float32 * bias: float32

/// What good parts look like, so that painted colours are neither invisible nor absurd: mean and standard deviation a channel, and
/// some of their colours.
type Palette = { Mean: float32[]; Deviation: float32[]; Colours: float32[][] }

[<RequireQualifiedAccess>]
module Palette =
    let private sampleSize = 512

    /// The palette of a set of images of one number of channels.
    let ofImages (images: Image list) =
        let channels = (List.head images).Channels

        let moments c =
            let values = images |> List.map (fun image -> (Image.plane c image).Pixels)
            let mean = values |> List.averageBy (Array.averageBy float)

            let variance = values |> List.averageBy (Array.averageBy (fun v -> (float v - mean) ** 2.0))

            float32 mean, float32 (sqrt variance)

        let all = Array.init channels moments
        let sampled = Array.ofList images

        // Pixels by number, scattered by the generator's hash: the same for the same images.
        let colour i =
            let image = sampled[i % sampled.Length]
            let at = int (Random.hash 0xC010UL (uint64 i) % uint64 image.Area)
            Array.init channels (fun c -> image.Pixels[c * image.Area + at])

        { Mean = Array.map fst all; Deviation = Array.map snd all; Colours = Array.init sampleSize colour }

[<RequireQualifiedAccess>]
module Fill =
    let private clamp (v: float32) = max 0.0f (min 1.0f v)

    let mapPose f =
        function
        | Texture(pose, pattern, scale, key, low, high) -> Texture(f pose, pattern, scale, key, low, high)
        | Patch(pose, source, zoom, gain, bias) -> Patch(f pose, source, zoom, gain, bias)
        | (Plain _ | Shade _) as fill -> fill

    /// With the odds `ownChance` a colour that the parts have themselves (right elsewhere, wrong here); else any colour of the cube, any
    /// grey, or the parts' mean moved by some deviations.
    let colour ownChance (palette: Palette) =
        let anyColour = Sampler.array palette.Mean.Length (Sampler.uniform 0.0f 1.0f)

        let grey = Sampler.uniform 0.0f 1.0f |> Sampler.map (fun v -> Array.create palette.Mean.Length v)

        let near =
            sample {
                let! away = Sampler.uniform 0.5f 3.0f
                let! brighter = Sampler.chance 0.5f
                let! tint = Sampler.array palette.Mean.Length (Sampler.uniform -0.5f 0.5f)
                let away = if brighter then away else -away

                return Array.map3 (fun m d t -> clamp (m + (away + t) * max 0.03f d)) palette.Mean palette.Deviation tint
            }

        let own = Sampler.integer 0 (palette.Colours.Length - 1) |> Sampler.map (fun i -> palette.Colours[i])

        Sampler.either ownChance own (Sampler.choose [ 2.0f, anyColour; 2.0f, grey; 3.0f, near ])

    let plain ownChance palette = colour ownChance palette |> Sampler.map Plain

    let texture ownChance palette =
        sample {
            let! pose = Pose.anywhere

            let! pattern = Sampler.choose (List.map (fun p -> 1.0f, Sampler.constant p) [ Grain; Clouds; Stripes; Spots ])

            let! scale = Sampler.logUniform 0.006f 0.15f
            let! key = Sampler.bits
            let! low = colour ownChance palette
            let! high = colour ownChance palette
            return Texture(pose, pattern, scale, key, low, high)
        }

    /// Patches of the bank's pictures; with probability `jitterChance` their contrast and brightness are changed.
    let patch jitterChance (sources: Sampler<int>) =
        sample {
            let! pose = Pose.anywhere
            let! source = sources
            let! zoom = Sampler.logUniform 0.7f 1.4f
            let! jitter = Sampler.chance jitterChance
            let! gain = Sampler.logUniform 0.6f 1.6f
            let! bias = Sampler.uniform -0.2f 0.2f

            return
                if jitter then
                    Patch(pose, source, zoom, gain, bias)
                else
                    Patch(pose, source, zoom, 1.0f, 0.0f)
        }

    let shade =
        sample {
            let! darker = Sampler.chance 0.5f
            let! amount = Sampler.uniform 0.15f 0.8f
            let! bias = Sampler.uniform -0.05f 0.05f

            return
                if darker then
                    Shade(1.0f - amount, bias)
                else
                    Shade(1.0f - 0.6f * amount, 0.6f * amount + bias)
        }

    /// The pattern's value in [0, 1] at a point given in feature sizes.
    let pattern kind key (u: float32) (v: float32) =
        match kind with
        | Grain -> Lattice.noise key u v
        | Clouds ->
            let mutable sum = 0.0f
            let mutable weight = 0.5f
            let mutable f = 0.25f

            for octave in 0..3 do
                sum <- sum + weight * Lattice.noise (key + uint64 octave) (f * u) (f * v)
                weight <- 0.5f * weight
                f <- 2.0f * f

            clamp ((sum / 0.9375f - 0.5f) * 1.6f + 0.5f)
        | Stripes -> 0.5f + 0.5f * sin (System.MathF.PI * (u + Lattice.noise key (0.3f * u) (0.3f * v)))
        | Spots ->
            let n = Lattice.noise key u v
            clamp ((n - 0.55f) * 6.0f + 0.5f)

    /// The painted colour at a pixel, as a function of (row, column, channel) of `image`; values are in [0, 1].
    let paint (bank: Image[]) (image: Image) fill : int -> int -> int -> float32 =
        let side = float32 (min image.Height image.Width)

        let local (pose: Pose) (y: int) (x: int) =
            let dx = (float32 x + 0.5f - pose.X * float32 image.Width) / side
            let dy = (float32 y + 0.5f - pose.Y * float32 image.Height) / side
            struct (pose.A * dx + pose.B * dy, pose.C * dx + pose.D * dy)

        match fill with
        | Plain colour -> fun _ _ c -> clamp colour[c % colour.Length]
        | Shade(gain, bias) -> fun y x c -> clamp (gain * image[c, y, x] + bias)
        | Texture(pose, kind, scale, key, low, high) ->
            fun y x c ->
                let struct (u, v) = local pose y x
                let t = pattern kind key (u / scale) (v / scale)
                let low = low[c % low.Length]
                clamp (low + t * (high[c % high.Length] - low))
        | Patch(pose, source, _, gain, bias) when source < 0 || bank.Length = 0 ->
            // The image itself, shifted by the pose's distance from the middle: a shift turns and flips with the image.
            let dx = int (round ((pose.X - 0.5f) * float32 image.Width))
            let dy = int (round ((pose.Y - 0.5f) * float32 image.Height))

            fun y x c ->
                clamp (
                    gain * (image[c, Image.reflect image.Height (y + dy), Image.reflect image.Width (x + dx)] - 0.5f)
                    + 0.5f
                    + bias
                )
        | Patch(pose, source, zoom, gain, bias) ->
            let from = bank[source % bank.Length]
            let scale = float32 (min from.Height from.Width) / zoom

            fun y x c ->
                let struct (u, v) = local pose y x
                // The local pose's origin lies at the source's centre; nearest pixel, mirrored at the borders.
                let sx = Image.reflect from.Width (int (floor (u * scale + 0.5f * float32 from.Width)))
                let sy = Image.reflect from.Height (int (floor (v * scale + 0.5f * float32 from.Height)))
                clamp (gain * (from[c % from.Channels, sy, sx] - 0.5f) + 0.5f + bias)
