/// Strips of a line-scan camera, as a program on the line inspects them.
module Fae.Tests.StripInspectionTests

open System
open System.Collections.Generic
open Expecto
open Fae
open Fae.Core
open Fae.Imaging
open Fae.Tests.Helpers
open Fae.Tests.StripTests

let tests =
    testList
        "Strips of cameras"
        [
            test "the library inspects rows of a camera, 8 bits and 12 in 16, as the whole picture" {
                inTemporaryFolder (fun folder ->
                    use detector = Detector.Load(untrainedModel folder 0.0f byBrightness (tiled 32 32))
                    let picture = texture 500 90
                    let eight = ImageEncoder.toBytes picture

                    let twelve =
                        [|
                            for value in eight do
                                let value = int value * 4095 / 255
                                byte value
                                byte (value >>> 8)
                        |]

                    let whole = detector.Inspect(ImageSource.FromPixels(ReadOnlyMemory eight, 90, 500, PixelFormat.Grey8))

                    for bytes, format, depth, bits in [ eight, PixelFormat.Grey8, 1, 0; twelve, PixelFormat.Grey16, 2, 12 ] do
                        let strip = detector.InspectStrip(90, format, bits, 0)
                        let found = List<RegionOfStrip>()
                        let row = 90 * depth

                        for first in 0..20..499 do
                            let rows = min 20 (500 - first)

                            for region in strip.Push(ReadOnlyMemory(bytes, first * row, rows * row)) do
                                found.Add region
                                let last = region.Top + int64 region.Height
                                Expect.isLessThanOrEqual (strip.Rows - last) (int64 (strip.DelayRows + 20)) "reported in time"

                        let verdict = strip.Complete()
                        found.AddRange verdict.LastRegions
                        Expect.equal (verdict.Verdict, verdict.Rows) (whole.Verdict, 500L) "the verdict"
                        Expect.isTrue (abs (verdict.Score - whole.Score) < 2e-3f) "the score"
                        Expect.isGreaterThan whole.Regions.Count 3 "there are regions"

                        if depth = 1 then
                            Expect.equal
                                (List.sort [ for (r: RegionOfStrip) in found -> r.Left, int r.Top, r.Width, r.Height, int r.Area ])
                                (List.sort [ for r in whole.Regions -> r.Left, r.Top, r.Width, r.Height, r.Area ])
                                "the regions")
            }

            test "a scratch along the whole strip is reported in parts" {
                inTemporaryFolder (fun folder ->
                    use detector = Detector.Load(untrainedModel folder 0.0f byBrightness (tiled 32 32))
                    let rows = ImageEncoder.toBytes (Image.init 1 100 64 (fun _ _ x -> if x > 20 && x < 30 then 0.1f else 0.9f))
                    let strip = detector.InspectStrip(64, PixelFormat.Grey8, 0, 80)

                    let parts: RegionOfStrip list =
                        [
                            for _ in 1..8 do
                                yield! strip.Push(ReadOnlyMemory rows)
                        ]

                    Expect.isGreaterThan parts.Length 6 "before the end"

                    for part in parts do
                        Expect.equal (part.Height, part.Continues) (80, true) "each of eighty rows"

                    for _, below in parts |> List.groupBy _.Left do
                        Expect.sequenceEqual
                            (below |> List.map _.Top)
                            [ for i in 0 .. below.Length - 1 -> 80L * int64 i ]
                            "one below the other")
            }

            test "wrong use of a strip is said" {
                inTemporaryFolder (fun folder ->
                    use whole = Detector.Load(brightnessModel folder)
                    use detector = Detector.Load(untrainedModel folder 0.0f byBrightness (tiled 32 32))
                    let refused width format = fun () -> detector.InspectStrip(width, format) |> ignore
                    Expect.throwsT<NotSupportedException> (fun () -> whole.InspectStrip(64, PixelFormat.Grey8) |> ignore) "no tiles"
                    Expect.throwsT<NotSupportedException> (refused 64 PixelFormat.BayerRG8) "a mosaic"
                    Expect.throwsT<NotSupportedException> (refused 64 PixelFormat.RgbPlanar24) "planes"
                    Expect.throwsT<ArgumentOutOfRangeException> (refused 20 PixelFormat.Grey8) "narrower than a tile"
                    let strip = detector.InspectStrip(64, PixelFormat.Grey8)
                    Expect.throwsT<ArgumentException> (fun () -> strip.Push(ReadOnlyMemory(Array.zeroCreate 65)) |> ignore) "half a row"
                    Expect.isEmpty (strip.Push(ReadOnlyMemory(Array.zeroCreate (64 * 3)))) "three rows"
                    Expect.throwsT<InvalidOperationException> (fun () -> strip.Complete() |> ignore) "fewer rows than a tile"

                    Expect.throwsT<InvalidOperationException>
                        (fun () -> strip.Push(ReadOnlyMemory(Array.zeroCreate 64)) |> ignore)
                        "after it")
            }
        ]
