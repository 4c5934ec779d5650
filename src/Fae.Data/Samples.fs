/// What training sees: augment, corrupt by a plan, add the same noise to both; every bit of it from one seed.
namespace Fae.Data

open System
open System.Collections.Generic
open Fae.Core
open Fae.Detection
open Fae.Kernels

/// One training sample in full.
[<NoComparison>]
type TrainingSample =
    {
        Clean: Image
        Plan: Plan
        Corrupted: Corrupted
        Noise: Image
        /// 1 where training shall not look.
        Ignored: Image option
    }

/// What a sample is made of, before a pixel is touched.
[<NoComparison>]
type private Ingredients =
    {
        Which: int
        Change: Augmentation
        Plan: Plan
        Sigma: float32
        Key: uint64
        Top: uint64
        Left: uint64
    }

[<RequireQualifiedAccess>]
module Glimpse =
    /// A picture as the network gets it: whole, or one tile of it, anywhere.
    let at (config: Config) (seed: Seed) (image: Image) =
        match Config.tiling config with
        | None -> image
        | Some tiling ->
            let key = Random.mix64 seed.State
            let first salt length = int (Random.hash key salt % uint64 (length - tiling.Side + 1))
            TileKernel.Crop(image, first 0UL image.Height, first 1UL image.Width, tiling.Side)

/// Makes the samples of a training from its good pictures. Sample (step, index) depends on the seed and on nothing else.
type TrainingSource(config: Config, pictures: Gallery, textures: Image[], ignore: Image option) =
    let root = Random.ofSeed (uint64 config.Train.Seed)
    let samples = Random.fork 1UL root
    let side = Config.trainSide config

    /// The bank's pictures have at most so many values together: a gigabyte.
    let mostOfBank = 1 <<< 28

    let glimpse number = Glimpse.at config (Random.fork (uint64 number) (Random.fork 4UL root)) pictures[number]

    /// The pictures that patches are taken from: all, or as many as may stay in memory; of large ones a window each.
    let bank =
        let volume = pictures[0].Channels * config.Image.Size * config.Image.Size
        let every = 1 + (pictures.Count - 1) / max 1 (mostOfBank / volume)
        Array.append (Array.Parallel.map glimpse [| 0..every .. pictures.Count - 1 |]) textures

    let palette =
        let every = 1 + pictures.Count / 64
        Palette.ofImages [ for number in 0..every .. pictures.Count - 1 -> glimpse number ]

    let plans = Corruption.plans config.Corruption palette bank.Length

    let level =
        if config.NoiseVaries then
            UpTo config.NoiseSigma
        else
            Fixed config.NoiseSigma

    // Places as bits, cut to those that the picture leaves: its shape is not known before it is read.
    let ingredients =
        sample {
            let! which = Sampler.integer 0 (pictures.Count - 1)
            let! change = Augment.draw config.Augment
            let! plan = plans
            let! sigma = Noise.level level
            let! key = Sampler.bits
            let! top = Sampler.bits
            let! left = Sampler.bits

            return
                {
                    Which = which
                    Change = change
                    Plan = plan
                    Sigma = sigma
                    Key = key
                    Top = top
                    Left = left
                }
        }

    let draw (step: int) (index: int) =
        let number = uint64 step * uint64 config.Train.Batch + uint64 index
        Sampler.value (Random.fork number samples) ingredients

    let window drawn (image: Image) =
        let place bits length = int (bits % uint64 (length - side + 1))
        Window.around drawn.Change side (place drawn.Top image.Height) (place drawn.Left image.Width) image.Height image.Width

    /// The palette of the good images.
    member _.Palette = palette

    /// The pictures that patches are taken from.
    member _.Bank = bank

    /// One sample in plain words: what `Fill` writes, to float rounding.
    member _.Draw(step: int, index: int) : TrainingSample =
        let drawn = draw step index

        let image = pictures[drawn.Which]
        let seen change = Window.see change (window drawn image)
        let clean = seen (Augment.apply drawn.Change) image

        {
            Clean = clean
            Plan = drawn.Plan
            Corrupted = Plan.render bank clean drawn.Plan
            Noise = Noise.field drawn.Key drawn.Sigma clean.Channels clean.Height clean.Width
            Ignored = ignore |> Option.map (seen (Augment.move drawn.Change))
        }

    interface IRecipeSource with
        member _.Pictures =
            if pictures.Kept = pictures.Count then
                Some(pictures :> IReadOnlyList<Image>)
            else
                None
            |> Option.toObj

        member _.Bank = bank
        member _.Ignored = Option.toObj ignore
        member _.NoiseKept = config.NoiseKept

        member _.Recipe(step, index) =
            let drawn = draw step index
            let window = window drawn pictures[drawn.Which]

            SampleRecipe(
                drawn.Which,
                AugmentKernel.hood drawn.Change pictures[drawn.Which] window,
                window.Top - window.HoodTop,
                window.Left - window.HoodLeft,
                Augment.keepsGrid drawn.Change,
                drawn.Change.Angle,
                Augment.pixels drawn.Change.ShiftX window.Hood,
                Augment.pixels drawn.Change.ShiftY window.Hood,
                drawn.Change.Gain,
                drawn.Change.Offset,
                drawn.Plan,
                drawn.Sigma,
                drawn.Key
            )

        member _.Fill(step, index, batch) =
            let drawn = draw step index
            let image = pictures[drawn.Which]
            let window = window drawn image
            let volume = image.Channels * side * side
            let target = Span(batch.Target, index * volume, volume)
            let input = Span(batch.Input, index * volume, volume)
            let mask = Span(batch.Mask, index * side * side, side * side)
            AugmentKernel.apply drawn.Change image window target
            CorruptionKernel.Render(bank, Span.op_Implicit target, side, side, drawn.Plan, input, mask)
            NoiseKernel.Add(drawn.Key, drawn.Sigma, input, (if config.NoiseKept then target else Span.Empty))

            match ignore with
            | None -> ()
            | Some ignored ->
                let seen = Array.zeroCreate (side * side)
                AugmentKernel.move drawn.Change ignored window (Span seen)

                for i in 0 .. seen.Length - 1 do
                    if seen[i] >= 0.5f then
                        mask[i] <- -1.0f

