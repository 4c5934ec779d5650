/// Benchmarks beside their peers: bench/results/*.json, and docs/develop/performance.md.
module Fae.Dev.Bench

open System.IO
open System.Text.Json
open System.Text.Json.Nodes

let private results = Shell.inRoot [ "bench"; "results" ]
let private loadFile = Path.Combine(results, "load.json")
let private growthFile = Shell.inRoot [ "bench"; "growth.json" ]

/// The peers are Debian's; where they cannot be installed, the benchmarks say what they skip.
let private installPeers () =
    let packages =
        [ "opencv"; "scipy"; "sklearn"; "skimage"; "torch"; "pil"; "fastapi"; "uvicorn" ]
        |> List.map (fun name -> "python3-" + name)
        // Without it, torch multiplies matrices ten times slower.
        |> List.append [ "libopenblas0-pthread" ]

    let apt args = Shell.tryRun "apt-get" args = 0

    if Shell.tryRun "dpkg" ("-s" :: packages) <> 0 then
        // A fresh machine has no list of packages yet.
        if not (apt [ "update" ] && apt ([ "install"; "--yes"; "--no-install-recommends" ] @ packages)) then
            eprintfn "build: the peers could not be installed; what needs them is skipped"

let private number (pattern: string) (value: JsonElement) = Shell.format pattern (value.GetDouble())
let private read (path: string) = JsonDocument.Parse(File.ReadAllText path)

let private ratioRows () =
    [
        for file in Directory.GetFiles(results, "*.json") |> Array.sort |> Array.filter ((<>) loadFile) do
            use json = read file

            for row in json.RootElement.EnumerateArray() do
                let text (key: string) = string (row.GetProperty(key).GetString())
                let value pattern (key: string) = number pattern (row.GetProperty key)

                [
                    text "work"
                    text "peer"
                    value "0.00" "ours_ms"
                    value "0.00" "peer_ms"
                    value "0.00" "ratio"
                    value "0.##" "target"
                    match row.TryGetProperty "limit_ms" with
                    | true, limit -> number "0.00" limit
                    | false, _ -> "–"
                    match row.TryGetProperty "limit_ms" with
                    | true, limit -> Shell.format "0%" (limit.GetDouble() / row.GetProperty("ours_ms").GetDouble())
                    | false, _ -> "–"
                ]
    ]

let private loadRow (row: JsonElement) =
    let side (name: string) =
        match row.GetProperty name with
        | traffic when traffic.ValueKind = JsonValueKind.Object -> Some traffic
        | _ -> None

    let cells traffic =
        match traffic with
        | Some(traffic: JsonElement) ->
            [ "per_second"; "median_ms"; "p99_ms" ] |> List.map (fun key -> number "0.0" (traffic.GetProperty key))
        | None -> [ "–"; "–"; "–" ]

    let rate traffic =
        match traffic with
        | Some(traffic: JsonElement) -> traffic.GetProperty("per_second").GetDouble()
        | None -> nan

    let ours, theirs = side "ours", side "theirs"
    let clients = string (row.GetProperty("clients").GetInt32())
    clients :: cells ours @ cells theirs @ [ Shell.format "0.00" (rate ours / rate theirs) ]

let private faultLines (faults: JsonElement) =
    let fault (key: string) = number "0" (faults.GetProperty key)

    [
        ""
        $"""Faults: {fault "requests"} requests by 16 clients. {fault "answered"} good ones were answered;"""
        $"""{fault "refused_4xx"} broken or oversized ones were refused with 4xx; {fault "cut_off"} were cut off by the client;"""
        $"""{fault "lost_or_wrong"} were lost or answered wrongly. Memory: {fault "memory_after_a_tenth_mib"} MiB after a tenth of them,"""
        $"""{fault "memory_at_the_end_mib"} MiB at the end. The model file was replaced {fault "reloads"} times under load;"""
        $"""{fault "failed_during_reloads"} requests failed. After kill -9 under load,"""
        $"""{fault "missing_in_history"} of the answered inspections are missing in the history."""
    ]

