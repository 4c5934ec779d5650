/// Bytes bent at random, into everything that reads bytes from outside: what is neither taken nor refused in the declared way is a defect.
module Fae.Tests.Fuzz

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Net.Sockets
open System.Text
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Engine
open Fae.Tests.Helpers
open Fae.Tests.Serving

/// Something that reads. `Reads` says whether it took the bytes; what it throws is a defect.
[<NoComparison; NoEquality>]
type Target =
    {
        Name: string
        Seeds: Lazy<byte[][]>
        /// What its grammar is made of.
        Words: byte[][]
        Reads: byte[] -> bool
        /// Asked at the same time; more than there are cores where it waits for others.
        Together: int
    }

[<NoComparison; NoEquality>]
type Tally =
    {
        Target: string
        Inputs: int
        Taken: int
        Seconds: float
        /// The first few inputs at which something else happened, by their numbers.
        Defects: (int * string) list
    }

/// Numbers that readers stumble over.
let private numbers =
    [|
        "0"
        "-1"
        "1e999"
        "-0.0"
        "NaN"
        "2147483648"
        "9223372036854775807"
        "18446744073709551616"
        "1e-320"
        "0.1e1"
        "4294967296"
        "null"
        "true"
        "[]"
        "{}"
        "\"\""
    |]
    |> Array.map Encoding.ASCII.GetBytes

let private words =
    [|
        yield! numbers
        yield!
            [|
                0L
                1L
                -1L
                255L
                65535L
                int64 Int32.MaxValue
                Int64.MaxValue
                Int64.MinValue
            |]
            |> Array.map BitConverter.GetBytes
        for text in
            [
                "\""
                "{"
                "}"
                "["
                "]"
                ":"
                ","
                "\\u0000"
                "\\"
                "\n"
                "\r\n"
                "\000"
                "\239\187\191"
                "="
            ] do
            Encoding.Latin1.GetBytes text
    |]

/// Input `number` of a target: a seed, bent up to eight times. The same number gives the same bytes.
let input (target: Target) (number: int) : byte[] =
    let key = Random.hash 0xF022UL (uint64 number)
    let mutable drawn = 0UL

    let next (below: int) =
        drawn <- drawn + 1UL
        int (Random.hash key drawn % uint64 (max 1 below))

    let pick (from: byte[][]) = from[next from.Length]

    let splice (bytes: byte[]) at removed (inserted: byte[]) =
        Array.concat
            [
                Array.truncate at bytes
                inserted
                Array.skip (min bytes.Length (at + removed)) bytes
            ]

    let bend (bytes: byte[]) =
        let at = next (bytes.Length + 1)
        let near = 1 + next (1 <<< next 8)

        match next 9 with
        | 0 when at < bytes.Length ->
            let copy = Array.copy bytes
            copy[at] <- copy[at] ^^^ byte (1 <<< next 8)
            copy
        | 1 when at < bytes.Length ->
            let copy = Array.copy bytes
            copy[at] <- byte (next 256)
            copy
        | 2 -> splice bytes at near [||]
        | 3 -> splice bytes at 0 (bytes |> Array.skip at |> Array.truncate near)
        | 4 -> splice bytes at 0 (pick words)
        | 5 when target.Words.Length > 0 -> splice bytes at 0 (pick target.Words)
        | 6 ->
            // A number in the text becomes another.
            let digit (b: byte) = b >= '0'B && b <= '9'B

            match Array.tryFindIndex digit (Array.skip (min at bytes.Length) bytes) with
            | Some ahead ->
                let from = at + ahead
                let length = bytes |> Seq.skip from |> Seq.takeWhile digit |> Seq.length
                splice bytes from length (pick numbers)
            | None -> splice bytes at 0 (pick numbers)
        | 7 ->
            let other = pick target.Seeds.Value
            Array.append (Array.truncate at bytes) (Array.skip (min other.Length (next (other.Length + 1))) other)
        | _ -> Array.truncate at bytes

    let rec bent times (bytes: byte[]) = if times = 0 then bytes else bent (times - 1) (bend bytes)
    bent (1 + next (1 + next 8)) (pick target.Seeds.Value)

/// Hands the target so many inputs.
let run (target: Target) (first: int) (count: int) : Tally =
    let clock = Stopwatch.StartNew()
    ThreadPool.SetMinThreads(target.Together, target.Together) |> ignore
    let mutable taken = 0
    let defects = ConcurrentQueue()

    Parallel.For(
        first,
        first + count,
        ParallelOptions(MaxDegreeOfParallelism = target.Together),
        fun number ->
            try
                if target.Reads(input target number) then
                    Interlocked.Increment(&taken) |> ignore
            with e ->
                if defects.Count < 10 then
                    defects.Enqueue(number, $"{e.GetType().Name}: {e.Message}\n{e.StackTrace}")
    )
    |> ignore

    {
        Target = target.Name
        Inputs = count
        Taken = taken
        Seconds = clock.Elapsed.TotalSeconds
        Defects = List.ofSeq defects
    }

