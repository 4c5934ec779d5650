/// How fae watch reaches an MQTT broker.
namespace Fae.Cli

open System
open System.IO
open System.Security.Cryptography
open System.Security.Cryptography.X509Certificates
open Argu
open Fae.Data
open FsToolkit.ErrorHandling
open MQTTnet

/// Where lines go, and how this program says who it is.
[<NoComparison; NoEquality>]
type Broker =
    {
        Host: string
        Port: int
        Topic: string
        Tls: bool
        User: string option
        Password: string option
        /// Authorities that may have signed the broker's certificate; empty: those of this machine.
        Authorities: X509Certificate2Collection
        Certificate: X509Certificate2 option
        ClientId: string
        /// Holds "online" while this program is connected, else "offline".
        StatusTopic: string option
    }

    member broker.Address = $"{broker.Host}:{broker.Port}"

[<RequireQualifiedAccess>]
module Mqtt =
    let private isTopic (topic: string) = topic <> "" && topic.IndexOfAny [| '#'; '+'; '\000' |] < 0

    /// A topic to publish to; filters for subscribers are refused.
    let private topic (option: string) (text: string) =
        if isTopic text then
            Ok text
        else
            Error(Usage [ $"{option} {text}: # and + are for those who subscribe; name one topic" ])

    /// HOST/TOPIC or HOST:PORT/TOPIC, with mqtt:// or mqtts:// (TLS) before it.
    let private address (text: string) =
        let tls = text.StartsWith("mqtts://", StringComparison.OrdinalIgnoreCase)
        let at = text.IndexOf("://", StringComparison.Ordinal)
        let rest = if at >= 0 then text.Substring(at + 3) else text
        let known = at < 0 || tls || text.StartsWith("mqtt://", StringComparison.OrdinalIgnoreCase)
        let port = if tls then 8883 else 1883
        let slash = rest.IndexOf '/'

        if not known || slash < 1 || slash = rest.Length - 1 then
            None
        else
            match Uri.TryCreate("mqtt://" + rest.Substring(0, slash), UriKind.Absolute) with
            | true, NonNull uri when uri.Host <> "" && uri.UserInfo = "" ->
                Some(struct (uri.Host, (if uri.Port > 0 then uri.Port else port), rest.Substring(slash + 1), tls))
            | _ -> None

    /// Something of a file that the user named.
    let private fromFile (option: string) (path: string) (read: string -> 'a) : Result<'a, Fault> =
        try
            Ok(read path)
        with
        | :? IOException
        | :? UnauthorizedAccessException
        | :? CryptographicException as e -> Error(Usage [ $"{option} {path}: {e.Message}" ])

    let private optional (value: string option) (read: string -> Result<'a, Fault>) : Result<'a option, Fault> =
        match value with
        | None -> Ok None
        | Some value -> read value |> Result.map Some

    let private firstLine path = File.ReadLines path |> Seq.tryHead |> Option.defaultValue ""

    let private certificates path =
        let all = X509Certificate2Collection()
        all.ImportFromPemFile path
        if all.Count = 0 then raise (CryptographicException "holds no certificate in PEM form")
        all

    /// What the arguments say; None without --mqtt.
    let broker (args: ParseResults<WatchArgs>) : Result<Broker option, Fault> =
        match args.TryGetResult WatchArgs.Mqtt with
        | None -> Ok None
        | Some text ->
            result {
                let! struct (host, port, name, tls) =
                    address text
                    |> Result.requireSome (Usage [ $"--mqtt {text}: write HOST/TOPIC, HOST:PORT/TOPIC or mqtts://HOST:PORT/TOPIC" ])

                let! name = topic "--mqtt" name
                let! status = optional (args.TryGetResult WatchArgs.Mqtt_Status) (topic "--mqtt-status")

                let! password =
                    optional (args.TryGetResult WatchArgs.Mqtt_Password_File) (fun path -> fromFile "--mqtt-password-file" path firstLine)

                let! authorities = optional (args.TryGetResult WatchArgs.Mqtt_Ca) (fun path -> fromFile "--mqtt-ca" path certificates)

                let! certificate =
                    optional (args.TryGetResult WatchArgs.Mqtt_Certificate) (fun path ->
                        fromFile "--mqtt-certificate" path X509Certificate2.CreateFromPemFile)

                do!
                    if (Option.isSome authorities || Option.isSome certificate) && not tls then
                        Error(Usage [ "--mqtt: certificates need TLS; write mqtts://HOST:PORT/TOPIC" ])
                    else
                        Ok()

                return
                    Some
                        {
                            Host = host
                            Port = port
                            Topic = name
                            Tls = tls
                            User = args.TryGetResult WatchArgs.Mqtt_User
                            Password = password
                            Authorities = Option.defaultWith X509Certificate2Collection authorities
                            Certificate = certificate
                            ClientId = args.GetResult(WatchArgs.Mqtt_Client_Id, defaultValue = "fae-" + Guid.NewGuid().ToString "N")
                            StatusTopic = status
                        }
            }

    /// A broker answers pings after the lines before them: pings come rarely, and a slow broker has its time for them.
    let private keepAlive, pingTimeout = TimeSpan.FromMinutes 1.0, TimeSpan.FromSeconds 30.0

    /// The client's options.
    let options (broker: Broker) =
        let builder =
            MqttClientOptionsBuilder()
                .WithTcpServer(broker.Host, Nullable broker.Port)
                .WithTimeout(pingTimeout)
                .WithKeepAlivePeriod(keepAlive)
                .WithClientId(broker.ClientId)
                .WithCleanSession()

        broker.User
        |> Option.iter (fun user -> builder.WithCredentials(user, Option.defaultValue "" broker.Password) |> ignore)

        broker.StatusTopic
        |> Option.iter (fun topic ->
            builder.WithWillTopic(topic).WithWillPayload("offline").WithWillRetain(true)
            |> _.WithWillQualityOfServiceLevel(Protocol.MqttQualityOfServiceLevel.AtLeastOnce)
            |> ignore)

        if broker.Tls then
            builder.WithTlsOptions(fun (tls: MqttClientTlsOptionsBuilder) ->
                tls.UseTls().WithTargetHost(broker.Host) |> ignore

                if broker.Authorities.Count > 0 then
                    tls.WithTrustChain(broker.Authorities).WithRevocationMode(X509RevocationMode.NoCheck) |> ignore

                broker.Certificate |> Option.iter (fun certificate -> tls.WithClientCertificates([ certificate ]) |> ignore))
            |> ignore

        builder.Build()
