/// A journal's lines to an MQTT broker, each at least once: how far it got is kept in a file, so that neither a broker that is away nor a
/// restart loses one.
namespace Fae.Cli

open System
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks
open Fae.Detection
open MQTTnet
open MQTTnet.Protocol

/// How far the lines are published: up to this byte of the file whose first line has this digest.
[<Struct>]
type private Position = { File: string option; Offset: int64 }

[<AutoOpen>]
module private Parsing =
    let (|Int64|_|) (text: string) =
        match Int64.TryParse text with
        | true, value when value >= 0L -> Some value
        | _ -> None

type MqttPublisher(broker: Broker, journal: string, offsetFile: string) =
    /// Between two reads of the journal, and between two attempts to connect.
    let pause = TimeSpan.FromSeconds 0.5

    /// For connecting and for the last word.
    let timeout = TimeSpan.FromSeconds 5.0

    /// Between two answers of the broker.
    let answer = TimeSpan.FromSeconds 10.0

    /// Lines that are on their way at once.
    let window = 16
    let client = MqttClientFactory().CreateMqttClient()
    let options = Mqtt.options broker

    let mutable position =
        let text = if File.Exists offsetFile then (File.ReadAllText offsetFile).Trim() else ""

        match text.Split ' ' |> Array.rev with
        | [| "" |] -> { File = Some "none"; Offset = 0L }
        | [| Int64 offset |] -> { File = None; Offset = offset }
        | [| Int64 offset; file |] -> { File = Some file; Offset = offset }
        | _ -> { File = None; Offset = 0L }

    let mutable trouble: string option = None

    let save () = AtomicFile.WriteText(offsetFile, $"""{Option.defaultValue "" position.File} {position.Offset}""".Trim())

    let connect () =
        task {
            if not client.IsConnected then
                use limit = new CancellationTokenSource(timeout)
                let! answer = client.ConnectAsync(options, limit.Token)

                if answer.ResultCode <> MqttClientConnectResultCode.Success then
                    raise (UnauthorizedAccessException(string answer.ResultCode))

                match broker.StatusTopic with
                | Some topic ->
                    let! _ = client.PublishStringAsync(topic, "online", MqttQualityOfServiceLevel.AtLeastOnce, true, limit.Token)
                    ()
                | None -> ()
        }

    /// Sends one line; it is acknowledged when this ends. An answer gives the lines behind it their time again: the broker takes one after
    /// the other.
    let publish (limit: CancellationTokenSource) (line: string) : Task =
        task {
            let message =
                MqttApplicationMessageBuilder()
                    .WithTopic(broker.Topic)
                    .WithPayload(line)
                    .WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce)
                    .Build()

            let! result = client.PublishAsync(message, limit.Token)
            if not result.IsSuccess then raise (IOException $"it refuses: {result.ReasonString}")
            limit.CancelAfter answer
        }

    /// Publishes a window of lines; the position moves to the first one that was not acknowledged, also if this fails.
    let publishWindow identity (lines: struct (string * int64)[]) : Task =
        task {
            use limit = new CancellationTokenSource(answer)

            let sent =
                [|
                    for struct (line, ended) in lines -> struct ((if line = "" then Task.CompletedTask else publish limit line), ended)
                |]

            try
                do! Task.WhenAll [| for struct (one, _) in sent -> one |]
            finally
                match sent |> Array.takeWhile (fun struct (one, _) -> one.IsCompletedSuccessfully) |> Array.tryLast with
                | Some(struct (_, ended)) ->
                    position <- { File = Some identity; Offset = ended }
                    save ()
                | None -> ()
        }

    /// The files of the journal that are not published yet, the oldest first, and where to begin in the first one.
    let pending () =
        let files =
            (JournalFiles.aside journal |> List.filter (fun file -> not (file.EndsWith(".gz", StringComparison.Ordinal))))
            @ [ journal ]
            |> List.choose (fun file -> JournalFiles.identity file |> Option.map (fun identity -> file, identity))

        match position.File, files |> List.tryFindIndex (fun (_, identity) -> Some identity = position.File) with
        | Some _, Some at -> List.skip at files, position.Offset
        // Before the first line that was published: all of them.
        | Some "none", None -> files, 0L
        // An offset without a file is one of the current journal; a file that is gone took its lines along.
        | None, _ -> files |> List.filter (fun (file, _) -> file = journal), position.Offset
        | Some _, None -> files |> List.filter (fun (file, _) -> file = journal), 0L

    /// The next whole lines of a file from an offset on, about a megabyte of them, each with where it ends.
    let rec next (stream: Stream) (offset: int64) (most: int) =
        stream.Seek(offset, SeekOrigin.Begin) |> ignore
        let bytes = Array.zeroCreate<byte>(int (min (stream.Length - offset) (int64 most)))
        stream.ReadExactly bytes

        if Array.contains (byte '\n') bytes then
            let mutable start = 0

            [|
                for ended in 1 .. bytes.Length do
                    if bytes[ended - 1] = byte '\n' then
                        struct (Encoding.UTF8.GetString(bytes, start, ended - 1 - start).Trim '\000', offset + int64 ended)
                        start <- ended
            |]
        elif bytes.Length < most then
            [||]
        else
            next stream offset (2 * most)

    /// Publishes what a file has after an offset, a window at a time.
    let publishFile (file: string) identity from (cancelled: unit -> bool) =
        task {
            use stream = JournalFiles.openRead file
            // A file that is shorter than it was is another one.
            let mutable offset = if stream.Length < from then 0L else from
            let mutable lines = next stream offset 1_000_000

            while lines.Length > 0 && not (cancelled ()) do
                for group in Array.chunkBySize window lines do
                    if not (cancelled ()) then
                        do! connect ()
                        do! publishWindow identity group
                        let struct (_, ended) = Array.last group
                        offset <- ended

                lines <- if cancelled () then [||] else next stream offset 1_000_000
        }

    let drain cancelled =
        task {
            let files, offset = pending ()
            let mutable offset = offset

            for file, identity in files do
                do! publishFile file identity offset cancelled
                offset <- 0L

            if Option.isSome trouble && client.IsConnected then
                trouble <- None
                Console.say $"the MQTT broker {broker.Address} is back"
        }

    /// An exception and those that caused it, the outermost first.
    let rec chain (e: exn) =
        e
        :: (match e.InnerException with
            | Null -> []
            | NonNull inner -> chain inner)

    /// What a failure means, in words.
    let explain (e: exn) =
        let all = chain e
        let reasons = all |> List.map _.Message |> List.distinct |> String.concat " "

        if all |> List.exists (fun e -> e :? System.Security.Authentication.AuthenticationException) then
            $"has no certificate that is trusted ({reasons}); see --mqtt-ca"
        else
            match e with
            | :? UnauthorizedAccessException -> $"refuses the login ({e.Message}); see --mqtt-user and --mqtt-password-file"
            | :? OperationCanceledException
            | :? MQTTnet.Exceptions.MqttCommunicationTimedOutException -> "does not answer in time"
            | _ -> $"cannot be reached ({reasons})"

    /// Publishes until it is cancelled, then what is left if the broker can be reached. Whatever goes wrong is said once and tried again.
    member _.Run(stop: CancellationToken) : Task =
        task {
            let mutable go = true

            while go do
                go <- not stop.IsCancellationRequested

                try
                    // What is left at the end has as long as a line may take.
                    use last = new CancellationTokenSource()
                    if not go then last.CancelAfter answer
                    do! drain (fun () -> last.IsCancellationRequested)
                with e ->
                    let reason = explain e

                    if trouble <> Some reason then
                        trouble <- Some reason
                        Console.warn $"the MQTT broker {broker.Address} {reason}; lines wait in {journal}"

                if go then
                    try
                        do! Task.Delay(pause, stop)
                    with :? OperationCanceledException ->
                        ()

            if client.IsConnected then
                use limit = new CancellationTokenSource(timeout)

                try
                    match broker.StatusTopic with
                    | Some topic ->
                        // An orderly end publishes no last will.
                        let! _ = client.PublishStringAsync(topic, "offline", MqttQualityOfServiceLevel.AtLeastOnce, true, limit.Token)
                        ()
                    | None -> ()

                    do! client.DisconnectAsync(cancellationToken = limit.Token)
                with e ->
                    // The broker publishes the last will then.
                    Console.warn $"the MQTT broker {broker.Address} {explain e}; the connection was cut"
        }

    interface IDisposable with
        member _.Dispose() = client.Dispose()