let private refuses (read: unit -> unit) =
    try
        read ()
        true
    with
    | :? InvalidDataException
    | :? NotSupportedException -> false

let private text (bytes: byte[]) = Encoding.UTF8.GetString bytes
let private utf8 (texts: string seq) = texts |> Seq.map Encoding.UTF8.GetBytes |> Array.ofSeq

/// A safetensors file in two: its header's text, and what follows it.
let private apart (file: byte[]) =
    let length = int (BitConverter.ToInt64(file, 0))
    file[8 .. 7 + length], file[8 + length ..]

let private joined (header: byte[]) (body: byte[]) = Array.concat [ BitConverter.GetBytes(int64 header.Length); header; body ]

/// Reads a model, and asks it about a picture if it can be read.
let private model (asked: bool) (file: byte[]) =
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
let private modelParts =
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

let private models =
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

    let target name seeds reads =
        {
            Name = name
            Seeds = seeds
            Words = words
            Reads = reads
            Together = Environment.ProcessorCount
        }

    /// The file with one of its texts replaced: the first byte says which.
    let metadata (bytes: byte[]) =
        let _, body, texts, arrays = modelParts.Value
        let which = if bytes.Length = 0 then 0 else int bytes[0] % texts.Length
        let json = JsonObject()

        for i, (key, value) in Array.indexed texts do
            json[key] <-
                JsonValue.Create(
                    if i = which then
                        text (Array.skip (min 1 bytes.Length) bytes)
                    else
                        value
                )

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

                 [|
                     for i, (_, value) in Array.indexed texts -> Array.append [| byte i |] (Encoding.UTF8.GetBytes value)
                 |]))
            (fun bent -> model (Random.hash 1UL (uint64 bent.Length) % 16UL = 0UL) (metadata bent))
    ]

let private checkpointParts =
    lazy
        (inTemporaryFolder (fun folder ->
            let path = Path.Combine(folder, "checkpoint.safetensors")
            let array name = NamedArray(name, [| 2L |], [| 1.0f; 2.0f |])
            let progress = TrainProgress(1, 3, 0.5, 10.0, Nullable 0.1, Nullable 0.9, TimeSpan.FromSeconds 4.0)
            CheckpointFile.Write(path, Checkpoint(3, [| array "a" |], [| array "adam.a" |], [| array "a" |], 0.9, [| progress |]), "run")
            apart (File.ReadAllBytes path)))

let private checkpoint =
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

let private configuration =
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
        Reads = fun bent -> Result.isOk (ConfigFile.parse (text bent))
        Together = Environment.ProcessorCount
    }

let private plan =
    let settings = Config.defaults.Corruption
    let picture = Image.init 3 24 24 (fun c y x -> float32 (c + y + x) / 50.0f)
    let sampler = lazy (Corruption.plans settings (Palette.ofImages [ picture ]) 1)

    {
        Name = "plan (JSON), and its rendering"
        Seeds =
            lazy
                (utf8
                    [
                        for seed in 0UL .. 31UL do
                            let struct (plan, _) = Sampler.run (Random.ofSeed seed) sampler.Value
                            PlanText.write plan
                    ])
        Words =
            utf8
                [
                    "\"kind\""
                    "\"ellipse\""
                    "\"curve\""
                    "\"cells\""
                    "\"cloud\""
                    "\"patch\""
                    "\"frame\":[1,1,1,0,0,1]"
                    "\"key\""
                ]
        Reads =
            fun bent ->
                match PlanText.read (text bent) with
                | Ok plan ->
                    Plan.render [| picture |] picture plan |> ignore
                    Fae.Spec.CorruptionLaws.kernel [| picture |] picture plan |> ignore
                    true
                | Error reason when reason <> "" -> false
                | Error _ -> failwith "refused without a word"
        Together = Environment.ProcessorCount
    }

/// A BMP of 8 × 6 pixels, 24 bits each.
let private bmp =
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

let private picture =
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
                match ImageFile.readBytes 3 (fun _ -> struct (16, 16)) "picture" bent with
                | Ok picture when picture.Image.Pixels |> Array.forall (fun v -> v >= 0.0f && v <= 1.0f) -> true
                | Ok _ -> failwith "values outside [0, 1]"
                | Error problem when problem.Reason <> "" -> false
                | Error _ -> failwith "refused without a word"
        Together = Environment.ProcessorCount
    }

/// Everything but the server.
let targets = models @ [ checkpoint; configuration; plan; picture ]

