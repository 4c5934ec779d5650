/// The same part in files of different types of values: trained, evaluated, inspected and exported alike.
module Fae.Tests.ValueTests

open System
open System.IO
open System.Text.Json
open Expecto
open Fae.Core
open Fae.Data
open Fae.Imaging
open Fae.Tests.Helpers

/// Writes a grey picture with its values, in [0, 1], changed and cast.
let private write (change: float32 -> float32) (format: NetVips.Enums.BandFormat) ending folder (name: string) (image: Image) =
    let path = Path.Combine(folder, name + ending)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
    let values = Array.map change image.Pixels

    use floats = NetVips.Image.NewFromMemory(values, image.Width, image.Height, 1, NetVips.Enums.BandFormat.Float)

    use cast = (floats.Cast format: NetVips.Image)

    let grey =
        if format = NetVips.Enums.BandFormat.Ushort then NetVips.Enums.Interpretation.Grey16
        elif format = NetVips.Enums.BandFormat.Uchar then NetVips.Enums.Interpretation.Bw
        else NetVips.Enums.Interpretation.Multiband

    use coloured = cast.Copy(interpretation = grey)
    coloured.WriteToFile path

let private encodings =
    [
        "8 bits", write (fun v -> round (255.0f * v)) NetVips.Enums.BandFormat.Uchar ".png"
        "12 bits in 16", write (fun v -> round (4095.0f * v)) NetVips.Enums.BandFormat.Ushort ".png"
        "16 bits", write (fun v -> round (65535.0f * v)) NetVips.Enums.BandFormat.Ushort ".tif"
        "floats of 0 to 255", write (fun v -> 255.0f * v) NetVips.Enums.BandFormat.Float ".tif"
        "heights in millimetres", write (fun v -> 12.0f + 0.4f * v) NetVips.Enums.BandFormat.Float ".tif"
        "signed 16 bits", write (fun v -> round (4000.0f * v - 2000.0f)) NetVips.Enums.BandFormat.Short ".tif"
        "32 bits", write (fun v -> round (200000.0f * v)) NetVips.Enums.BandFormat.Int ".tif"
    ]

let private encoded what = encodings |> List.find (fst >> (=) what) |> snd

let private dataSet write folder =
    for i in 0..27 do
        write folder $"train/good/{i:D3}" (part 64 i)

    for i in 0..7 do
        write folder $"test/good/{i:D3}" (part 64 (100 + i))
        write folder $"test/blot/{i:D3}" (fst (blotted 64 (200 + i)))

let private settings = [ "image.size=64"; "network.kind=memory_bank"; "network.bank_size=500"; "score.views=1" ]

let private trained data out more = fae (training data out (settings @ more))

let private auroc run data =
    let measured = fae [ "eval"; "--model"; run; "--data"; data; "--json"; "-" ]
    Expect.equal measured.Code 0 measured.Error
    use json = JsonDocument.Parse measured.Output
    json.RootElement.GetProperty("image_auroc").GetDouble()

