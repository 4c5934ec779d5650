/// The library as a program on the line uses it, and the package as a stranger's project gets it.
module Fae.Tests.LibraryTests

open System
open System.IO
open System.Runtime.InteropServices
open System.Text.Json.Nodes
open Expecto
open Fae
open Fae.Core
open Fae.Imaging
open Fae.Tests.Helpers

let opened (work: Detector -> 'a) =
    inTemporaryFolder (fun folder ->
        use detector = Detector.Load(brightnessModel folder)
        work detector)

/// A colour picture of 20 × 30 with every pixel of its own.
let colours = Image.init 3 20 30 (fun c y x -> float32 ((37 * c + 11 * y + 5 * x) % 256) / 255.0f)

let valueOf (c: int) y x = byte (round (255.0f * colours[c, y, x]))

/// Its pixels in another layout: the planes' order, values that are passed over at a pixel's end, bytes at a row's.
let laidOut (planes: int list) filler padding =
    [|
        for y in 0 .. colours.Height - 1 do
            for x in 0 .. colours.Width - 1 do
                for c in planes -> valueOf c y x

                for _ in 1..filler -> 0uy

            for _ in 1..padding -> 99uy
    |]

let same (a: Inspection) (b: Inspection) =
    a.Score = b.Score
    && a.PValue = b.PValue
    && a.Verdict = b.Verdict
    && (a.Heatmap |> Option.ofObj |> Option.map _.Values.ToArray()) = (b.Heatmap |> Option.ofObj |> Option.map _.Values.ToArray())

let tests =
    testList
        "Library"
        [
            test "file, bytes, stream and pixel buffer give the same result" {
                opened (fun detector ->
                    inTemporaryFolder (fun folder ->
                        let path = Path.Combine(folder, "part.png")
                        let png = ImageEncoder.toPng colours
                        File.WriteAllBytes(path, png)
                        let file = detector.Inspect(ImageSource.FromFile path)
                        Expect.equal (file.Name, file.Width, file.Height) (path, 30, 20) "what it is called, how large it was"
                        Expect.notEqual file.Verdict Verdict.Unreadable "read"

                        for name, source in
                            [
                                "bytes", ImageSource.FromBytes(ReadOnlyMemory png)
                                "stream", ImageSource.FromStream(new MemoryStream(png))
                                "RGB", ImageSource.FromPixels(ReadOnlyMemory(laidOut [ 0; 1; 2 ] 0 0), 30, 20, PixelFormat.Rgb24)
                                "BGR", ImageSource.FromPixels(ReadOnlyMemory(laidOut [ 2; 1; 0 ] 0 0), 30, 20, PixelFormat.Bgr24)
                                "BGRx", ImageSource.FromPixels(ReadOnlyMemory(laidOut [ 2; 1; 0 ] 1 0), 30, 20, PixelFormat.Bgrx32)
                                "RGBx", ImageSource.FromPixels(ReadOnlyMemory(laidOut [ 0; 1; 2 ] 1 0), 30, 20, PixelFormat.Rgbx32)
                                "rows padded by whole pixels",
                                ImageSource.FromPixels(ReadOnlyMemory(laidOut [ 0; 1; 2 ] 0 6), 30, 20, PixelFormat.Rgb24, 96)
                                "rows padded oddly",
                                ImageSource.FromPixels(ReadOnlyMemory(laidOut [ 0; 1; 2 ] 0 5), 30, 20, PixelFormat.Rgb24, 95)
                            ] do
                            Expect.isTrue (same file (detector.Inspect source)) name

                        let unmanaged = Marshal.AllocHGlobal 1800

                        try
                            Marshal.Copy(laidOut [ 0; 1; 2 ] 0 0, 0, unmanaged, 1800)
                            let camera = ImageSource.FromPixels(unmanaged, 30, 20, PixelFormat.Rgb24)
                            Expect.isTrue (same file (detector.Inspect camera)) "memory that is not .NET's"
                        finally
                            Marshal.FreeHGlobal unmanaged))
            }
            test "options: threads change nothing, a provider that ONNX Runtime lacks is said with its package" {
                inTemporaryFolder (fun folder ->
                    let path = brightnessModel folder
                    use one = Detector.Load(path, DetectorOptions(Threads = 1))
                    use all = Detector.Load path
                    let picture = ImageSource.FromBytes(ReadOnlyMemory(lightPicture 1))
                    Expect.equal (one.Inspect picture).Verdict (all.Inspect picture).Verdict "the same verdict"

                    for provider, package in
                        [
                            ExecutionProvider.Cuda, "Microsoft.ML.OnnxRuntime.Gpu"
                            ExecutionProvider.DirectML, "Microsoft.ML.OnnxRuntime.DirectML"
                            ExecutionProvider.OpenVino, "Intel.ML.OnnxRuntime.OpenVino"
                        ] do
                        let read, _, problem = Detector.TryLoad(path, options = DetectorOptions(Provider = provider))
                        Expect.isFalse read $"{provider}"
                        Expect.stringContains (string problem) package "what to reference"

                    Expect.throwsT<ArgumentOutOfRangeException>
                        (fun () -> Detector.Load(path, DetectorOptions(Threads = -1)) |> ignore)
                        "no number of threads")
            }
            test "a buffer that is too small throws, a broken picture is unreadable" {
                opened (fun detector ->
                    Expect.throwsT<ArgumentException>
                        (fun () -> ImageSource.FromPixels(ReadOnlyMemory(Array.zeroCreate<byte> 99), 10, 10, PixelFormat.Grey8) |> ignore)
                        "a byte is missing"

                    let broken = detector.Inspect(ImageSource.FromBytes(ReadOnlyMemory "no picture"B, "broken"))

                    Expect.equal
                        (broken.Verdict, broken.Anomalous, broken.Regions.Count)
                        (Verdict.Unreadable, false, 0)
                        "not good, not bad"

                    Expect.stringContains (string broken.Problem) "cannot be read" "why"
                    Expect.isTrue (Single.IsNaN broken.Score && Double.IsNaN broken.PValue) "no number"
                    Expect.isNull broken.Heatmap "nothing to see"
                    Expect.throwsT<InvalidOperationException> (fun () -> broken.HeatmapPng() |> ignore) "no picture"
                    Expect.stringContains (broken.ToJson()) "problem" "said in JSON too"
                    let missing = detector.Inspect(ImageSource.FromFile "/nowhere/part.png")
                    Expect.equal missing.Verdict Verdict.Unreadable "no file")
            }
            test "verdict, regions, mask and heatmap agree" {
                opened (fun detector ->
                    let bad = detector.Inspect(ImageSource.FromBytes(ReadOnlyMemory(lightPicture 0)))
                    let good = detector.Inspect(ImageSource.FromBytes(ReadOnlyMemory(lightPicture 1)))
                    Expect.equal (bad.Verdict, good.Verdict) (Verdict.Anomalous, Verdict.Good) "dark and bright"
                    Expect.isGreaterThan bad.Score detector.Threshold "above the threshold"
                    Expect.isLessThanOrEqual good.Score detector.Threshold "below it"
                    Expect.equal bad.Threshold detector.Threshold "the same threshold"

                    match bad.Heatmap, bad.Mask with
                    | NonNull heatmap, NonNull mask ->
                        Expect.equal (heatmap.Width, heatmap.Height) (32, 32) "the network's size"

                        let above = heatmap.Values.ToArray() |> Array.map (fun v -> if v >= bad.PixelThreshold then 1.0f else 0.0f)

                        Expect.equal (mask.Values.ToArray()) above "the mask is the heatmap's"
                        Expect.equal (bad.Regions |> Seq.sumBy _.Area) (int (Array.sum above)) "and the regions are the mask's"
                    | _ -> failtest "no heatmap"

                    match ImageDecoder.readBytes 3 id "heatmap" (bad.HeatmapPng()) with
                    | Ok picture -> Expect.equal (picture.Image.Width, picture.Image.Height) (32, 32) "a picture of the picture's size"
                    | Error problem -> failtest (string problem)

                    let json = nonNull (JsonNode.Parse(bad.ToJson()))
                    Expect.equal (textOf json "anomalous") "true" "the JSON of inspect")
            }
            test "another false-alarm rate, or the reason why not" {
                opened (fun detector ->
                    Expect.equal detector.GoodScores.Count 10 "held out"
                    let strict = detector.At 0.1
                    Expect.isGreaterThan strict.Threshold detector.Threshold "fewer alarms"
                    Expect.throwsT<ArgumentOutOfRangeException> (fun () -> detector.At 0.01 |> ignore) "ten parts cannot promise that")
            }
            test "a detector that was disposed of throws and never ends the process; one at another rate shares its network" {
                inTemporaryFolder (fun folder ->
                    let path = brightnessModel folder
                    let picture = ImageSource.FromBytes(lightPicture 1)
                    let detector = Detector.Load path

                    (use strict = detector.At 0.2
                     strict.Inspect picture |> ignore)

                    Expect.equal (detector.Inspect picture).Verdict Verdict.Good "the first one goes on"
                    let other = detector.At 0.2
                    detector.Dispose()
                    detector.Dispose()

                    for disposed in [ detector; other ] do
                        Expect.throwsT<ObjectDisposedException> (fun () -> disposed.Inspect picture |> ignore) "used after its end"

                    // Threads that inspect while it is disposed of finish or throw.
                    for _ in 1..20 do
                        use shared = Detector.Load path
                        let pictures = [ for i in 0..15 -> ImageSource.FromBytes(lightPicture i) ]

                        let works =
                            [
                                for _ in 1..4 ->
                                    Threading.Tasks.Task.Run(fun () ->
                                        try
                                            for picture in pictures do
                                                shared.Inspect picture |> ignore
                                        with :? ObjectDisposedException ->
                                            ())
                            ]

                        Threading.Thread.Sleep 5
                        shared.Dispose()
                        Threading.Tasks.Task.WaitAll(Array.ofList works))
            }
            test "TryLoad returns the reason for an unreadable model" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "model.safetensors")

                    for content, reason in [ None, "model.safetensors"; Some "no model", "shorter than a safetensors header" ] do
                        content |> Option.iter (fun text -> File.WriteAllText(path, text.Substring(0, 7)))

                        let read, detector, problem = Detector.TryLoad path
                        Expect.equal (read, isNull detector) (false, true) "no detector"
                        Expect.stringContains (string problem) reason "why")
            }
        ]