/// Requests as they go over the wire.
let private requests () =
    let request (line: string) (headers: string list) (body: byte[]) =
        let head = String.concat "\r\n" (line + " HTTP/1.1" :: "Host: fae" :: "Connection: close" :: headers)
        Array.append (Encoding.ASCII.GetBytes(head + "\r\n\r\n")) body

    let sized (body: byte[]) = $"Content-Length: {body.Length}"
    let picture = ImageFile.toPng (Image.constant 1 6 6 0.4f)

    let chunk =
        Array.concat [ Encoding.ASCII.GetBytes $"{picture.Length:x}\r\n"; picture; "\r\n0\r\n\r\n"B ]

    let form =
        Array.concat
            [
                "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n"B
                picture
                "\r\n--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"b.png\"\r\n\r\n"B
                picture
                "\r\n--b--\r\n"B
            ]

    let mark = """{"mark": "good"}"""B

    [|
        request "POST /v1/inspect" [ sized picture ] picture
        request "POST /v1/inspect?heatmap=1&views=1&model=model" [ sized picture; "Content-Type: image/png" ] picture
        request "POST /v1/inspect" [ sized picture; "Accept: image/png" ] picture
        request "POST /v1/inspect" [ "Transfer-Encoding: chunked" ] chunk
        request "POST /v1/inspect" [ sized form; "Content-Type: multipart/form-data; boundary=b" ] form
        request "GET /v1/history?limit=5&before=9&model=model&anomalous=1" [] [||]
        request "GET /v1/history/1" [] [||]
        request "GET /v1/history/1/heatmap.png" [] [||]
        request "POST /v1/history/1/mark" [ sized mark; "Content-Type: application/json" ] mark
        request "GET /v1/models" [ "X-Api-Key: k"; "Authorization: Bearer k" ] [||]
        request "GET /v1/statistics" [] [||]
        request "GET /metrics" [] [||]
        request "GET /ready" [] [||]
    |]

/// What the server answers to bytes on a connection, to its end.
let private ask (host: string) (port: int) (bytes: byte[]) =
    use connection = new TcpClient()
    connection.Connect(host, port)
    // No port is to wait for stragglers: there are only so many.
    connection.LingerState <- LingerOption(true, 0)
    connection.ReceiveTimeout <- 40_000
    let socket = connection.Client
    let answer = StringBuilder()
    let buffer = Array.zeroCreate<byte> 65536

    let receive () =
        let read = socket.Receive buffer
        answer.Append(Encoding.Latin1.GetString(buffer, 0, read)) |> ignore
        read > 0

    // Kestrel lets a request go when its sender closes: what is answered is waited for, and what waits for more bytes is closed.
    let rec converse milliseconds =
        if socket.Poll(milliseconds * 1000, SelectMode.SelectRead) then
            if receive () then
                converse 30
        else
            socket.Shutdown SocketShutdown.Send

            while receive () do
                ()

    try
        socket.Send bytes |> ignore
        converse 150
    with :? SocketException as e ->
        // A server may hang up on what it does not want to read; it may not forget to answer.
        if e.SocketErrorCode = SocketError.TimedOut then
            failwith "no answer in 40 seconds"

    answer.ToString()

/// A server with a history, while the work runs: bytes on a connection.
let withServer (work: Target -> unit) =
    inTemporaryFolder (fun folder ->
        let model = brightnessModel folder
        let history = [ "--history"; Path.Combine(folder, "history.db"); "--keep"; "100" ]

        serving model history (fun served ->
            let url = Uri served.Url

            work
                {
                    Name = "server, bytes on a connection"
                    Seeds = lazy (requests ())
                    Words =
                        utf8
                            [
                                "Content-Length: 5\r\n"
                                "Transfer-Encoding: chunked\r\n"
                                "Expect: 100-continue\r\n"
                                "Content-Type: multipart/form-data; boundary=b\r\n"
                                "Content-Type: multipart/form-data\r\n"
                                "%00"
                                "%ff"
                                "../"
                                "?model="
                                "HTTP/1.0"
                                "--b\r\n"
                            ]
                    Reads =
                        fun bent ->
                            if served.Child.HasExited then
                                failwith $"the server ended: {served.Said}"

                            let answer = ask url.Host url.Port bent

                            if answer.Contains "HTTP/1.1 500" then
                                failwith $"{answer}\n{served.Said}"

                            answer.StartsWith("HTTP/1.1 2", StringComparison.Ordinal)
                    // Most of the time is waiting for requests that never end.
                    Together = 32 * Environment.ProcessorCount
                }

            use http = client ()

            if http.GetStringAsync(served.Url + "/health").Result <> "alive\n" then
                failwith "the server is not well"))