[<RequireQualifiedAccess>]
module Samples =
    /// Synthetic defects an image is given for validation, so that there are about a hundred of them.
    let private repeats heldOut = max 2 (min 12 (100 / max 1 heldOut))

    /// What a person would call a defect: at least this mean change over its mask, and at least this many pixels.
    let private visibleChange, visiblePixels = 0.08, 12

    /// The largest radius of a validation defect, in sides: defects are local.
    let private largestRadius = 0.1f

    /// Changes are looked at over this many pixels square: no smaller spot would be marked by hand, and no hole in one.
    let private markedOver = 5

    /// How far each pixel was changed, as one plane.
    let private change (clean: Image) (rendered: Corrupted) =
        Difference.meanPlane (Image.map2 (fun a b -> abs (a - b)) clean rendered.Image)

    /// Where the defect is seen: inside its mask, where the picture has visibly changed. What was painted over in its own colour is no
    /// defect, whatever the shape said.
    let private seen (change: Image) (rendered: Corrupted) =
        Image.map2
            (fun m change ->
                if m > 0.0f && float change >= 0.5 * visibleChange then
                    1.0f
                else
                    0.0f)
            (ScoringKernel.Smooth(rendered.Mask, markedOver, 1))
            (ScoringKernel.Smooth(change, markedOver, 1))

    /// Nobody marks a defect to the pixel: the marks of people reach beyond it by about a hundredth of the picture's side.
    let private marked (seen: Image) =
        let reach = max 1 (min seen.Height seen.Width / 100)

        ScoringKernel.Smooth(seen, 2 * reach + 1, 1)
        |> Image.map (fun v -> if v > 1e-6f then 1.0f else 0.0f)

    let private isVisible (change: Image) (seen: Image) =
        let inside = Array.zip change.Pixels seen.Pixels |> Array.filter (fun (_, m) -> m >= 0.5f)

        inside.Length >= visiblePixels
        && Array.averageBy (fst >> float) inside >= visibleChange

    /// The corruption model of validation: one visible, local, mostly opaque defect. Training sees fainter and larger ones too;
    /// choosing by those would choose for what nobody would call a defect.
    let private defects (config: Config) =
        // Lengths are in sides of what training sees; a whole picture may be larger.
        let scale = float32 (Config.trainSide config) / float32 config.Image.Size
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

    /// So many held-out pictures are enough to choose by; calibration takes all.
    let private mostPictures = 100

    /// Of large pictures, so many tiles at least are looked at, and each picture's fraction that may be ignored.
    let private fewestTiles, mostIgnored = 32, 0.5f

    /// Tiles of one picture, those that lie mostly in ignored parts left out where others can be found.
    let private glimpses (config: Config) ignore count seed (image: Image) =
        let visible seed =
            match ignore with
            | None -> true
            | Some mask -> Array.average (Glimpse.at config seed mask).Pixels <= mostIgnored

        [
            for number in 1..count ->
                let tries = [ for attempt in 0..19 -> Random.fork (uint64 (20 * number + attempt)) seed ]
                Glimpse.at config (tries |> List.tryFind visible |> Option.defaultValue (List.head tries)) image
        ]

    /// What validation looks at of the held-out pictures: themselves; of large ones, some tiles.
    let private views (config: Config) ignore root (heldOut: Gallery) =
        let some = heldOut.Some mostPictures

        match Config.tiling config with
        | None -> some
        | Some _ ->
            let each = (fewestTiles + some.Length - 1) / some.Length

            some
            |> List.mapi (fun i image -> glimpses config ignore each (Random.fork (uint64 i) (Random.fork 5UL root)) image)
            |> List.concat

    /// Held-out images, and copies with one synthetic defect each, the same for every validation of a seed.
    let validation (config: Config) (source: TrainingSource) ignore (heldOut: Gallery) : ValidationSet =
        let plans = Corruption.model (defects config) source.Palette source.Bank.Length
        let root = Random.fork 2UL (Random.ofSeed (uint64 config.Train.Seed))
        let clean = views config ignore root heldOut

        /// The first visible defect of up to 20 draws, with its marks; an image so pale that none is visible keeps the last that can be seen.
        let rec draw image seed attempt =
            let struct (plan, rest) = Sampler.run seed plans
            let rendered = Plan.render source.Bank image plan
            let change = change image rendered
            let seen = seen change rendered

            if isVisible change seen then
                Some(rendered.Image, marked seen)
            elif attempt < 20 then
                draw image rest (attempt + 1)
            elif Array.exists (fun m -> m >= 0.5f) seen.Pixels then
                Some(rendered.Image, marked seen)
            else
                None

        let corrupted =
            [|
                for i, image in List.indexed clean do
                    for repeat in 0 .. repeats clean.Length - 1 do
                        yield! draw image (Random.fork (uint64 (1000 * i + repeat)) root) 1 |> Option.toList
            |]

        ValidationSet(Array.ofList clean, Array.map fst corrupted, Array.map snd corrupted)
