module Fae.Tests.DataTests

open System.IO
open Expecto
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Kernels
open Fae.Spec.Generators
open Fae.Tests.Helpers

let write path image = AtomicFile.Write(path, fun stream -> stream.Write(ImageEncoder.toPng image))

let ramp = Image.init 3 20 30 (fun c y x -> float32 (c + y + x) / 60.0f)

let read channels size path =
    match ImageDecoder.read channels size path with
    | Ok picture -> picture.Image
    | Error problem -> failtest (string problem)

let vips (image: Image) = NetVips.Image.NewFromBuffer(ImageEncoder.toPng image)

/// Pictures of noise, in colour.
let grainy count size =
    Array.init count (fun i -> Noise.field (uint64 i) 0.2f 3 size size |> Image.map (fun v -> max 0.0f (min 1.0f (0.5f + v))))

/// Every change that training may make; crops of `crop`, rotated by up to `rotate` degrees.
let moving size crop rotate =
    { Config.defaults with
        Image = { Config.defaults.Image with Size = size; Crop = crop }
        Augment =
            {
                FlipHorizontal = Some true
                FlipVertical = Some true
                QuarterTurns = Some true
                Rotate = Some rotate
                Shift = (if rotate = 0.0f then 0.0f else 0.1f)
                Brightness = 0.2f
            }
    }

