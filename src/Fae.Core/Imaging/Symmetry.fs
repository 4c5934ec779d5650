/// Which mirrorings and turns leave a good part good: asked of the good pictures themselves.
namespace Fae.Core

/// The changes of a picture that training may use.
type Symmetry =
    {
        FlipHorizontal: bool
        FlipVertical: bool
        QuarterTurns: bool
        /// Turned by any angle.
        AnyRotation: bool
    }

[<RequireQualifiedAccess>]
module Symmetry =
    let private side = 48
    let private most = 48

    /// A changed picture may be this much farther from the others than an unchanged one.
    let private tolerance = 1.1

    /// As much for the grain, whose distances are small and vary by chance; grain that has a direction is many times as far.
    let private grainTolerance = 2.0

    /// The angles that stand for all angles: no common part is symmetric under both and not under others.
    let private angles = [ 0.47f; 0.785f ]

    /// The square of grain that is looked at; it is cut from one that is still full when it is turned.
    let private grainSide, turnedSide = 96, 136

    let private lag, lagStep = 8, 2

    /// Each channel has mean 0, all together deviation 1 (about; a flat picture stays flat): an exposure or a white balance is no change of
    /// the part.
    let private normalise (image: Image) =
        let means = Array.init image.Channels (fun channel -> Array.average (Image.plane channel image).Pixels)
        let centred = Image.init image.Channels image.Height image.Width (fun c y x -> image[c, y, x] - means[c])
        let deviation = sqrt (centred.Pixels |> Array.averageBy (fun v -> v * v))
        Image.map (fun v -> v / (deviation + 0.01f)) centred

    /// The picture, `side` pixels square, with its colours: three wires are not symmetric by their grey alone.
    let private thumbnail (picture: Image) =
        // Rounded outwards at both ends, so that the mirrored picture has the mirrored thumbnail.
        let span n i = i * n / side, ((i + 1) * n + side - 1) / side

        Image.init picture.Channels side side (fun channel y x ->
            let top, bottom = span picture.Height y
            let left, right = span picture.Width x
            let mutable sum = 0.0f

            for v in top .. bottom - 1 do
                for u in left .. right - 1 do
                    sum <- sum + picture[channel, v, u]

            sum / float32 ((bottom - top) * (right - left)))
        |> normalise

    /// The middle of a picture, at most `size` pixels square.
    let private middle size (image: Image) =
        let size = min size (min image.Height image.Width)
        Image.crop ((image.Height - size) / 2) ((image.Width - size) / 2) size size image

    /// The middle of a picture, slightly smoothed: a turn by an angle smooths too, and must not be told by that.
    let private grain (plane: Image) = middle turnedSide plane |> MeanFilter.apply 3 2

    /// How alike the grain is to itself at some distances and directions, wherever it lies.
    let private autocorrelation (grain: Image) =
        let image = normalise (middle (min grainSide (7 * grain.Width / 10)) grain)
        let n = image.Width

        [|
            for dy in 0..lagStep..lag do
                for dx in -lag .. lagStep .. lag do
                    if dy < n && abs dx < n then
                        let mutable sum = 0.0f

                        for y in 0 .. n - 1 - dy do
                            for x in max 0 -dx .. n - 1 - max 0 dx do
                                sum <- sum + image.Pixels[y * n + x] * image.Pixels[(y + dy) * n + x + dx]

                        sum / float32 ((n - dy) * (n - abs dx))
        |]

    let private bins = 18

    /// How much of the grain's squared gradient has each direction, in steps of 10 degrees; the shares sum to 1.
    let private directions (grain: Image) =
        let image = middle (min grainSide (7 * grain.Width / 10)) grain
        let shares = Array.zeroCreate<float> bins

        for y in 1 .. image.Height - 2 do
            for x in 1 .. image.Width - 2 do
                let dx = float (image[0, y, x + 1] - image[0, y, x - 1])
                let dy = float (image[0, y + 1, x] - image[0, y - 1, x])
                let half = (System.Math.Atan2(dy, dx) + System.Math.PI) / System.Math.PI % 1.0
                let bin = min (bins - 1) (int (half * float bins))
                shares[bin] <- shares[bin] + dx * dx + dy * dy

        let total = Array.sum shares

        if total < 1e-12 then
            Array.create bins (1.0 / float bins)
        else
            shares |> Array.map (fun share -> share / total)

    /// The mean shares of directions over pictures.
    let private meanDirections (grains: Image[]) =
        let all = grains |> Array.map directions
        Array.init bins (fun bin -> all |> Array.averageBy (fun shares -> shares[bin]))

    /// Sums of absolute differences of shares up to this are chance; where two halves of the pictures differ by more, up to twice that.
    let private chance = 0.3

    /// Whether the directions of all pictures together stay as they are: boards of many layouts are unlike each other in any position, but
    /// all have their lines along two directions.
    let private keepsDirections (grains: Image[]) =
        let apart a b = Array.fold2 (fun sum (x: float) y -> sum + abs (x - y)) 0.0 a b
        let some parity = grains |> Array.indexed |> Array.filter (fun (i, _) -> i % 2 = parity) |> Array.map snd
        let allowed = max chance (2.0 * apart (meanDirections (some 0)) (meanDirections (some 1)))
        let unchanged = meanDirections grains
        fun change -> apart unchanged (meanDirections (Array.map change grains)) <= allowed

    let private distance (a: float32[]) (b: float32[]) = Array.fold2 (fun sum (x: float32) y -> sum + float ((x - y) * (x - y))) 0.0 a b

    /// The median distance between two different pictures, the second one changed. (Not the mean: several exposures of one part are
    /// much more alike than two parts.)
    let private spread (features: Image -> float32[]) (pictures: Image[]) change =
        let unchanged = Array.map features pictures
        let changed = Array.map (change >> features) pictures

        let distances =
            [|
                for i in 0 .. pictures.Length - 1 do
                    for j in 0 .. pictures.Length - 1 do
                        if i <> j then distance unchanged[i] changed[j]
            |]
            |> Array.sort

        distances[distances.Length / 2]

    /// The pixels of a thumbnail that stay inside when it is turned.
    let private disc (image: Image) =
        let centre, radius = 0.5f * float32 (side - 1), 0.5f * float32 side

        [|
            for channel in 0 .. image.Channels - 1 do
                for y in 0 .. side - 1 do
                    for x in 0 .. side - 1 do
                        let dy, dx = float32 y - centre, float32 x - centre

                        if dx * dx + dy * dy < radius * radius then image[channel, y, x]
        |]

    let private none = { FlipHorizontal = false; FlipVertical = false; QuarterTurns = false; AnyRotation = false }

    /// A change is allowed if pictures stay as like to each other under it as they are without, in what is where and in their grain:
    /// always for parts that lie in any direction, for a texture where its grain has none, for an aligned part only where it is symmetric
    /// itself. Needs at least two pictures; with one, nothing is allowed.
    let ofImages (images: Image list) =
        let every = max 1 (images.Length / most)

        let some = images |> List.indexed |> List.filter (fun (i, _) -> i % every = 0) |> List.map snd |> Array.ofList

        if some.Length < 2 then
            none
        else
            let thumbnails, grains = Array.map thumbnail some, Array.map (Image.meanPlane >> grain) some

            let alike tolerance features pictures =
                let unchanged = spread features pictures id
                fun change -> spread features pictures change <= tolerance * unchanged

            let inPlace, inDisc = alike tolerance _.Pixels thumbnails, alike tolerance disc thumbnails
            let inGrain = alike grainTolerance autocorrelation grains
            let inDirections = keepsDirections grains

            let allowed change = inPlace change && inGrain change

            let turned angle =
                let change = Warp.apply angle 0.0f 0.0f
                inDisc change && inGrain change && inDirections change

            let quarterTurns = allowed Image.turn && allowed (Image.turn >> Image.turn)

            {
                FlipHorizontal = allowed Image.flip
                FlipVertical = allowed (Image.flip >> Image.turn >> Image.turn)
                QuarterTurns = quarterTurns
                AnyRotation = quarterTurns && List.forall turned angles
            }

    /// In words.
    let describe symmetry =
        match
            [
                if symmetry.FlipHorizontal then "left to right"
                if symmetry.FlipVertical then "top to bottom"
                if symmetry.AnyRotation then "by any angle"
                elif symmetry.QuarterTurns then "by quarter turns"
            ]
        with
        | [] -> "no mirroring and no turn leaves these parts as they are"
        | changes -> "good parts stay good mirrored or turned " + String.concat ", " changes
