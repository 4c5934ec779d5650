/// The validation set: held-out good pictures, and copies with one synthetic defect each.
namespace Fae.Data

open Fae.Core
open Fae.Detection
open Fae.Kernels

[<RequireQualifiedAccess>]
module SyntheticDefects =
    /// Synthetic defects an image is given for validation, so that there are about a hundred of them.
    let private repeats heldOut = max 2 (min 12 (100 / max 1 heldOut))

    /// What a person would call a defect: at least this mean change over its mask, or this share of the parts' span of values if that is
    /// less; and at least this many pixels.
    let private visibleChange, visibleShare, visiblePixels = 0.08f, 0.4f, 12

    /// The largest radius of a validation defect, in sides: defects are local.
    let private largestRadius = 0.1f

    /// Side of the window, in pixels, that closes holes and removes spots smaller than a hand-drawn mask would show.
    let private markedOver = 5

    /// Of the values of good parts, the share that is left out at either end as glare and dirt; and how far beyond the others, in their
    /// span, painted values go.
    let private outermost, beyond = 0.001, 0.1f

    /// One value of so many tells their range.
    let private sampled = 17

    /// The lowest and the highest value that a synthetic defect has. Defects far brighter than any part would be found by a detector that
    /// is worth nothing.
    let private range (clean: Image list) =
        let sorted =
            clean
            |> Seq.collect (fun image -> Seq.init ((image.Pixels.Length + sampled - 1) / sampled) (fun i -> image.Pixels[sampled * i]))
            |> Array.ofSeq
            |> Array.sort

        let at share = float32 (Statistics.quantile share sorted)
        let low, high = at outermost, at (1.0 - outermost)
        let margin = beyond * (high - low)
        max 0.0f (low - margin), min 1.0f (high + margin)

    /// The painted picture within the range. What the good picture shows beyond it stays.
    let private within (low, high) (clean: Image) (rendered: Corrupted) =
        { rendered with
            Image = Image.map2 (fun before after -> max (min low before) (min (max high before) after)) clean rendered.Image
        }

    /// How far each pixel was changed, as one plane.
    let private change (clean: Image) (rendered: Corrupted) = Image.meanPlane (Image.map2 (fun a b -> abs (a - b)) clean rendered.Image)

    /// Where the defect is seen: inside its mask, where the picture has visibly changed. What was painted over in its own colour is no
    /// defect, whatever the shape said.
    let private seen least (change: Image) (rendered: Corrupted) =
        Image.map2
            (fun m change -> if m > 0.0f && change >= 0.5f * least then 1.0f else 0.0f)
            (ScoringKernel.Smooth(rendered.Mask, markedOver, 1))
            (ScoringKernel.Smooth(change, markedOver, 1))

    /// Marks by people reach beyond a defect by about a hundredth of the picture's side.
    let private marked (seen: Image) =
        let reach = max 1 (min seen.Height seen.Width / 100)

        ScoringKernel.Smooth(seen, 2 * reach + 1, 1) |> Image.map (fun v -> if v > 1e-6f then 1.0f else 0.0f)

    let private isVisible least (change: Image) (seen: Image) =
        let inside = Array.zip change.Pixels seen.Pixels |> Array.filter (fun (_, m) -> m >= 0.5f)

        inside.Length >= visiblePixels && Array.averageBy fst inside >= least

    /// The corruption model of validation: one visible, local, mostly opaque defect. Training sees fainter and larger ones too;
    /// choosing by those would choose for what nobody would call a defect.
    let private defects (config: Config) =
        // Lengths are in sides of what training sees; a whole picture may be larger.
        let scale = float32 (InputGeometry.trainSide config) / float32 config.Image.Size
        let all = config.Corruption
        let radiusMax = max all.RadiusMin (min largestRadius all.RadiusMax)

        { all with
            MaxCount = 1
            CleanChance = 0.0f
            OpacityMin = max 0.5f all.OpacityMin
            RadiusMin = scale * all.RadiusMin
            RadiusMax = scale * radiusMax
            LengthMin = scale * all.LengthMin
            LengthMax = scale * all.LengthMax
            WidthMin = scale * all.WidthMin
            WidthMax = scale * all.WidthMax
            SoftnessMax = scale * all.SoftnessMax
        }

    /// For large pictures: the fewest tiles, and the largest ignored fraction of a tile.
    let private fewestTiles, mostIgnored = 32, 0.5f

    /// Tiles of one picture, those that lie mostly in ignored parts left out where others can be found.
    let private glimpses (config: Config) ignore count seed (image: Image) =
        let visible seed =
            match ignore with
            | None -> true
            | Some mask -> Array.average (RandomTile.at config seed mask).Pixels <= mostIgnored

        [
            for number in 1..count ->
                let tries = [ for attempt in 0..19 -> Random.fork (uint64 (20 * number + attempt)) seed ]
                RandomTile.at config (tries |> List.tryFind visible |> Option.defaultValue (List.head tries)) image
        ]

    /// The validation images: the held-out pictures, or some tiles of large ones.
    let private views (config: Config) ignore root (heldOut: ImageCache) =
        let some = heldOut.Spread TrainingPlan.mostValidated |> List.ofSeq

        match InputGeometry.tiling config with
        | None -> some
        | Some _ ->
            let each = (fewestTiles + some.Length - 1) / some.Length

            some
            |> List.mapi (fun i image -> glimpses config ignore each (Random.fork (uint64 i) (Random.fork 5UL root)) image)
            |> List.concat

    /// Held-out images, and copies with one synthetic defect each, the same for every validation of a seed.
    let validation (config: Config) (source: TrainingSource) ignore (heldOut: ImageCache) : ValidationSet =
        let plans = Corruption.model (defects config) source.Palette source.Bank.Length
        let root = Random.fork 2UL (Random.ofSeed (uint64 config.Train.Seed))
        let clean = views config ignore root heldOut
        let low, high = range clean
        let least = min visibleChange (visibleShare * (high - low))

        /// The first visible defect of up to 20 draws, with its marks; an image so pale that none is visible keeps the last that can be
        /// seen.
        let rec draw image seed attempt =
            let struct (plan, rest) = Sampler.run seed plans
            let rendered = Plan.render source.Bank image plan |> within (low, high) image
            let change = change image rendered
            let seen = seen least change rendered

            if isVisible least change seen then Some(rendered.Image, marked seen)
            elif attempt < 20 then draw image rest (attempt + 1)
            elif Array.exists (fun m -> m >= 0.5f) seen.Pixels then Some(rendered.Image, marked seen)
            else None

        let corrupted =
            [|
                for i, image in List.indexed clean do
                    for repeat in 0 .. repeats clean.Length - 1 do
                        yield! draw image (Random.fork (uint64 (1000 * i + repeat)) root) 1 |> Option.toList
            |]

        ValidationSet(Array.ofList clean, Array.map fst corrupted, Array.map snd corrupted)