let tests =
    testList
        "Data"
        [
            test "a replaced picture is read again, not taken from the cache" {
                inTemporaryFolder (fun folder ->
                    for ending in [ "png"; "jpg"; "tif"; "webp" ] do
                        let path = Path.Combine(folder, "a." + ending)

                        for value in [ 0.2f; 0.8f ] do
                            use picture = vips (Image.constant 1 40 40 value)
                            picture.WriteToFile path
                            Expect.isLessThan (abs ((read 1 16 path).Pixels[100] - value)) 0.02f $"{ending}, {value}")
            }

            test "an image cache without memory reads its pictures again, and names one that is gone" {
                inTemporaryFolder (fun folder ->
                    let paths = [ for i in 0..9 -> Path.Combine(folder, $"{i}.png") ]

                    paths |> List.iteri (fun i path -> write path (Image.constant 1 8 8 (float32 i / 10.0f)))

                    let openWith room =
                        match ImageCache.Open(room, ImageDecoder.read 1 0 >> Result.map _.Image, paths) with
                        | Ok cache -> cache
                        | Error problems -> failtest (problems |> List.map DataSet.explain |> String.concat "; ")

                    let all, some, none = openWith 1_000_000L, openWith (4L * 256L), openWith 0L
                    Expect.equal (all.Kept, some.Kept, none.Kept) (10, 4, 0) "kept"

                    for i in 0..9 do
                        Expect.equal some[i] all[i] $"picture {i}, some kept"
                        Expect.equal none[i] all[i] $"picture {i}, none kept"

                    Expect.equal
                        (none.Some 3 |> List.map (fun image -> image.Pixels[0]))
                        (List.map (fun i -> all[i].Pixels[0]) [ 0; 3; 6; 9 ])
                        "some"

                    File.Delete paths[5]
                    Expect.equal all[5].Width 8 "it is in memory"

                    let refusal () =
                        try
                            failtest $"{none[5].Width} columns of a picture that is not there were read"
                        with :? IOException as e ->
                            e.Message

                    Expect.stringContains (refusal ()) paths[5] "which picture"
                    // Another picture under its name is not the same picture.
                    File.Copy(paths[3], paths[5])
                    Expect.stringContains (refusal ()) $"{paths[5]}: was replaced" "which picture, and why"
                    File.Delete paths[5]

                    match
                        ImageCache.Open(0L, ImageDecoder.read 1 0 >> Result.map _.Image, paths @ [ Path.Combine(folder, "none.png") ])
                    with
                    | Ok _ -> failtest "it was opened"
                    | Error problems -> Expect.equal problems.Length 2 "both missing pictures are reported")
            }

            test "a broken picture is reported by name" {
                inTemporaryFolder (fun folder ->
                    let cut = Array.take 60 (ImageEncoder.toPng ramp)

                    for name, bytes in [ "empty.png", [||]; "text.jpg", "no picture"B; "cut.png", cut ] do
                        let path = Path.Combine(folder, name)
                        File.WriteAllBytes(path, bytes)

                        match ImageDecoder.read 3 64 path with
                        | Ok _ -> failtest $"{name} was read"
                        | Error problem -> Expect.equal problem.Path path name)
            }

            test "some pictures of a cache are spread evenly from first to last; no other is read" {
                let read = ResizeArray<string>()

                let image (name: string) =
                    read.Add name
                    Ok(Image.constant 1 4 4 0.5f)

                inTemporaryFolder (fun folder ->
                    let paths =
                        [
                            for i in 0..9 do
                                let path = Path.Combine(folder, $"{i}.png")
                                write path (Image.constant 1 4 4 0.5f)
                                path
                        ]

                    match ImageCache.Open(0L, image, paths) with
                    | Error problems -> failtest $"{problems}"
                    | Ok cache ->
                        for most, expected in [ 1, [ 0 ]; 3, [ 0; 3; 6 ]; 4, [ 0; 2; 5; 7 ]; 10, [ 0..9 ]; 50, [ 0..9 ] ] do
                            read.Clear()
                            let expected = [ for i in expected -> paths[i] ]
                            Expect.equal (cache.Numbers most |> List.map cache.NameOf) expected $"{most} of 10"
                            Expect.equal (cache.Spread most |> Seq.length) expected.Length "so many"
                            Expect.equal (List.ofSeq read) expected "each when its turn comes")
            }

            test "a split holds out by seed, is disjoint and complete" {
                inTemporaryFolder (fun folder ->
                    let fill first last =
                        for i in first..last do
                            write (Path.Combine(folder, "train", "good", $"{i:D3}.png")) (Image.constant 1 4 4 0.5f)

                    fill 0 19

                    let splitBy rate seed =
                        match DataSet.split rate seed folder with
                        | Ok split -> split
                        | Error problems -> failtest (problems |> List.map DataSet.explain |> String.concat "; ")

                    let split = splitBy 0.4f
                    let a = split 1
                    Expect.equal a.HeldOut.Length 8 "held out: as asked"
                    Expect.equal (splitBy 0.05f 1).HeldOut.Length 5 "held out: a quarter of a small set at least"
                    Expect.equal (List.sort (a.HeldOut @ a.Training) |> List.distinct |> List.length) 20 "complete"
                    Expect.equal (split 1) a "same seed"
                    Expect.notEqual (split 2).HeldOut a.HeldOut "another seed"
                    fill 20 119
                    Expect.equal (splitBy 0.05f 1).HeldOut.Length 24 "held out: a fifth"
                    fill 120 399
                    Expect.equal (splitBy 0.05f 1).HeldOut.Length 60 "held out: a fifth, but not more than 60 for that"
                    Expect.equal (splitBy 0.2f 1).HeldOut.Length 80 "held out: as asked"

                    let unasked () =
                        match DataSet.splitBy (List.mapi (fun i _ -> i) >> Ok) None 1 folder with
                        | Ok split -> split.HeldOut.Length
                        | Error problems -> failtest (problems |> List.map DataSet.explain |> String.concat "; ")

                    Expect.equal (unasked ()) 60 "without being asked: a twentieth, but 60 at least"
                    let good = Path.Combine(folder, "train", "good")
                    let bytes = File.ReadAllBytes(Path.Combine(good, "000.png"))

                    for i in 400..21_999 do
                        File.WriteAllBytes(Path.Combine(good, $"{i:D5}.png"), bytes)

                    Expect.equal (unasked ()) 1000 "1,000 at most"
                    Expect.equal (splitBy 0.06f 1).HeldOut.Length 1320 "held out: as asked, of many too")
            }

            test "problems of a folder are reported: missing, empty, one picture, one level too high, masks of another size" {
                inTemporaryFolder (fun folder ->
                    let missing = Path.Combine(folder, "missing")
                    Expect.equal (DataSet.split 0.1f 0 missing) (Error [ NoFolder missing ]) "missing"
                    Expect.equal (DataSet.split 0.1f 0 folder) (Error [ NoPictures folder ]) "empty"
                    let category = Path.Combine(folder, "screw")
                    write (Path.Combine(category, "train", "good", "a.png")) ramp
                    Expect.equal (DataSet.split 0.1f 0 category) (Error [ TooFewPictures(category, 1) ]) "one"
                    Expect.equal (DataSet.split 0.1f 0 folder) (Error [ OneLevelTooHigh(folder, [ "screw" ]) ]) "too high"
                    let mask = Path.Combine(category, "ground_truth", "bent", "b_mask.png")
                    write (Path.Combine(category, "test", "bent", "b.png")) ramp
                    write mask (Image.constant 1 5 5 1.0f)

                    match DataSet.testPictures category with
                    | Error _ -> failtest "no test pictures"
                    | Ok pictures -> Expect.equal (DataSet.checkMasks pictures) [ MaskSize(mask, 5, 5, 30, 20) ] "mask")
            }

            law "an augmentation of quarter turns and flips keeps all values" (fun (Grey image) (seed: uint64) ->
                let settings = { Config.defaults.Augment with QuarterTurns = Some true }

                let change = Sampler.value (Random.ofSeed seed) (Augment.draw settings)
                Array.sort (Augment.apply change image).Pixels = Array.sort image.Pixels)

            test "training samples of the kernels equal those of Fae.Core" {
                let size = 64

                let images = grainy 5 size
                let ignore = Image.init 1 size size (fun _ y x -> if x + 2 * y < 40 then 1.0f else 0.0f)

                let config = moving size
                let denoising = { config 0 0.0f with Config.Noise.OnTarget = false }

                for config in [ config 0 0.0f; config 48 0.0f; config 0 180.0f; config 48 180.0f; denoising ] do
                    let source = TrainingSource(config, ImageCache.OfImages images, [||], Some ignore)
                    let side = InputGeometry.trainSide config
                    let batch = HostBatch(config.Train.Batch, 3, side)

                    let off (written: float32[]) (image: Image) index =
                        let from = index * image.Pixels.Length

                        Seq.init image.Pixels.Length (fun i -> abs (written[from + i] - image.Pixels[i]))
                        |> Seq.averageBy (fun d -> if d > 1e-4f then 1.0 else 0.0)

                    for step in 1..10 do
                        for index in 0 .. config.Train.Batch - 1 do
                            (source :> ISampleSource).Fill(step, index, batch)
                            let drawn = source.Draw(step, index)
                            let struct (input, noisy) = Noise.add drawn.Noise drawn.Corrupted.Image drawn.Clean
                            let target = if config.Noise.OnTarget then noisy else drawn.Clean

                            let mask =
                                Image.map2 (fun m i -> if i >= 0.5f then -1.0f else m) drawn.Corrupted.Mask (Option.get drawn.Ignored)

                            let what = $"crop {config.Image.Crop}, rotation {config.Augment.Rotate}, sample {step}.{index}"
                            Expect.equal (off batch.Target target index) 0.0 $"target, {what}"
                            Expect.equal (off batch.Mask mask index) 0.0 $"mask, {what}"
                            // A patch takes the nearest pixel, so single pixels may differ.
                            Expect.isLessThan (off batch.Input input index) 0.002 $"input, {what}"
            }

            test "a rotation pads by reflection: no corner turns black" {
                let bright = Image.constant 1 32 32 0.8f

                let turned = Augment.apply { Augment.none with Angle = 0.7f; ShiftX = 0.2f } bright

                Expect.isLessThan (distance turned bright) 1e-5f "constant"
            }

            test "the demo data set is the same for a seed, with masks that cover their defects" {
                inTemporaryFolder (fun folder ->
                    Demo.make (Path.Combine(folder, "a")) 1UL 2 1 1
                    Demo.make (Path.Combine(folder, "b")) 1UL 2 1 1

                    let files root = Directory.GetFiles(Path.Combine(folder, root), "*.png", SearchOption.AllDirectories) |> Array.sort

                    let bytes root = files root |> Array.map File.ReadAllBytes
                    Expect.equal (bytes "a") (bytes "b") "bytes"
                    Expect.equal (files "a").Length 13 "2 + 1 good, 5 defects, 5 masks"

                    for mask in Directory.GetFiles(Path.Combine(folder, "a", "ground_truth"), "*.png", SearchOption.AllDirectories) do
                        Expect.isGreaterThan (Array.max (read 1 0 mask).Pixels) 0.9f mask)
            }
        ]
