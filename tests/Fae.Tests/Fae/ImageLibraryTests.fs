/// Pictures of other image libraries, by these libraries themselves.
module Fae.Tests.ImageLibraryTests

open System
open System.IO
open System.Runtime.CompilerServices
open Expecto
open Fae
open Fae.Core
open Fae.Tests.Helpers
open SixLabors.ImageSharp.PixelFormats

type private SharpImage = SixLabors.ImageSharp.Image

/// A colour picture of 20 × 30 with every pixel of its own.
let private colours = Image.init 3 20 30 (fun c y x -> float32 ((37 * c + 11 * y + 5 * x) % 256) / 255.0f)

let private grey = Image.init 1 20 30 (fun _ y x -> float32 ((11 * y + 5 * x) % 256) / 255.0f)

/// A detector, and the score of the picture's file.
let private compared (image: Image) (work: string -> (string -> ImageSource -> unit) -> unit) =
    inTemporaryFolder (fun folder ->
        use detector = Detector.Load(brightnessModel folder)
        let path = writePng folder "part.png" image
        let file = detector.Inspect(ImageSource.FromFile path)

        work path (fun name source ->
            let seen = detector.Inspect source
            Expect.notEqual seen.Verdict Verdict.Unreadable name
            Expect.equal (seen.Width, seen.Height) (30, 20) name
            // Deeper pictures are not rounded to eight bits after the resize.
            Expect.isLessThan (abs (seen.Score / file.Score - 1.0f)) 0.005f name))

/// OpenCV's windows are drawn by GTK, and its library wants it even where there is no window.
let private opencv () =
    let gtk = "/usr/lib/x86_64-linux-gnu/libgtk-3.so.0"
    Expect.isTrue (available (fun () -> File.Exists gtk) [ "libgtk-3-0" ]) gtk

[<MethodImpl(MethodImplOptions.NoInlining)>]
let private forgotten (path: string) =
    // Nothing but the source refers to the picture.
    (SharpImage.Load<Rgb24> path).ToImageSource(),
    (SkiaSharp.SKBitmap.Decode path).ToImageSource(),
    (new OpenCvSharp.Mat(path)).ToImageSource()

let tests =
    testList
        "Image libraries"
        [
            test "ImageSharp: colours of every order and depth, grey, and pictures in several pieces of memory" {
                compared colours (fun path check ->
                    let load convert = check convert
                    use rgb = SharpImage.Load<Rgb24> path
                    load "Rgb24" (rgb.ToImageSource())
                    use bgr = rgb.CloneAs<Bgr24>()
                    load "Bgr24" (bgr.ToImageSource())
                    use rgba = rgb.CloneAs<Rgba32>()
                    load "Rgba32" (rgba.ToImageSource())
                    use bgra = rgb.CloneAs<Bgra32>()
                    load "Bgra32" (bgra.ToImageSource())
                    use deep = rgb.CloneAs<Rgb48>()
                    load "Rgb48" (deep.ToImageSource())
                    use floats = rgb.CloneAs<RgbaVector>()
                    load "another type is converted" (floats.ToImageSource())
                    // An allocator of small blocks, which a picture does not fit into.
                    let configuration = SixLabors.ImageSharp.Configuration.Default.Clone()
                    configuration.PreferContiguousImageBuffers <- false
                    use pieces = SharpImage.Load<Rgb24>(configuration, path)
                    load "not in one piece" (pieces.ToImageSource()))

                compared grey (fun path check ->
                    use bytes = SharpImage.Load<L8> path
                    check "L8" (bytes.ToImageSource())
                    use deep = bytes.CloneAs<L16>()
                    check "L16" (deep.ToImageSource()))
            }
            test "SkiaSharp: its own order, the other one, without alpha, grey, and a type that is converted" {
                compared colours (fun path check ->
                    use bitmap = SkiaSharp.SKBitmap.Decode path

                    for kind in
                        [
                            SkiaSharp.SKColorType.Bgra8888
                            SkiaSharp.SKColorType.Rgba8888
                            SkiaSharp.SKColorType.Rgb888x
                            SkiaSharp.SKColorType.RgbaF16
                        ] do
                        use other = nonNull (bitmap.Copy kind)
                        check $"{kind}" (other.ToImageSource()))

                compared grey (fun path check ->
                    use bitmap = SkiaSharp.SKBitmap.Decode path
                    use plain = nonNull (bitmap.Copy SkiaSharp.SKColorType.Gray8)
                    check "Gray8" (plain.ToImageSource()))

                use empty = new SkiaSharp.SKBitmap()
                Expect.throwsT<ArgumentException> (fun () -> empty.ToImageSource() |> ignore) "no pixels"
            }
            test "OpenCV: channels, depths, and a part of a larger picture" {
                opencv ()

                compared colours (fun path check ->
                    use bgr = new OpenCvSharp.Mat(path)
                    check "CV_8UC3" (bgr.ToImageSource())
                    use bgra = new OpenCvSharp.Mat()
                    OpenCvSharp.Cv2.CvtColor(bgr, bgra, OpenCvSharp.ColorConversionCodes.BGR2BGRA)
                    check "CV_8UC4" (bgra.ToImageSource())
                    use deep = new OpenCvSharp.Mat()
                    bgr.ConvertTo(deep, OpenCvSharp.MatType.CV_16UC3, 257.0)
                    check "CV_16UC3" (deep.ToImageSource(bits = 16))
                    use large = new OpenCvSharp.Mat()
                    OpenCvSharp.Cv2.CopyMakeBorder(bgr, large, 3, 4, 5, 6, OpenCvSharp.BorderTypes.Constant)
                    use part = new OpenCvSharp.Mat(large, OpenCvSharp.Rect(5, 3, 30, 20))
                    check "a part" (part.ToImageSource())
                    use floats = new OpenCvSharp.Mat()
                    bgr.ConvertTo(floats, OpenCvSharp.MatType.CV_32FC3)

                    Expect.throwsC (fun () -> floats.ToImageSource() |> ignore) (fun e ->
                        Expect.stringContains e.Message "CV_8UC3" "what there is"))

                compared grey (fun path check ->
                    use plain = new OpenCvSharp.Mat(path, OpenCvSharp.ImreadModes.Grayscale)
                    check "CV_8UC1" (plain.ToImageSource())
                    use deep = new OpenCvSharp.Mat()
                    plain.ConvertTo(deep, OpenCvSharp.MatType.CV_16UC1, 16.0)
                    check "CV_16UC1, 12 bits" (deep.ToImageSource(bits = 12)))
            }
            test "a picture lives as long as its source" {
                opencv ()

                compared colours (fun path check ->
                    let sharp, skia, opencv = forgotten path

                    for _ in 1..3 do
                        GC.Collect()
                        GC.WaitForPendingFinalizers()

                    check "ImageSharp" sharp
                    check "SkiaSharp" skia
                    check "OpenCV" opencv)
            }
        ]
