/// An MQTT broker for tests, in this process.
module Fae.Tests.MqttBroker

open System.Collections.Concurrent
open System.Net
open System.Threading.Tasks
open MQTTnet
open MQTTnet.Protocol
open MQTTnet.Server

/// Runs a broker while the work runs; `accepts` judges logins, `delay` is how long it thinks about each line. What it gets is added to
/// `received`, with its topic.
let runBroker
    (options: MqttServerOptionsBuilder -> MqttServerOptionsBuilder)
    accepts
    (delay: int)
    (received: ConcurrentQueue<string * string>)
    (work: unit -> unit)
    =
    use server = MqttServerFactory().CreateMqttServer((options (MqttServerOptionsBuilder())).Build())

    server.add_ValidatingConnectionAsync (fun args ->
        if not (accepts args.UserName args.Password) then
            args.ReasonCode <- MqttConnectReasonCode.BadUserNameOrPassword

        Task.CompletedTask)

    server.add_InterceptingPublishAsync (fun args ->
        task {
            do! Task.Delay delay
            received.Enqueue(args.ApplicationMessage.Topic, args.ApplicationMessage.ConvertPayloadToString())
        })

    server.StartAsync().Wait()
    work ()
    server.StopAsync().Wait()

/// The same with a queue of its own.
let withBroker options accepts delay work =
    let received = ConcurrentQueue()
    runBroker options accepts delay received (fun () -> work received)

let plainAt (port: int) (builder: MqttServerOptionsBuilder) =
    builder.WithDefaultEndpoint().WithDefaultEndpointBoundIPAddress(IPAddress.Loopback).WithDefaultEndpointPort port

let linesOf topic (received: ConcurrentQueue<string * string>) =
    received |> Seq.filter (fun (t, _) -> t = topic) |> Seq.map snd |> List.ofSeq
