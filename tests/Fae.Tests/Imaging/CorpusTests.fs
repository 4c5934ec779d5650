/// Pictures that are not what they should be, through everything that reads pictures: never a crash, never a verdict on what was not read.
module Fae.Tests.CorpusTests

open System
open System.IO
open System.Text.Json.Nodes
open Expecto
open Fae.Core
open Fae.Imaging
open Fae.Tests.Helpers
open Fae.Tests.Serving

/// What is to come of a file: a finding, a refusal, or either, but not a crash.
type private Fate =
    | Read
    | Refused
    | Either

/// A small ramp of so many bands in this format, saved.
let vips (save: NetVips.Image -> byte[]) bands format =
    use ramp = NetVips.Image.Xyz(48, 40)
    use plane = (ramp.ExtractBand 0).Linear([| 4.0 |], [| 10.0 |])

    use joined = if bands = 1 then plane.Copy() else plane.Bandjoin(Array.replicate (bands - 1) plane)

    use cast: NetVips.Image = joined.Cast format
    save cast

let private png = vips _.PngsaveBuffer() 3 NetVips.Enums.BandFormat.Uchar
let private jpeg = vips (fun image -> image.JpegsaveBuffer()) 3 NetVips.Enums.BandFormat.Uchar
let private tiff = vips (fun image -> image.TiffsaveBuffer()) 1 NetVips.Enums.BandFormat.Float

/// The same with a few bits turned.
let private bent (bytes: byte[]) number =
    let copy = Array.copy bytes

    for i in 0UL .. 2UL do
        let at = int (Random.hash (uint64 number) i % uint64 copy.Length)
        copy[at] <- copy[at] ^^^ byte (1 <<< int (Random.hash (uint64 number) (i + 9UL) % 8UL))

    copy

/// A PNG of the size that its header says and nothing behind it.
let private claims (width: int) (height: int) =
    let word (value: int) = BitConverter.GetBytes(value) |> Array.rev

    let crc (bytes: byte[]) =
        let mutable c = 0xFFFFFFFFu

        for b in bytes do
            c <- c ^^^ uint32 b

            for _ in 1..8 do
                c <- if c &&& 1u = 1u then 0xEDB88320u ^^^ (c >>> 1) else c >>> 1

        word (int (c ^^^ 0xFFFFFFFFu))

    let chunk (name: string) (data: byte[]) =
        let body = Array.append (Text.Encoding.ASCII.GetBytes name) data
        Array.concat [ word data.Length; body; crc body ]

    Array.concat
        [
            [| 137uy; 80uy; 78uy; 71uy; 13uy; 10uy; 26uy; 10uy |]
            chunk "IHDR" (Array.concat [ word width; word height; [| 8uy; 0uy; 0uy; 0uy; 0uy |] ])
            chunk "IDAT" [| 120uy; 156uy; 3uy; 0uy; 0uy; 0uy; 0uy; 1uy |]
            chunk "IEND" [||]
        ]

let private corpus: (string * byte[] * Fate) list =
    [
        "whole.png", png, Read
        "whole.jpg", jpeg, Read
        "a JPEG called.png", jpeg, Read
        "float.tif", tiff, Either
        "cut.png", Array.truncate (png.Length / 2) png, Refused
        "cut.jpg", Array.truncate (jpeg.Length / 2) jpeg, Refused
        "cut.tif", Array.truncate (tiff.Length / 2) tiff, Refused
        "empty.png", [||], Refused
        "text.png", "this is no picture"B, Refused
        "zeros.png", Array.zeroCreate 4096, Refused
        "one pixel.png", ImageEncoder.toPng (Image.constant 1 1 1 0.5f), Read
        "a line.png", ImageEncoder.toPng (Image.constant 1 65500 1 0.5f), Read
        "bomb.png", claims 30000 30000, Refused
        "nothing behind it.png", claims 400 400, Refused
        "deep.png", vips _.PngsaveBuffer() 1 NetVips.Enums.BandFormat.Ushort, Read
        "palette.png", vips (fun image -> image.PngsaveBuffer(palette = true)) 3 NetVips.Enums.BandFormat.Uchar, Read
        "CMYK.jpg",
        vips
            (fun image ->
                use cmyk = image.Copy(interpretation = NetVips.Enums.Interpretation.Cmyk)
                cmyk.JpegsaveBuffer())
            4
            NetVips.Enums.BandFormat.Uchar,
        Read
        "turned.jpg",
        vips
            (fun image ->
                use turned = image.Mutate(fun mutable' -> mutable'.Set(NetVips.GValue.GIntType, "orientation", 6))
                turned.JpegsaveBuffer())
            3
            NetVips.Enums.BandFormat.Uchar,
        Read
        "NaN.tif",
        vips
            (fun image ->
                use nan = image.Linear([| 0.0 |], [| nan |])
                nan.TiffsaveBuffer())
            1
            NetVips.Enums.BandFormat.Float,
        Refused
        "moving.webp",
        vips
            (fun image ->
                use twice = image.Join(image, NetVips.Enums.Direction.Vertical)

                use moving = twice.Mutate(fun mutable' -> mutable'.Set(NetVips.GValue.GIntType, "page-height", image.Height))

                moving.WebpsaveBuffer())
            3
            NetVips.Enums.BandFormat.Uchar,
        Read
        "name with\nnew line.png", png, Read
        "ümläut 名前.png", png, Read
    ]

let private write folder =
    Directory.CreateDirectory folder |> ignore

    for name, bytes, _ in corpus do
        File.WriteAllBytes(Path.Combine(folder, name), bytes)

