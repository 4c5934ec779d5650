/// What the laws cannot say of a kernel: that it works in memory which is there already.
module Fae.Tests.KernelTests

open System
open Expecto
open Fae.Core
open Fae.Data
open Fae.Kernels

/// Small enough for one thread, whose allocations can be counted; large enough to tell an image from small change.
let private side = 160

let private picture key = Noise.field key 0.2f 1 side side |> Image.map (fun v -> max 0.0f (min 1.0f (v + 0.5f)))

/// Bytes that one call allocates on this thread once it is warm.
let private allocated (work: unit -> unit) =
    let repeats = 16

    for _ in 1..repeats do
        work ()

    let before = GC.GetAllocatedBytesForCurrentThread()

    for _ in 1..repeats do
        work ()

    float (GC.GetAllocatedBytesForCurrentThread() - before) / float repeats

let private imageBytes = float (side * side * sizeof<float32>)

let private scoring reduction : Scoring =
    {
        Measure = Ssim
        FilterSize = 7
        FilterPasses = 3
        Reduction = reduction
        Border = 3
        Normalisation = ByMedian 0.5f
    }

let tests =
    testList
        "Kernels"
        [
            test "filter, difference maps and scores of an image allocate no image" {
                let x, r = picture 1UL, picture 2UL
                let map = Array.zeroCreate<float32> x.Area
                let heatmap = Image.ofArray 1 side side map

                let works =
                    [
                        "mean filter", (fun () -> MeanFilterKernel.Apply(map, map, side, side, 7, 3))
                        for measure in Difference.all @ [ Weighted [ 1.0f, Ssim; 2.0f, Gms ] ] do
                            Difference.name measure, (fun () -> DifferenceKernel.Map(measure, x.Pixels, r.Pixels, map, 1, side, side))
                        for reduction in [ Sum; Maximum; Top 0.1f ] do
                            $"score by {reduction}", (fun () -> ScoringKernel.Score(scoring reduction, None, heatmap) |> ignore)
                    ]

                for name, work in works do
                    Expect.isLessThan (allocated work) (0.05 * imageBytes) name

                // And the measurement does see an image when there is one.
                Expect.isGreaterThan (allocated (fun () -> ScoringKernel.Smooth(x, 3, 1) |> ignore)) (0.9 * imageBytes) "a new image"
            }

            test "a training sample is made without allocating an image" {
                let config = { Config.defaults with Image = { Config.defaults.Image with Size = side; Crop = 0 } }

                let source = TrainingSource(config, ImageCache.OfImages [| for key in 1UL .. 4UL -> picture key |], [||], None)

                let batch = HostBatch(1, 1, side)
                let mutable step = 0

                let fill () =
                    step <- step + 1
                    (source :> ISampleSource).Fill(step, 0, batch)

                Expect.isLessThan (allocated fill) (0.5 * imageBytes) "bytes a sample"
            }
        ]
