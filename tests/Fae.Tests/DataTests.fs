module Fae.Tests.DataTests

open System.IO
open Expecto
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Kernels
open Fae.Spec
open Fae.Engine
open Fae.Spec.Generators
open Fae.Tests.Helpers

let private write path image = AtomicFile.Write(path, fun stream -> stream.Write(ImageFile.toPng image))

let private ramp = Image.init 3 20 30 (fun c y x -> float32 (c + y + x) / 60.0f)

let private read channels size path =
    match ImageFile.read channels size path with
    | Ok picture -> picture.Image
    | Error problem -> failtest (string problem)

let private vips (image: Image) = NetVips.Image.NewFromBuffer(ImageFile.toPng image)

/// Pictures of noise, in colour.
let private grainy count size =
    Array.init count (fun i ->
        Noise.field (uint64 i) 0.2f 3 size size
        |> Image.map (fun v -> max 0.0f (min 1.0f (0.5f + v))))

/// Every change that training may make; crops of `crop`, rotated by up to `rotate` degrees.
let private moving size crop rotate =
    { Config.defaults with
        Image =
            { Config.defaults.Image with
                Size = size
                Crop = crop
            }
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
            test "PNG, TIFF and WebP come back as they were written" {
                inTemporaryFolder (fun folder ->
                    for ending in [ "png"; "tif"; "tiff" ] do
                        let path = Path.Combine(folder, "a." + ending)
                        use picture = vips ramp
                        picture.WriteToFile path
                        Expect.isLessThan (distance (read 3 0 path) ramp) 0.003f ending

                    let webp = Path.Combine(folder, "a.webp")
                    use picture = vips ramp
                    picture.Webpsave(webp, lossless = true)
                    Expect.isLessThan (distance (read 3 0 webp) ramp) 0.003f "webp")
            }

            test "BMP of 24, 32 and 8 bits is read; a cut one is a problem with its name" {
                inTemporaryFolder (fun folder ->
                    // 3 × 2 pixels, bottom-up, rows padded to four bytes.
                    let file (bits: int) (palette: byte list) (rows: byte list) =
                        let start = 54 + palette.Length
                        let word (n: int) = System.BitConverter.GetBytes n |> List.ofArray
                        let half (n: int) = System.BitConverter.GetBytes(int16 n) |> List.ofArray

                        [ byte 'B'; byte 'M' ]
                        @ word (start + rows.Length)
                        @ word 0
                        @ word start
                        @ word 40
                        @ word 3
                        @ word 2
                        @ half 1
                        @ half bits
                        @ List.replicate 24 0uy
                        @ palette
                        @ rows
                        |> Array.ofList

                    let path = Path.Combine(folder, "a.bmp")

                    let check (bytes: byte[]) (expected: float32 list) name =
                        File.WriteAllBytes(path, bytes)
                        let image = read 3 0 path
                        Expect.equal (image.Width, image.Height) (3, 2) name
                        // Top left and bottom left, red, green, blue.
                        let at y = [ for c in 0..2 -> image[c, y, 0] ]
                        List.iter2 (fun a (b: float32) -> Expect.isLessThan (abs (a - b)) 0.003f name) (at 0 @ at 1) expected

                    let wanted = [ 1.0f; 0.0f; 0.0f; 0.0f; 0.0f; 1.0f ]
                    let blue, red = [ 255uy; 0uy; 0uy ], [ 0uy; 0uy; 255uy ]
                    let row24 pixel = List.concat (List.replicate 3 pixel) @ [ 0uy; 0uy; 0uy ]
                    let rgb = file 24 [] (row24 blue @ row24 red)
                    check rgb wanted "24 bits"
                    let row32 pixel = List.concat (List.replicate 3 (pixel @ [ 0uy ]))
                    check (file 32 [] (row32 blue @ row32 red)) wanted "32 bits, as cameras write them, without alpha"
                    let palette = List.concat [ for i in 0..255 -> if i = 7 then blue @ [ 0uy ] else red @ [ 0uy ] ]
                    check (file 8 palette [ 7uy; 7uy; 7uy; 0uy; 9uy; 9uy; 9uy; 0uy ]) wanted "8 bits, by palette"

                    for length in [ 2; 20; 60 ] do
                        File.WriteAllBytes(path, Array.take length rgb)

                        match ImageFile.read 3 0 path with
                        | Error problem -> Expect.equal problem.Path path "its name"
                        | Ok _ -> failtest $"cut to {length} bytes, it was read")
            }

            test "pictures that are written and read, of every kind, leave no memory behind" {
                let picture = Image.init 3 256 256 (fun c y x -> float32 ((c + y * x) % 7) / 7.0f)
                let png = ImageFile.toPng picture

                let work () =
                    ImageFile.toPng picture |> ignore
                    ImageFile.toJpeg picture |> ignore

                    ImageFile.readBytes 1 (fun _ -> struct (64, 64)) "png" png
                    |> Result.isOk
                    |> fun read -> Expect.isTrue read "read"

                let resident () =
                    use self = System.Diagnostics.Process.GetCurrentProcess()
                    self.WorkingSet64 / 1048576L

                for _ in 1..300 do
                    work ()

                let before = resident ()

                for _ in 1..1500 do
                    work ()

                // Each left 400 kB when an image over .NET's memory was not disposed of: 600 MB.
                Expect.isLessThan (resident () - before) 200L "MB more after 1500 pictures"
            }
            test "every format that is promised is read on this machine" {
                for name, works in ImageFile.formats () do
                    Expect.isTrue works name
            }

            test "16 bits are read at their full scale" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "deep.png")

                    use deep =
                        (vips ramp)
                            .Cast(NetVips.Enums.BandFormat.Ushort)
                            .Linear([| 257.0 |], [| 0.0 |])
                            .Cast(NetVips.Enums.BandFormat.Ushort)
                            .Copy(interpretation = NetVips.Enums.Interpretation.Rgb16)

                    deep.WriteToFile path
                    Expect.isLessThan (distance (read 3 0 path) ramp) 0.003f "16-bit RGB")
            }

            test "grey becomes colour, colour becomes grey, alpha goes" {
                inTemporaryFolder (fun folder ->
                    let grey = Path.Combine(folder, "grey.png")
                    write grey (Image.constant 1 8 8 0.5f)
                    Expect.equal (read 3 0 grey).Channels 3 "grey as colour"
                    let alpha = Path.Combine(folder, "alpha.png")
                    use opaque = (vips ramp).Bandjoin(255.0)
                    opaque.WriteToFile alpha
                    Expect.isLessThan (distance (read 3 0 alpha) ramp) 0.003f "opaque alpha"
                    Expect.equal (read 1 0 alpha).Channels 1 "as grey")
            }

            test "pictures are resized with anti-aliasing and keep their mean" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "board.png")
                    write path (Image.init 1 256 256 (fun _ y x -> if (y + x) % 2 = 0 then 1.0f else 0.0f))
                    let small = read 1 32 path
                    Expect.isTrue (small.Pixels |> Array.forall (fun v -> abs (v - 0.5f) < 0.05f)) "no aliasing")
            }

            test "a large JPEG or WebP, decoded at a fraction of its size, is the picture resized; so is one from bytes" {
                inTemporaryFolder (fun folder ->
                    let scene =
                        Image.init 3 611 803 (fun c y x -> 0.5f + 0.4f * sin (float32 ((c + 1) * x) / 200.0f) * cos (float32 y / 80.0f))

                    for side in [ 32; 60; 100; 300; 500 ] do
                        let wanted = ImageFile.resize side side scene

                        for ending in [ "jpg"; "webp"; "png" ] do
                            let path = Path.Combine(folder, "large." + ending)
                            use picture = vips scene

                            if ending = "png" then
                                picture.WriteToFile path
                            else
                                let options = NetVips.VOption()
                                options.Add("Q", 95)
                                picture.WriteToFile(path, options)

                            let small = read 3 side path
                            let off = Array.averageBy abs (Array.map2 (-) small.Pixels wanted.Pixels)
                            Expect.isLessThan off 0.01f $"{ending} at {side}"

                            match ImageFile.readBytes 3 (fun _ -> struct (side, side)) "camera" (File.ReadAllBytes path) with
                            | Ok picture ->
                                Expect.equal picture.Image small $"{ending} at {side} from bytes"
                                Expect.equal (picture.OriginalWidth, picture.OriginalHeight) (803, 611) "its own size"
                            | Error problem -> failtest (string problem))
            }

            test "a picture that was replaced is seen as it is, not as it was" {
                inTemporaryFolder (fun folder ->
                    for ending in [ "png"; "jpg"; "tif"; "webp" ] do
                        let path = Path.Combine(folder, "a." + ending)

                        for value in [ 0.2f; 0.8f ] do
                            use picture = vips (Image.constant 1 40 40 value)
                            picture.WriteToFile path
                            Expect.isLessThan (abs ((read 1 16 path).Pixels[100] - value)) 0.02f $"{ending}, {value}")
            }

            test "a gallery without room reads its pictures anew, and says so when one is gone" {
                inTemporaryFolder (fun folder ->
                    let paths = [ for i in 0..9 -> Path.Combine(folder, $"{i}.png") ]

                    paths
                    |> List.iteri (fun i path -> write path (Image.constant 1 8 8 (float32 i / 10.0f)))

                    let openWith room =
                        match Gallery.Open(room, ImageFile.read 1 0 >> Result.map _.Image, paths) with
                        | Ok gallery -> gallery
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

                    match Gallery.Open(0L, ImageFile.read 1 0 >> Result.map _.Image, paths @ [ Path.Combine(folder, "none.png") ]) with
                    | Ok _ -> failtest "it was opened"
                    | Error problems -> Expect.equal problems.Length 2 "both missing pictures are told")
            }

            test "a broken picture is a problem with its name, not a crash" {
                inTemporaryFolder (fun folder ->
                    for name, bytes in
                        [
                            "empty.png", [||]
                            "text.jpg", "no picture"B
                            "cut.png", Array.take 60 (ImageFile.toPng ramp)
                        ] do
                        let path = Path.Combine(folder, name)
                        File.WriteAllBytes(path, bytes)

                        match ImageFile.read 3 64 path with
                        | Ok _ -> failtest $"{name} was read"
                        | Error problem -> Expect.equal problem.Path path name)
            }

            test "a split holds out by seed, is disjoint and complete" {
                inTemporaryFolder (fun folder ->
                    for i in 0..19 do
                        write (Path.Combine(folder, "train", "good", $"{i:D2}.png")) (Image.constant 1 4 4 0.5f)

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
                    Expect.notEqual (split 2).HeldOut a.HeldOut "another seed")
            }

            test "what is wrong with a folder is said: none, empty, one picture, one level too high, masks of another size" {
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
                let settings =
                    { Config.defaults.Augment with
                        QuarterTurns = Some true
                    }

                let change = Sampler.value (Random.ofSeed seed) (Augment.draw settings)
                Array.sort (Augment.apply change image).Pixels = Array.sort image.Pixels)

            test "the samples that training gets are the ones that are drawn in plain words" {
                let size = 64

                let images = grainy 5 size
                let ignore = Image.init 1 size size (fun _ y x -> if x + 2 * y < 40 then 1.0f else 0.0f)

                let config = moving size
                let denoising = { config 0 0.0f with NoiseKept = false }

                for config in [ config 0 0.0f; config 48 0.0f; config 0 180.0f; config 48 180.0f; denoising ] do
                    let source = TrainingSource(config, Gallery.OfImages images, [||], Some ignore)
                    let side = Config.trainSide config
                    let batch = Batch(config.Train.Batch, 3, side)

                    let off (written: float32[]) (image: Image) index =
                        let from = index * image.Pixels.Length

                        Seq.init image.Pixels.Length (fun i -> abs (written[from + i] - image.Pixels[i]))
                        |> Seq.averageBy (fun d -> if d > 1e-4f then 1.0 else 0.0)

                    for step in 1..10 do
                        for index in 0 .. config.Train.Batch - 1 do
                            (source :> ISampleSource).Fill(step, index, batch)
                            let drawn = source.Draw(step, index)
                            let struct (input, noisy) = Noise.add drawn.Noise drawn.Corrupted.Image drawn.Clean
                            let target = if config.NoiseKept then noisy else drawn.Clean

                            let mask =
                                Image.map2 (fun m i -> if i >= 0.5f then -1.0f else m) drawn.Corrupted.Mask (Option.get drawn.Ignored)

                            let what = $"crop {config.Image.Crop}, rotation {config.Augment.Rotate}, sample {step}.{index}"
                            Expect.equal (off batch.Target target index) 0.0 $"target, {what}"
                            Expect.equal (off batch.Mask mask index) 0.0 $"mask, {what}"
                            // A patch takes the nearest pixel, so single pixels may differ.
                            Expect.isLessThan (off batch.Input input index) 0.002 $"input, {what}"
            }

            // Every shape, fill and motion that a recipe can name; on the kernels that a GPU runs.
            for device in Emulated.devices do
                test $"a batch made from recipes is the one that is made on the CPU: {device.Name}" {
                    let size = 20

                    let images = grainy 3 size
                    let ignore = Image.init 1 size size (fun _ y x -> if x + 2 * y < 16 then 1.0f else 0.0f)

                    for family in [ Family.Occlusions; Family.Cells; Family.CutPaste; Family.Clouds ] do
                        for crop, rotate in [ 0, 0.0f; 15, 180.0f ] do
                            let config =
                                { moving size crop rotate with
                                    Corruption =
                                        { Config.defaults.Corruption with
                                            Family = family
                                            CellsMin = 2
                                            CellsMax = 8
                                        }
                                    NoiseKept = (crop = 0)
                                }

                            let source =
                                TrainingSource(config, Gallery.OfImages images, [| Image.constant 1 9 12 0.3f |], Some ignore)

                            let side = Config.trainSide config
                            let count = 4
                            let batch = Batch(count, 3, side)

                            device.Use(fun machine ->
                                use samples = new DeviceSamples(machine, source, 3, side)

                                for step in 1..3 do
                                    for index in 0 .. count - 1 do
                                        (source :> ISampleSource).Fill(step, index, batch)

                                    let made = samples.Fetch(step, count)

                                    let off (a: float32[]) (b: float32[]) =
                                        Seq.zip a b
                                        |> Seq.averageBy (fun (a, b) -> if abs (a - b) > 1e-4f then 1.0 else 0.0)

                                    let what = $"{family}, crop {crop}, step {step}"
                                    Expect.equal (off batch.Target made.Target) 0.0 $"target, {what}"
                                    // What is decided by a rounding, the nearest pixel or the side of an edge, may be decided otherwise.
                                    Expect.isLessThan (off batch.Mask made.Mask) 0.002 $"mask, {what}"
                                    Expect.isLessThan (off batch.Input made.Input) 0.004 $"input, {what}")
                }

            test "a rotation pads by reflection: no corner turns black" {
                let bright = Image.constant 1 32 32 0.8f

                let turned =
                    Augment.apply
                        { Augment.none with
                            Angle = 0.7f
                            ShiftX = 0.2f
                        }
                        bright

                Expect.isLessThan (distance turned bright) 1e-5f "constant"
            }

            test "the demo data set is the same for a seed, with masks that cover their defects" {
                inTemporaryFolder (fun folder ->
                    Demo.make (Path.Combine(folder, "a")) 1UL 2 1 1
                    Demo.make (Path.Combine(folder, "b")) 1UL 2 1 1

                    let files root =
                        Directory.GetFiles(Path.Combine(folder, root), "*.png", SearchOption.AllDirectories)
                        |> Array.sort

                    let bytes root = files root |> Array.map File.ReadAllBytes
                    Expect.equal (bytes "a") (bytes "b") "bytes"
                    Expect.equal (files "a").Length 13 "2 + 1 good, 5 defects, 5 masks"

                    for mask in Directory.GetFiles(Path.Combine(folder, "a", "ground_truth"), "*.png", SearchOption.AllDirectories) do
                        Expect.isGreaterThan (Array.max (read 1 0 mask).Pixels) 0.9f mask)
            }
        ]