/// A picture whose name is no UTF-8, where the file system allows one; .NET cannot make it.
let private unspeakable (folder: string) =
    let copied = command "bash" [ "-c"; "cp -- \"$1/whole.png\" \"$1\"/$'un\\xffspeakable.png'"; "bash"; folder ]

    copied.Code = 0

let private agrees name fate (read: bool) =
    match fate with
    | Read -> Expect.isTrue read $"{name} is read"
    | Refused -> Expect.isFalse read $"{name} is refused"
    | Either -> ()

let tests =
    testList
        "Corpus"
        [
            test "each is read or refused as declared, from file and bytes, in colour and grey" {
                inTemporaryFolder (fun folder ->
                    write folder

                    for name, bytes, fate in corpus do
                        for channels in [ 1; 3 ] do
                            let size = fun (struct (_, _)) -> struct (32, 32)

                            for how, result in
                                [
                                    "file", ImageDecoder.readTo channels size (Path.Combine(folder, name))
                                    "bytes", ImageDecoder.readBytes channels size name bytes
                                ] do
                                agrees $"{name} ({how}, {channels})" fate (Result.isOk result)

                                match result with
                                | Ok picture ->
                                    Expect.equal picture.Image.Pixels.Length (channels * 32 * 32) $"{name}: its size"

                                    Expect.isTrue
                                        (picture.Image.Pixels |> Array.forall (fun v -> v >= 0.0f && v <= 1.0f))
                                        $"{name}: its values"
                                | Error problem -> Expect.isNotEmpty problem.Reason $"{name}: why"

                    match ImageDecoder.readTo 3 id (Path.Combine(folder, "turned.jpg")) with
                    | Ok picture -> Expect.equal (picture.OriginalWidth, picture.OriginalHeight) (40, 48) "upright"
                    | Error problem -> failtest (string problem))
            }
            test "three thousand mutated pictures are read or refused" {
                for format, bytes in [ "PNG", png; "JPEG", jpeg; "TIFF", tiff ] do
                    for number in 0..999 do
                        match ImageDecoder.readBytes 3 (fun _ -> struct (16, 16)) format (bent bytes number) with
                        | Ok picture ->
                            Expect.isTrue
                                (picture.Image.Pixels |> Array.forall (fun v -> v >= 0.0f && v <= 1.0f))
                                $"{format} {number}: its values"
                        | Error problem -> Expect.isNotEmpty problem.Reason "why"
            }
        ]

/// Through the verbs, as processes.
let commandLine =
    oneByOne
        "Corpus, by the verbs"
        [
            test "inspect, watch, serve, train and eval: a verdict if it can be read, one line if not" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    let pictures = Path.Combine(folder, "pictures")
                    write pictures
                    let named = unspeakable pictures
                    let refused = corpus |> List.filter (fun (_, _, fate) -> fate = Refused)

                    // Whatever a header claims, a process with little memory gets through.
                    let inspected = confined 1500 [ "inspect"; "--model"; model; pictures; "--json"; "-" ]
                    Expect.equal inspected.Code 0 inspected.Error

                    let found =
                        match JsonNode.Parse inspected.Output with
                        | :? JsonArray as findings -> [ for finding in findings -> Files.name (textOf (nonNull finding) "path") ]
                        | _ -> failtest inspected.Output

                    for name, _, fate in corpus do
                        agrees name fate (List.contains name found)

                    for name, _, _ in refused do
                        Expect.stringContains inspected.Error name "skipped by name"

                    let unnamed (run: Run) = Expect.equal (run.Error.Contains "not UTF-8") named run.Error
                    unnamed inspected

                    let out = Path.Combine(folder, "watched")

                    let watched = fae [ "watch"; pictures; "--model"; model; "--out"; out; "--once"; "--settle"; "0.1" ]

                    Expect.equal watched.Code 0 watched.Error
                    unnamed watched

                    let lines =
                        File.ReadAllLines(Path.Combine(out, "inspections.jsonl"))
                        |> Array.map (fun line -> nonNull (JsonNode.Parse line))

                    Expect.equal lines.Length corpus.Length "a line each"

                    for line in lines do
                        let name = Files.name (textOf line "path")
                        let _, _, fate = corpus |> List.find (fun (known, _, _) -> known = name)
                        agrees name fate (isNull line["problem"])

                    serving model [] (fun served ->
                        use http = client ()

                        for name, bytes, fate in corpus do
                            let status = int (post http (served.Url + "/v1/inspect") bytes).Result.StatusCode

                            match fate with
                            | Read -> Expect.equal status 200 name
                            | Refused -> Expect.isTrue (status = 400 || status = 413) $"{name}: {status}"
                            | Either -> Expect.isTrue (status = 200 || status = 400) $"{name}: {status}")

                    let data = Path.Combine(folder, "data")
                    write (Path.Combine(data, "train", "good"))
                    write (Path.Combine(data, "test", "good"))

                    let named = unspeakable (Path.Combine(data, "train", "good")) && unspeakable (Path.Combine(data, "test", "good"))

                    let trained = fae (training data (Path.Combine(folder, "run")) [])
                    Expect.equal trained.Code 3 trained.Error
                    let measured = fae [ "eval"; "--model"; model; "--data"; data ]
                    Expect.equal measured.Code 3 measured.Error

                    for run in [ trained; measured ] do
                        Expect.equal (run.Error.Contains "not UTF-8") named run.Error

                    for name, _, _ in refused do
                        Expect.stringContains trained.Error name "train lists all of them"
                        Expect.stringContains measured.Error name "and so does eval")
            }
        ]
