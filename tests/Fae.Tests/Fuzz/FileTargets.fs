/// Readers of files to fuzz: models, checkpoints, configurations, pictures.
module Fae.Tests.FileTargets

open System
open System.IO
open System.Text
open System.Text.Json.Nodes
open Fae.Cli
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Tests.Helpers
open Fae.Training
open Fae.Tests.Mutation

let refuses (read: unit -> unit) =
    try
        read ()
        true
    with
    | :? InvalidDataException
    | :? NotSupportedException -> false

let text (bytes: byte[]) = Encoding.UTF8.GetString bytes
let utf8 (texts: string seq) = texts |> Seq.map Encoding.UTF8.GetBytes |> Array.ofSeq

/// A safetensors file in two: its header's text, and what follows it.
let apart (file: byte[]) =
    let length = int (BitConverter.ToInt64(file, 0))
    file[8 .. 7 + length], file[8 + length ..]

let joined (header: byte[]) (body: byte[]) = Array.concat [ BitConverter.GetBytes(int64 header.Length); header; body ]

/// Reads a model, and asks it about a picture if it can be read.
let model (asked: bool) (file: byte[]) =
    refuses (fun () ->
        use stream = new MemoryStream(file)
        let struct (card, weights) = ModelFile.Read stream

        if asked then
            use network = new OnnxNetwork(card.Config.Network, card.Channels, weights)
            use detector = Detector.Of(card, network)
            let side = card.Config.Image.Size

            if side <= 64 then
                detector.Inspect [| Image.constant card.Channels side side 0.5f |] |> ignore)

/// A model file: its header and what follows; the header's texts; the rest of the header.
let modelParts =
    lazy
        (let file = inTemporaryFolder (fun folder -> File.ReadAllBytes(brightnessModel folder))
         let header, body = apart file

         match JsonNode.Parse header with
         | :? JsonObject as json ->
             let texts =
                 match json["__metadata__"] with
                 | :? JsonObject as texts -> [| for entry in texts -> entry.Key, string entry.Value |]
                 | _ -> [||]

             json.Remove "__metadata__" |> ignore
             header, body, texts, json.ToJsonString().Substring 1
         | _ -> failwith "the header is no object")

let models =
    let words =
        utf8
            [
                "\"dtype\":\"F32\""
                "\"dtype\":\"U8\""
                "\"shape\":[0]"
                "\"data_offsets\":[0,4]"
                "__metadata__"
                "fae.probe.0"
                "fae.ignore_mask"
            ]

    let target name seeds reads = { Name = name; Seeds = seeds; Words = words; Reads = reads; Together = Environment.ProcessorCount }

    /// The file with one of its texts replaced: the first byte says which.
    let metadata (bytes: byte[]) =
        let _, body, texts, arrays = modelParts.Value
        let which = if bytes.Length = 0 then 0 else int bytes[0] % texts.Length
        let json = JsonObject()

        for i, (key, value) in Array.indexed texts do
            json[key] <- JsonValue.Create(if i = which then text (Array.skip (min 1 bytes.Length) bytes) else value)

        joined (Encoding.UTF8.GetBytes("{\"__metadata__\":" + json.ToJsonString() + "," + arrays)) body

    [
        target
            "model file"
            (lazy
                (let header, body, _, _ = modelParts.Value
                 [| joined header body |]))
            (model false)
        target
            "model file, its header"
            (lazy
                (let header, _, _, _ = modelParts.Value
                 [| header |]))
            (fun bent ->
                let _, body, _, _ = modelParts.Value
                model false (joined bent body))
        target
            "model file, its texts"
            (lazy
                (let _, _, texts, _ = modelParts.Value

                 [| for i, (_, value) in Array.indexed texts -> Array.append [| byte i |] (Encoding.UTF8.GetBytes value) |]))
            (fun bent -> model (Random.hash 1UL (uint64 bent.Length) % 16UL = 0UL) (metadata bent))
    ]

let checkpointParts =
    lazy
        (inTemporaryFolder (fun folder ->
            let path = Path.Combine(folder, "checkpoint.safetensors")
            let array name = NamedArray(name, [| 2L |], [| 1.0f; 2.0f |])
            let progress = TrainProgress(1, 3, 0.5, 10.0, Nullable 0.1, Nullable 0.9, TimeSpan.FromSeconds 4.0)
            CheckpointFile.Write(path, Checkpoint(3, [| array "a" |], [| array "adam.a" |], [| array "a" |], 0.9, [| progress |]), "run")
            apart (File.ReadAllBytes path)))

let checkpoint =
    {
        Name = "checkpoint, its header"
        Seeds = lazy [| fst checkpointParts.Value |]
        Words = utf8 [ "fae.step"; "fae.curve"; "\\u0022Step\\u0022:" ]
        Reads =
            fun bent ->
                refuses (fun () ->
                    use stream = new MemoryStream(joined bent (snd checkpointParts.Value))
                    CheckpointFile.Read(stream, "run") |> ignore)
        Together = Environment.ProcessorCount
    }

let configuration =
    {
        Name = "configuration (TOML)"
        Seeds =
            lazy
                (utf8
                    [
                        Config.toToml Config.defaults
                        yield! [ "mvtec/carpet"; "methods/riad" ] |> List.choose ConfigFile.builtIn
                        "[train]\nsteps = 100\n[network]\ndilations = [1, 2, 4]\n"
                    ])
        Words =
            utf8
                [
                    "[train]"
                    "[[image]]"
                    "\"\"\""
                    "'''"
                    "0x"
                    "1979-05-27T07:32:00Z"
                    "inf"
                    "# "
                    "network.kind"
                    "[1, [2]]"
                    "{a = 1}"
                ]
        Reads = fun bent -> Result.isOk (parseConfig (text bent))
        Together = Environment.ProcessorCount
    }