let tests =
    oneByOne
        "Values"
        [
            for what, write in encodings do
                test $"a part in {what} is trained on, evaluated and exported like any other" {
                    inTemporaryFolder (fun folder ->
                        let data, run = Path.Combine(folder, "data"), Path.Combine(folder, "run")
                        dataSet write data
                        let done' = trained data run []
                        Expect.equal done'.Code 0 done'.Error

                        if what <> "8 bits" then
                            Expect.stringContains done'.Error "are black to white" "the range is said"

                        Expect.isGreaterThan (auroc run data) 0.95 "image AUROC"
                        let exported = fae [ "export"; "--model"; run; "--onnx"; Path.Combine(folder, "detector.onnx") ]
                        Expect.equal exported.Code 0 exported.Error)
                }

            test "one picture in 8 bits, in 12 of 16 and as a camera's buffer of 12 bits is the same to a model of either" {
                inTemporaryFolder (fun folder ->
                    let image = part 64 3
                    let file (name: string) = Path.Combine(folder, name)
                    encoded "8 bits" folder "bytes" image
                    encoded "12 bits in 16" folder "words" image

                    let words = Array.collect (fun v -> BitConverter.GetBytes(uint16 (round (4095.0f * v)))) image.Pixels

                    let buffer =
                        {
                            Pixels = ReadOnlyMemory words
                            Width = 64
                            Height = 64
                            Stride = 128
                            Bands = 1
                            Depth = 2
                            Swapped = false
                            Bits = 12
                        }

                    let configOf values = { Config.defaults with Config.Image.Size = 64; Config.Image.Values = values }
                    let ofWords = configOf (PictureValues.settle ValueRange.byType [ file "words.png" ])
                    let ofBytes = configOf (PictureValues.settle ValueRange.byType [ file "bytes.png" ])
                    Expect.equal ofWords.Image.Values.Bits (Some 12) "12 bits"

                    let near what read =
                        match read with
                        | Ok picture -> Expect.isLessThan (Fae.Spec.Near.distance picture.Image image) 0.003f what
                        | Error problem -> failtest (string problem)

                    near "12 bits for a model of 12" (ImagePreparation.ofFile ofWords 1 null (file "words.png"))
                    near "bytes for a model of 12" (ImagePreparation.ofFile ofWords 1 null (file "bytes.png"))
                    near "bytes for a model of bytes" (ImagePreparation.ofFile ofBytes 1 null (file "bytes.png"))
                    near "a buffer for a model of 12" (ImagePreparation.ofBuffer ofWords 1 null "camera" buffer)
                    near "a buffer for a model of bytes" (ImagePreparation.ofBuffer ofBytes 1 null "camera" buffer))
            }

            test "formats that are not promised are refused by their content, whatever the file is called" {
                let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9999' height='9999'><rect width='9' height='9'/></svg>"B
                let gif = Convert.FromBase64String "R0lGODdhAQABAIAAAP///////ywAAAAAAQABAAACAkQBADs="

                inTemporaryFolder (fun folder ->
                    for bytes in [ svg; gif; "%PDF-1.4 nothing"B; "P5 1 1 255 x"B ] do
                        let path = Path.Combine(folder, "picture.png")
                        File.WriteAllBytes(path, bytes)

                        for read in [ ImageDecoder.read 1 0 path; ImageDecoder.readBytes 1 id "picture" bytes ] do
                            match read with
                            | Ok _ -> failtest "it was read"
                            | Error problem -> Expect.stringContains problem.Reason "PNG, JPEG, TIFF, BMP or WebP" "what is read")
            }

            test "a file of several pages is said to be one, in words and in JSON" {
                inTemporaryFolder (fun folder ->
                    let model = Path.GetDirectoryName(brightnessModel folder)
                    let pages = Path.Combine(folder, "pages.tif")
                    use page = NetVips.Image.Black(32, 32)
                    use three = NetVips.Image.Arrayjoin([| page; page; page |], 1)
                    use paged = three.Mutate(fun image -> image.Set(NetVips.GValue.GIntType, "page-height", 32))
                    paged.WriteToFile pages
                    Expect.equal (ImageDecoder.unread pages) (Ok { FurtherPages = 2; FurtherBands = 0 }) "three"
                    let inspected = fae [ "inspect"; "--model"; string model; pages; "--json"; "-" ]
                    Expect.equal inspected.Code 0 inspected.Error
                    Expect.stringContains inspected.Error "pages.tif (3)" "which file"
                    use json = JsonDocument.Parse inspected.Output
                    let first = Seq.head (json.RootElement.EnumerateArray())
                    Expect.equal (first.GetProperty("pages_not_inspected").GetInt32()) 2 "how many pages nobody looked at")
            }

            test "a fourth band of a TIFF file that is no transparency darkens nothing and is said" {
                inTemporaryFolder (fun folder ->
                    let model = Path.GetDirectoryName(brightnessModel folder)
                    use colours = NetVips.Image.Black(32, 32, 3).Linear([| 1.0 |], [| 200.0 |], uchar = true)
                    use fourth = NetVips.Image.Black(32, 32).Linear([| 1.0 |], [| 100.0 |], uchar = true)
                    use joined = colours.Bandjoin(fourth)
                    use marked = joined.Copy(interpretation = NetVips.Enums.Interpretation.Srgb)
                    let transparent, infrared = Path.Combine(folder, "alpha.tif"), Path.Combine(folder, "infrared.tif")
                    marked.WriteToFile transparent
                    // The tag ExtraSamples, one word: 0 says nothing of the band's meaning.
                    let bytes = File.ReadAllBytes transparent
                    let entry = [| 0x52uy; 0x01uy; 3uy; 0uy; 1uy; 0uy; 0uy; 0uy |]
                    let at = ReadOnlySpan(bytes).IndexOf(ReadOnlySpan entry)
                    Expect.isGreaterThan at 0 "the tag"
                    bytes[at + entry.Length] <- 0uy
                    File.WriteAllBytes(infrared, bytes)

                    let grey path =
                        match ImageDecoder.read 1 0 path with
                        | Ok picture -> picture.Image.Pixels[0]
                        | Error problem -> failtest problem.Reason

                    Expect.isLessThan (grey transparent) 0.4f "transparency is laid on black"
                    Expect.floatClose Accuracy.low (float (grey infrared)) (200.0 / 255.0) "the colours as they are"
                    Expect.equal (ImageDecoder.unread infrared) (Ok { FurtherPages = 0; FurtherBands = 1 }) "what is not looked at"
                    let inspected = fae [ "inspect"; "--model"; string model; transparent; infrared; "--json"; "-" ]
                    Expect.stringContains inspected.Error "further band" "in words"
                    Expect.stringContains inspected.Error "infrared.tif" "which file"
                    Expect.isFalse (inspected.Error.Contains "alpha.tif") "the other is as ever"
                    Expect.stringContains inspected.Output "\"bands_not_inspected\": 1" "in JSON")
            }

            test "values that are not the training pictures' are said; what holds nothing to learn stops with a line" {
                inTemporaryFolder (fun folder ->
                    let data, run = Path.Combine(folder, "data"), Path.Combine(folder, "run")
                    let words = Path.Combine(folder, "words")
                    dataSet (encoded "8 bits") data
                    encoded "12 bits in 16" words "part" (part 64 300)
                    let done' = trained data run []
                    Expect.equal done'.Code 0 done'.Error
                    let inspected = fae [ "inspect"; "--model"; run; words ]
                    Expect.equal inspected.Code 0 inspected.Error
                    Expect.stringContains inspected.Error "are not those of the training pictures" "12 bits for a model of bytes"
                    Expect.stringContains inspected.Error "part.png" "which picture"

                    for word, change in
                        [
                            "constant", (fun _ -> 128.0f)
                            "nearly black", (fun v -> 4.0f * v)
                            "white all over", (fun v -> 254.4f + v)
                        ] do
                        let useless = Path.Combine(folder, word)
                        dataSet (write (change >> round) NetVips.Enums.BandFormat.Uchar ".png") useless
                        let refused = trained useless run []
                        Expect.equal refused.Code 3 refused.Error
                        Expect.stringContains refused.Error word "why"
                        Expect.stringContains refused.Error "image.range" "what to do"

                    // The dark pictures can be used if it is said what is white.
                    let dark = Path.Combine(folder, "nearly black")
                    let told = trained dark run [ "image.range=[0, 4]" ]
                    Expect.equal told.Code 0 told.Error
                    Expect.isGreaterThan (auroc run dark) 0.7 "image AUROC")
            }
        ]