let private loadLines () =
    if not (File.Exists loadFile) then
        []
    else
        use json = read loadFile
        let faults = json.RootElement.GetProperty "faults"

        let headings =
            [
                "clients"
                "ours, pictures/s"
                "median, ms"
                "p99, ms"
                "peer, pictures/s"
                "median, ms"
                "p99, ms"
                "ratio"
            ]

        [ ""; string (faults.GetProperty("measured").GetString()); "" ]
        @ Pages.table headings [ for row in json.RootElement.GetProperty("load").EnumerateArray() -> loadRow row ]
        @ faultLines faults

let private growthLines () =
    if not (File.Exists growthFile) then
        []
    else
        use json = read growthFile

        ""
        :: Pages.table
            [ "work"; "n"; "seconds"; "peak memory, MB" ]
            [
                for cost in json.RootElement.EnumerateArray() ->
                    [
                        string (cost.GetProperty("work").GetString())
                        string (cost.GetProperty("n").GetInt32())
                        Shell.format "0.00" (cost.GetProperty("ms").GetDouble() / 1000.0)
                        number "0" (cost.GetProperty "peak_mb")
                    ]
            ]

let private writePage (parts: string list) =
    // If only some parts were measured, the others keep their date.
    let header (old: string list) =
        match old |> List.tryFind _.StartsWith("Measured at ") with
        | Some line when not parts.IsEmpty -> line
        | _ -> Shell.measuredHere ()

    Pages.rewriteResults (Shell.inRoot [ "docs"; "develop"; "performance.md" ]) "Bench" (fun old ->
        [ ""; header old; "" ]
        @ Pages.table [ "work"; "peer"; "ours, ms"; "peer, ms"; "ratio"; "target"; "limit, ms"; "share of it" ] (ratioRows ())
        @ loadLines ()
        @ growthLines ()
        @ [ "" ])

let private writeLoad (found: JsonNode | null) =
    match found with
    | null -> failwith "the load benchmark wrote nothing"
    | found ->
        match found["faults"] with
        | null -> ()
        | faults -> faults["measured"] <- JsonValue.Create(Shell.measuredHere ())

        File.WriteAllText(loadFile, found.ToJsonString(JsonSerializerOptions(WriteIndented = true)))

/// The ratios of a results file by what was done and beside whom.
let private ratios (path: string) =
    if File.Exists path then
        use json = read path

        [
            for row in json.RootElement.EnumerateArray() ->
                (string (row.GetProperty("work").GetString()), string (row.GetProperty("peer").GetString())),
                row.GetProperty("ratio").GetDouble()
        ]
        |> Map.ofList
    else
        Map.empty

/// By more than this share a ratio has fallen.
let private mostFall = 0.05

/// The rows that fell, in words.
let private fallen (before: Map<string * string, float>) now =
    [
        for KeyValue((work, peer), ratio) in now do
            match Map.tryFind (work, peer) before with
            | Some old when ratio < (1.0 - mostFall) * old ->
                $"""bench: {work}, beside {peer}: the ratio fell from {Shell.format "0.00" old} to {Shell.format "0.00" ratio}"""
            | _ -> ()
    ]

/// All benchmarks, or the parts that are named: kernels, inference, training, load, faults, growth. For a quiet machine.
let write (parts: string list) =
    installPeers ()
    Directory.CreateDirectory results |> ignore
    let measured args = Shell.capture "dotnet" (Shell.inArtifacts [ "bench"; "Fae.Bench.dll" ] :: args)
    let wanted part = parts.IsEmpty || List.contains part parts

    for part in [ "kernels"; "inference"; "training"; "features" ] |> List.filter wanted do
        let path = Path.Combine(results, part + ".json")
        let before = ratios path
        File.WriteAllText(path, measured [ part ])
        fallen before (ratios path) |> List.iter (eprintfn "%s")

    if wanted "load" then
        writeLoad (JsonNode.Parse(measured [ "load" ]))
    // The second half of it alone.
    elif wanted "faults" then
        match JsonNode.Parse(File.ReadAllText loadFile) with
        | null -> ()
        | before ->
            before["faults"] <- JsonNode.Parse(measured [ "faults" ])
            writeLoad before

    if wanted "growth" then
        File.WriteAllText(growthFile, measured [ "growth"; Shell.inRoot [ "docs"; "images" ] ])

    writePage parts
