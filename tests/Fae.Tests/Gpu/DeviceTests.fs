/// The kernels that a GPU runs, on every device that there is: emulated ones, and a GPU.
module Fae.Tests.DeviceTests

open System
open Expecto
open Fae.Core
open Fae.Data
open Fae.Gpu
open Fae.Kernels
open Fae.Spec
open Fae.Tests.DataTests

let tests =
    testList
        "Devices"
        [
            for device in Emulated.devices ->
                testList
                    device.Name
                    [
                        test "the filter on long lines, all passes together, some, or one at a time" {
                            for size, passes in [ 21, 3; 33, 3; 35, 3; 5, 30; 99, 2 ] do
                                for height, width in [ 3, 300; 300, 3; 70, 140 ] do
                                    let image = Noise.field 7UL 1.0f 2 height width
                                    let filtered = device.On _.Smooth(image, size, passes)

                                    Expect.isLessThan
                                        (Near.distance filtered (ScoringKernel.Smooth(image, size, passes)))
                                        1e-5f
                                        $"{size}, {passes} times, {height}×{width}"
                        }

                        test "a heatmap of a geometric mean filters each map first" {
                            let x, r = Noise.field 1UL 0.2f 3 40 33, Noise.field 2UL 0.2f 3 40 33

                            let scoring =
                                {
                                    Scoring.Measure = Geometric [ 0.3f, Mse; 0.3f, Smoothed(9, 2, Ssim); 0.4f, Smoothed(5, 1, Gms) ]
                                    FilterSize = 5
                                    FilterPasses = 2
                                    Reduction = Maximum
                                    Border = 0
                                    Normalisation = Unnormalised
                                }

                            let expected = Scoring.heatmap scoring x r
                            let filteredLast = MeanFilter.apply 5 2 (Difference.map scoring.Measure x r)
                            Expect.isLessThan (Near.distance (ScoringKernel.Heatmap(scoring, x, r)) expected) 1e-4f "on the CPU"
                            Expect.isGreaterThan (Near.distance filteredLast expected) 1e-2f "the order matters"

                            let there =
                                device.Use(fun machine ->
                                    use a = machine.Upload<float32>(ReadOnlySpan x.Pixels)
                                    use b = machine.Upload<float32>(ReadOnlySpan r.Pixels)
                                    use map = machine.Rent(DeviceValue.Real, x.Area)

                                    device.On(fun scoringThere ->
                                        scoringThere.Heatmap(scoring, a.All, b.All, map.All, 3, x.Height, x.Width)
                                        Image.ofArray 1 x.Height x.Width (machine.Download map.All)))

                            Expect.isLessThan (Near.distance there expected) 1e-4f "there"
                        }

                        // Every shape, fill and motion that a recipe can name; on the kernels that a GPU runs.
                        test "a batch from recipes equals the batch of the CPU" {
                            let size = 20

                            let images = grainy 3 size
                            let ignore = Image.init 1 size size (fun _ y x -> if x + 2 * y < 16 then 1.0f else 0.0f)

                            for family in [ Family.Occlusions; Family.Cells; Family.CutPaste; Family.Clouds ] do
                                for crop, rotate in [ 0, 0.0f; 15, 180.0f ] do
                                    let config =
                                        { moving size crop rotate with
                                            Corruption = { Config.defaults.Corruption with Family = family; CellsMin = 2; CellsMax = 8 }
                                            Config.Noise.OnTarget = (crop = 0)
                                        }

                                    let source =
                                        TrainingSource(config, ImageCache.OfImages images, [| Image.constant 1 9 12 0.3f |], Some ignore)

                                    let side = InputGeometry.trainSide config
                                    let count = 4
                                    let batch = HostBatch(count, 3, side)

                                    device.Use(fun machine ->
                                        use samples = new DeviceSamples(machine, source, 3, side)

                                        for step in 1..3 do
                                            for index in 0 .. count - 1 do
                                                (source :> ISampleSource).Fill(step, index, batch)

                                            let made = samples.Fetch(step, count)

                                            let off (a: float32[]) (b: float32[]) =
                                                Seq.zip a b |> Seq.averageBy (fun (a, b) -> if abs (a - b) > 1e-4f then 1.0 else 0.0)

                                            let what = $"{family}, crop {crop}, step {step}"
                                            Expect.equal (off batch.Target made.Target) 0.0 $"target, {what}"
                                            // The nearest pixel, or the side of an edge, may be another after rounding.
                                            Expect.isLessThan (off batch.Mask made.Mask) 0.002 $"mask, {what}"
                                            Expect.isLessThan (off batch.Input made.Input) 0.004 $"input, {what}")
                        }

                    ]
        ]
