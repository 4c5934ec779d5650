/// Reading and writing picture files.
module Fae.Tests.ImageFileTests

open System
open System.IO
open Expecto
open Fae.Core
open Fae.Imaging
open Fae.Tests.Helpers
open Fae.Tests.DataTests

let tests =
    testList
        "Image files"
        [
            test "PNG, TIFF and WebP are read as they were written" {
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

            test "BMP of 24, 32 and 8 bits is read; a truncated file is reported by name" {
                inTemporaryFolder (fun folder ->
                    // 3 × 2 pixels, bottom-up, rows padded to four bytes.
                    let file (bits: int) (palette: byte list) (rows: byte list) =
                        let start = 54 + palette.Length
                        let word (n: int) = BitConverter.GetBytes n |> List.ofArray
                        let half (n: int) = BitConverter.GetBytes(int16 n) |> List.ofArray

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

                        match ImageDecoder.read 3 0 path with
                        | Error problem -> Expect.equal problem.Path path "its name"
                        | Ok _ -> failtest $"cut to {length} bytes, it was read")
            }

            test "a JPEG of a hundred scans and more is refused before it keeps the decoder busy; a progressive one is read" {
                use picture = vips ramp
                let file = picture.JpegsaveBuffer(interlace = true)
                let start, finish = file.AsSpan().LastIndexOf [| 0xFFuy; 0xDAuy |], file.Length - 2
                let scan = file[start .. finish - 1]
                let reading bytes = ImageDecoder.readBytes 3 (fun own -> own) "a.jpg" bytes
                // Comments may hold any bytes.
                let comment = Array.concat [ [| 0xFFuy; 0xFEuy; 2uy; 2uy |]; Array.replicate 256 [| 0xFFuy; 0xDAuy |] |> Array.concat ]

                for name, bytes in [ "as written", file; "with a comment", Array.concat [ file[..1]; comment; file[2..] ] ] do
                    match reading bytes with
                    | Ok image -> Expect.isLessThan (distance image.Image ramp) 0.05f name
                    | Error problem -> failtest $"{name}: {problem.Reason}"

                let bomb = Array.concat [ file[.. start - 1]; Array.concat (Array.replicate 200 scan); file[finish..] ]

                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "a.jpg")
                    File.WriteAllBytes(path, bomb)

                    for name, outcome in
                        [
                            "bytes", reading bomb |> Result.map ignore
                            "header", ImageDecoder.pixelCount "a.jpg" bomb |> Result.map ignore
                            "file", ImageDecoder.readTo 3 (fun own -> own) path |> Result.map ignore
                        ] do
                        match outcome with
                        | Error problem -> Expect.stringContains problem.Reason "more than 100 scans" name
                        | Ok() -> failtest $"{name}: it was read")
            }

            testSequenced
            <| test "writing and reading pictures of every format leaks no memory" {
                let picture = Image.init 3 256 256 (fun c y x -> float32 ((c + y * x) % 7) / 7.0f)
                let png = ImageEncoder.toPng picture

                let work () =
                    ImageEncoder.toPng picture |> ignore
                    ImageEncoder.toJpeg picture |> ignore

                    ImageDecoder.readBytes 1 (fun _ -> struct (64, 64)) "png" png
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

            test "every supported format is read on this machine" {
                for name, works in ImageFormats.test () do
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

            test "converts grey to colour, colour to grey, and drops alpha" {
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

            test "scaled decoding of a large JPEG or WebP gives the resized picture, from a file and from bytes" {
                inTemporaryFolder (fun folder ->
                    let scene =
                        Image.init 3 611 803 (fun c y x -> 0.5f + 0.4f * sin (float32 ((c + 1) * x) / 200.0f) * cos (float32 y / 80.0f))

                    for side in [ 32; 60; 100; 300; 500 ] do
                        let wanted = ImageEncoder.resize side side scene

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

                            match ImageDecoder.readBytes 3 (fun _ -> struct (side, side)) "camera" (File.ReadAllBytes path) with
                            | Ok picture ->
                                Expect.equal picture.Image small $"{ending} at {side} from bytes"
                                Expect.equal (picture.OriginalWidth, picture.OriginalHeight) (803, 611) "its own size"
                            | Error problem -> failtest (string problem))
            }
        ]
