/// Pixels in the formats that cameras have.
module Fae.Tests.PixelFormatTests

open System
open System.Runtime.InteropServices
open Expecto
open Fae
open Fae.Tests.LibraryTests

let tests =
    testList
        "Pixel formats"
        [
            test "sixteen bits a colour, planes one after the other, and rows from the bottom to the top" {
                opened (fun detector ->
                    let straight =
                        detector.Inspect(ImageSource.FromPixels(ReadOnlyMemory(laidOut [ 0; 1; 2 ] 0 0), 30, 20, PixelFormat.Rgb24))

                    let wide planes = laidOut planes 0 0 |> Array.collect (fun v -> BitConverter.GetBytes(uint16 v * 257us))

                    let planar =
                        [|
                            for c in 0..2 do
                                for y in 0..19 do
                                    for x in 0..29 -> valueOf c y x
                        |]

                    let rows = laidOut [ 0; 1; 2 ] 0 6 |> Array.chunkBySize 96
                    let upsideDown = rows |> Array.rev |> Array.concat

                    for name, source in
                        [
                            "RGB 48", ImageSource.FromPixels(ReadOnlyMemory(wide [ 0; 1; 2 ]), 30, 20, PixelFormat.Rgb48)
                            "BGR 48", ImageSource.FromPixels(ReadOnlyMemory(wide [ 2; 1; 0 ]), 30, 20, PixelFormat.Bgr48)
                            "planes", ImageSource.FromPixels(ReadOnlyMemory planar, 30, 20, PixelFormat.RgbPlanar24)
                            "bottom up", ImageSource.FromPixels(ReadOnlyMemory upsideDown, 30, 20, PixelFormat.Rgb24, -96)
                        ] do
                        let seen = detector.Inspect source
                        // Pictures of eight bits are rounded to eight after the resize, deeper ones are not.
                        Expect.isLessThan (abs (seen.Score / straight.Score - 1.0f)) 0.005f name

                    let unmanaged = Marshal.AllocHGlobal upsideDown.Length

                    try
                        Marshal.Copy(upsideDown, 0, unmanaged, upsideDown.Length)
                        let top = unmanaged + nativeint (19 * 96)
                        let camera = ImageSource.FromPixels(top, 30, 20, PixelFormat.Rgb24, -96)
                        Expect.isTrue (same straight (detector.Inspect camera)) "by the address of the picture's first row"
                    finally
                        Marshal.FreeHGlobal unmanaged)
            }
            test "packed bits are the values that they pack, and a Bayer mosaic is the picture's colours" {
                opened (fun detector ->
                    let inspect pixels format bits =
                        detector.Inspect(ImageSource.FromPixels(ReadOnlyMemory pixels, 32, 32, format, bits = bits))

                    let values = [| for i in 0..1023 -> uint16 ((i * 37) % 4096) |]
                    let twelve = inspect (values |> Array.collect BitConverter.GetBytes) PixelFormat.Grey16 12

                    let pairs make = values |> Array.chunkBySize 2 |> Array.collect (fun pair -> make (int pair[0]) (int pair[1]))
                    let stream a b = [| byte a; byte (a >>> 8 ||| (b <<< 4)); byte (b >>> 4) |]
                    let gige a b = [| byte (a >>> 4); byte ((a &&& 15) ||| (b <<< 4)); byte (b >>> 4) |]

                    for packed, format in [ pairs stream, PixelFormat.Mono12p; pairs gige, PixelFormat.Mono12Packed ] do
                        let seen = inspect packed format 0
                        Expect.equal seen.Score twelve.Score $"{format}"
                        Expect.notEqual seen.Verdict Verdict.Unreadable $"{format}"

                    // One colour everywhere: its mosaic is the picture itself.
                    let colour = [| 200uy; 90uy; 30uy |]
                    let whole = inspect (Array.init 3072 (fun i -> colour[i % 3])) PixelFormat.Rgb24 0

                    for format, first, second in
                        [
                            PixelFormat.BayerRG8, "RG", "GB"
                            PixelFormat.BayerGR8, "GR", "BG"
                            PixelFormat.BayerGB8, "GB", "RG"
                            PixelFormat.BayerBG8, "BG", "GR"
                        ] do
                        let mosaic = Array.init 1024 (fun i -> colour["RGB".IndexOf (if i / 32 % 2 = 0 then first else second).[i % 2]])

                        Expect.equal (inspect mosaic format 0).Score whole.Score $"{format}")
            }
            test "a shape or a number of bits that makes no sense throws at once" {
                let memory = ReadOnlyMemory(Array.zeroCreate<byte> 4096)
                let refused (make: unit -> ImageSource) = Expect.throwsT<ArgumentOutOfRangeException>(make >> ignore)
                refused (fun () -> ImageSource.FromPixels(memory, 32, 32, PixelFormat.Mono12p, bits = 12)) "it says its bits itself"
                refused (fun () -> ImageSource.FromPixels(memory, 32, 32, PixelFormat.Mono12p, 40)) "a row of 32 has 48 bytes"
                refused (fun () -> ImageSource.FromPixels(memory, 32, 32, PixelFormat.RgbPlanar24, -32)) "planes are upright"
                refused (fun () -> ImageSource.FromPixels(memory, 32, 32, PixelFormat.BayerRG8, bits = 12)) "eight bits"

                Expect.throwsT<ArgumentException>
                    (fun () -> ImageSource.FromPixels(memory, 1, 32, PixelFormat.BayerRG8) |> ignore)
                    "no mosaic of one column"
            }
            test "grey pixels of eight and of sixteen bits" {
                opened (fun detector ->
                    let grey = [| for i in 0..1023 -> byte (i % 251) |]

                    let deep =
                        grey
                        |> Array.collect (fun v ->
                            let wide = 257us * uint16 v
                            [| byte wide; byte (wide >>> 8) |])

                    let eight = detector.Inspect(ImageSource.FromPixels(ReadOnlyMemory grey, 32, 32, PixelFormat.Grey8))
                    let sixteen = detector.Inspect(ImageSource.FromPixels(ReadOnlyMemory deep, 32, 32, PixelFormat.Grey16))
                    Expect.floatClose Accuracy.medium (float sixteen.Score) (float eight.Score) "257·v of 65535 is v of 255")
            }
        ]
