/// What training sees: augment, corrupt by a plan, add the same noise to both; every bit of it from one seed.
namespace Fae.Data

open System
open System.Collections.Generic
open Fae.Core
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

/// The random choices of a sample.
[<NoComparison>]
type private Ingredients = { Which: int; Change: Augmentation; Plan: Plan; Sigma: float32; Key: uint64; Top: uint64; Left: uint64 }

/// Makes training samples from good pictures. Sample (step, index) depends on the seed alone.
type TrainingSource(config: Config, pictures: ImageCache, textures: Image[], ignore: Image option) =
    let root = Random.ofSeed (uint64 config.Train.Seed)
    let samples = Random.fork 1UL root
    let side = InputGeometry.trainSide config

    /// Limit of the values of all bank pictures together: half a gigabyte.
    let mostOfBank = 1 <<< 27

    let glimpse number = RandomTile.at config (Random.fork (uint64 number) (Random.fork 4UL root)) pictures[number]

    /// The pictures that patches are taken from: all, or as many as may stay in memory; of large ones a window each.
    let bank =
        let volume = pictures[0].Channels * config.Image.Size * config.Image.Size
        let every = 1 + (pictures.Count - 1) / max 1 (mostOfBank / volume)
        Array.append (Array.Parallel.map glimpse [| 0..every .. pictures.Count - 1 |]) textures

    let palette =
        let every = 1 + pictures.Count / 64
        Palette.ofImages [ for number in 0..every .. pictures.Count - 1 -> glimpse number ]

    let plans = Corruption.plans config.Corruption palette bank.Length

    let level = if config.Noise.RandomSigma then UpTo config.Noise.Sigma else Fixed config.Noise.Sigma

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

            return { Which = which; Change = change; Plan = plan; Sigma = sigma; Key = key; Top = top; Left = left }
        }

    let draw (step: int) (index: int) =
        let number = uint64 step * uint64 config.Train.Batch + uint64 index
        Sampler.value (Random.fork number samples) ingredients

    let window drawn (image: Image) =
        let place bits length = int (bits % uint64 (length - side + 1))
        CropWindow.around drawn.Change side (place drawn.Top image.Height) (place drawn.Left image.Width) image.Height image.Width

    /// The palette of the good images.
    member _.Palette = palette

    /// The pictures that patches are taken from.
    member _.Bank = bank

    /// One sample in plain words: what `Fill` writes, to float rounding.
    member _.Draw(step: int, index: int) : TrainingSample =
        let drawn = draw step index

        let image = pictures[drawn.Which]
        let seen change = CropWindow.extract change (window drawn image)
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
            if pictures.Kept = pictures.Count then Some(pictures :> IReadOnlyList<Image>) else None
            |> Option.toObj

        member _.Bank = bank
        member _.Ignored = Option.toObj ignore
        member _.NoiseOnTarget = config.Noise.OnTarget

        member _.Recipe(step, index) =
            let drawn = draw step index
            let window = window drawn pictures[drawn.Which]

            SampleRecipe(
                drawn.Which,
                AugmentKernel.context drawn.Change pictures[drawn.Which] window,
                window.Top - window.ContextTop,
                window.Left - window.ContextLeft,
                Augment.isPixelExact drawn.Change,
                drawn.Change.Angle,
                Augment.pixels drawn.Change.ShiftX window.Context,
                Augment.pixels drawn.Change.ShiftY window.Context,
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
            NoiseKernel.Add(drawn.Key, drawn.Sigma, input, (if config.Noise.OnTarget then target else Span.Empty))

            match ignore with
            | None -> ()
            | Some ignored ->
                let seen = Array.zeroCreate (side * side)
                AugmentKernel.move drawn.Change ignored window (Span seen)

                for i in 0 .. seen.Length - 1 do
                    if seen[i] >= 0.5f then mask[i] <- -1.0f
