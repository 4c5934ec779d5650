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

/// Where lines go.
type Broker = { Host: string; Port: int; Topic: string }

[<RequireQualifiedAccess>]
module Broker =
    /// HOST/TOPIC or HOST:PORT/TOPIC.
    let tryParse (text: string) =
        match text.IndexOf '/' with
        | at when at > 0 && at < text.Length - 1 ->
            let topic = text.Substring(at + 1)

            match text.Substring(0, at).Split ':' with
            | [| host |] when host <> "" -> Some { Host = host; Port = 1883; Topic = topic }
            | [| host; port |] when host <> "" ->
                match Int32.TryParse port with
                | true, port when port > 0 && port < 65536 -> Some { Host = host; Port = port; Topic = topic }
                | _ -> None
            | _ -> None
        | _ -> None

type MqttPublisher(broker: Broker, journal: string, offsetFile: string) =
    /// Between two reads of the journal, and between two attempts to connect.
    let pause = TimeSpan.FromSeconds 0.5
    let timeout = TimeSpan.FromSeconds 5.0
    let client = MqttClientFactory().CreateMqttClient()

    let mutable offset =
        match
            (if File.Exists offsetFile then
                 Int64.TryParse(File.ReadAllText offsetFile)
             else
                 (false, 0L))
        with
        | true, value when value >= 0L -> value
        | _ -> 0L

    let mutable away = false

    let connect (stop: CancellationToken) =
        task {
            if not client.IsConnected then
                let options =
                    MqttClientOptionsBuilder()
                        .WithTcpServer(broker.Host, Nullable broker.Port)
                        .WithTimeout(timeout)
                        .WithCleanSession()
                        .Build()

                let! _ = client.ConnectAsync(options, stop)
                ()
        }

    /// The whole lines of the journal after the offset, and where they end.
    let fresh () =
        use stream = new FileStream(journal, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)

        // A journal that is shorter than it was is another one.
        if stream.Length < offset then offset <- 0L

        stream.Seek(offset, SeekOrigin.Begin) |> ignore
        let bytes = Array.zeroCreate<byte>(int (min (stream.Length - offset) 1_000_000L))
        stream.ReadExactly bytes
        let whole = 1 + Array.LastIndexOf(bytes, byte '\n')
        Encoding.UTF8.GetString(bytes, 0, whole).Split('\n', StringSplitOptions.RemoveEmptyEntries), offset + int64 whole

    /// Sends what is new; a broker that cannot be reached is tried again later.
    let drain (stop: CancellationToken) =
        task {
            let lines, reached = fresh ()

            if lines.Length > 0 then
                do! connect stop

                for line in lines do
                    let message =
                        MqttApplicationMessageBuilder()
                            .WithTopic(broker.Topic)
                            .WithPayload(line)
                            .WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce)
                            .Build()

                    let! result = client.PublishAsync(message, stop)

                    if not result.IsSuccess then raise (IOException $"it refuses: {result.ReasonString}")

                offset <- reached
                AtomicFile.WriteText(offsetFile, string offset)

                if away then
                    away <- false
                    Console.say $"the MQTT broker {broker.Host}:{broker.Port} is back"
        }

    /// Publishes until it is cancelled, then what is left if the broker can be reached.
    member _.Run(stop: CancellationToken) : Task =
        task {
            let mutable go = true

            while go do
                go <- not stop.IsCancellationRequested

                try
                    use limit = new CancellationTokenSource(timeout)
                    do! drain limit.Token
                with e when
                    (e :? IOException
                     || e :? OperationCanceledException
                     || e :? Exceptions.MqttCommunicationException
                     || e :? Net.Sockets.SocketException) ->
                    if not away then
                        away <- true
                        Console.warn $"the MQTT broker {broker.Host}:{broker.Port} cannot be reached ({e.Message}); lines wait in {journal}"

                if go then
                    try
                        do! Task.Delay(pause, stop)
                    with :? OperationCanceledException ->
                        ()
        }

    interface IDisposable with
        member _.Dispose() = client.Dispose()