/// A BMP of 8 × 6 pixels, 24 bits each.
let bmp =
    let word (value: int) = BitConverter.GetBytes value
    let half (value: int) = BitConverter.GetBytes(int16 value)

    Array.concat
        [
            "BM"B
            word (54 + 144)
            word 0
            word 54
            word 40
            word 8
            word 6
            half 1
            half 24
            Array.zeroCreate 24
            Array.init 144 byte
        ]

let picture =
    let coloured save = CorpusTests.vips save 3 NetVips.Enums.BandFormat.Uchar

    {
        Name = "picture (PNG, JPEG, TIFF, WebP, GIF, BMP)"
        Seeds =
            lazy
                [|
                    coloured _.PngsaveBuffer()
                    coloured (fun image -> image.JpegsaveBuffer())
                    coloured (fun image -> image.TiffsaveBuffer())
                    coloured (fun image -> image.WebpsaveBuffer())
                    coloured (fun image -> image.GifsaveBuffer())
                    CorpusTests.vips (fun image -> image.TiffsaveBuffer()) 1 NetVips.Enums.BandFormat.Float
                    bmp
                |]
        Words = utf8 [ "IHDR"; "IDAT"; "PLTE"; "tRNS"; "II*\000"; "Exif"; "BM"; "RIFF"; "GIF89a" ]
        Reads =
            fun bent ->
                match ImageDecoder.readBytes 3 (fun _ -> struct (16, 16)) "picture" bent with
                | Ok picture when picture.Image.Pixels |> Array.forall (fun v -> v >= 0.0f && v <= 1.0f) -> true
                | Ok _ -> failwith "values outside [0, 1]"
                | Error problem when problem.Reason <> "" -> false
                | Error _ -> failwith "refused without a word"
        Together = Environment.ProcessorCount
    }

/// What labelling tools write, as masks of a picture of 60 × 40.
let annotations =
    let masked regions = regions |> Result.bind (Annotations.mask 40 60) |> Result.isOk

    let target name seed words reads =
        {
            Name = name
            Seeds = lazy (utf8 [ seed ])
            Words = utf8 words
            Reads = text >> reads
            Together = Environment.ProcessorCount
        }

    [
        target
            "LabelMe"
            ("""{"shapes": [{"points": [[30, 10], [45.5, 10], [45, 20]], "shape_type": "polygon"}, """
             + """{"points": [[1, 2], [9, 9]], "shape_type": "circle"}]}""")
            [ "\"rectangle\""; "\"linestrip\""; "1e308"; "-1"; "[[]]"; "null" ]
            (Annotations.labelMe >> masked)
        target
            "COCO"
            ("""{"images": [{"id": 7, "file_name": "a.png"}], "annotations": ["""
             + """{"image_id": 7, "segmentation": [[30, 10, 45, 10, 45, 20]]}, """
             + """{"image_id": 7, "segmentation": {"counts": [5, 7, 9]}}, {"image_id": 7, "segmentation": {"counts": "jU1:n0"}}, """
             + """{"image_id": 7, "bbox": [1, 2, 3, 4]}]}""")
            [ "\"counts\""; "2147483647"; "1e308"; "-1"; "[]"; "null" ]
            (fun text ->
                match Annotations.coco text with
                | Ok pictures -> pictures |> Map.forall (fun _ regions -> Result.isOk (Annotations.mask 40 60 regions))
                | Error _ -> false)
        target
            "YOLO"
            "0 0.5 0.25 0.75 0.25 0.75 0.5\n1 0.5 0.5 0.1 0.1\n"
            [ "1e308"; "NaN"; "-1"; "\n\n"; "\t" ]
            (Annotations.yolo 40 60 >> masked)
    ]

/// A journal of `fae watch`. What opens is cut off after its last whole line, opens again with as many entries, and takes another one.
let journal =
    let line name size =
        $$"""{"path": "{{name}}", "size": {{size}}, "changed": 639000000000000000, "verdict": "good", "score": 0.5, "moved_to": null}"""

    // Each entry is flushed to the disk: in memory that takes no time.
    let folder = if Directory.Exists "/dev/shm" then "/dev/shm" else Path.GetTempPath()

    let inspect path =
        let opened () =
            let existing = fun _ -> true
            Journal.Open({ Path = path; MostBytes = 1_000_000L }, existing, ignore)

        match opened () with
        | Error _ -> false
        | Ok journal ->
            let stamp: FileStamp = { Name = "new.png"; Size = 3L; Changed = 5L }
            let before = journal.Count
            journal.Add(stamp, null, line stamp.Name stamp.Size)
            (journal :> IDisposable).Dispose()

            match opened () with
            | Ok again ->
                use again = again

                if again.Count <> before + 1 then
                    failwith $"{before} entries and one more are {again.Count}"

                true
            | Error _ -> failwith "opens once and not again"

    {
        Name = "journal of watch"
        Seeds = lazy (utf8 [ line "a.png" 1 + "\n" + line "part/b.png" 2 + "\n"; line "a.png" 1 + "\n" + line "c.png" 7; "" ])
        Words = utf8 [ "\"path\""; "\"moved_to\": \"good/a.png\""; "\000\000\000\000"; "{}\n"; "\n\n" ]
        Reads =
            fun bent ->
                let path = Path.Combine(folder, $"fae-fuzz-{Environment.ProcessId}-{Environment.CurrentManagedThreadId}.jsonl")

                try
                    File.WriteAllBytes(path, bent)
                    inspect path
                finally
                    File.Delete path
        Together = Environment.ProcessorCount
    }

/// Everything but the server.
let targets = models @ [ checkpoint; configuration; picture; journal ] @ annotations
