/// fae watch and an MQTT broker that is slow, refuses, or has a certificate of its own.
module Fae.Tests.WatchBrokerTests

open System
open System.IO
open System.Security.Cryptography
open System.Security.Cryptography.X509Certificates
open Expecto
open Fae.Tests.Helpers
open Fae.Tests.WatchTests
open Fae.Tests.WatchTroubleTests
open Fae.Tests.MqttBroker
open MQTTnet.Server

/// A certificate for localhost that signs itself.
let private selfSigned () =
    use key = RSA.Create 2048
    let request = CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
    let names = SubjectAlternativeNameBuilder()
    names.AddDnsName "localhost"
    request.CertificateExtensions.Add(names.Build())
    request.CertificateExtensions.Add(X509BasicConstraintsExtension(true, false, 0, true))
    request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays -1.0, DateTimeOffset.UtcNow.AddDays 1.0)

let tests =
    oneByOne
        "Watch and a broker"
        [
            test "a slow broker gets each line, and a name and a password" {
                inTemporaryFolder (fun folder ->
                    let model, (into, out) = brightnessModel folder, folders folder
                    let password = Path.Combine(folder, "password")
                    File.WriteAllText(password, "wrong\n")
                    let port = freePort ()
                    let count = 24

                    for i in 0 .. count - 1 do
                        put into $"{i:D3}.png" i

                    let args =
                        [ "--mqtt"; $"127.0.0.1:{port}/line/4"; "--mqtt-user"; "fae"; "--mqtt-password-file"; password ]
                        @ [ "--mqtt-status"; "line/4/status" ]

                    let accepts user secret = user = "fae" && secret = "right"

                    // Sixteen lines, which are on their way at once, take longer than the ten seconds that an answer may take.
                    withBroker (plainAt port) accepts 700 (fun received ->
                        let child, messages = watchHeard model into out args
                        use child = child
                        inspected out count
                        until 40.0 (fun () -> "refused") (fun () -> said messages "refuses the login" = 1)
                        stop child
                        Expect.isEmpty received "nothing without the password"
                        File.WriteAllText(password, "right\n")
                        let child, messages = watchHeard model into out args
                        use child = child
                        // At least once is what MQTT promises: an answer that is late on a busy machine gives the window again.
                        let lines () = linesOf "line/4" received |> List.distinct
                        until 90.0 (fun () -> $"{received.Count} messages") (fun () -> (lines ()).Length >= count)
                        stop child
                        Expect.equal (lines ()) (journal out |> List.map _.ToJsonString()) "each, in order"
                        Expect.isLessThan received.Count (2 * count) "once, but for the lines of a late answer"
                        // After a late answer the client connects again.
                        let status = linesOf "line/4/status" received
                        let heard = String.concat "\n" messages
                        Expect.equal (List.tryHead status, List.tryLast status) (Some "online", Some "offline") heard))
            }

            test "a broker that answers too late is no fault of the program" {
                inTemporaryFolder (fun folder ->
                    let model, (into, out) = brightnessModel folder, folders folder
                    let port = freePort ()
                    put into "a.png" 1

                    withBroker (plainAt port) (fun _ _ -> true) 15000 (fun _ ->
                        let args = [ "--mqtt"; $"127.0.0.1:{port}/line"; "--mqtt-status"; "status" ]
                        let child, messages = watchHeard model into out args
                        use child = child
                        inspected out 1
                        until 40.0 (fun () -> String.concat "\n" messages) (fun () -> said messages "does not answer in time" > 0)
                        // It ends with 0.
                        stop child))
            }

            test "over TLS, with the broker's own authority" {
                inTemporaryFolder (fun folder ->
                    let model, (into, out) = brightnessModel folder, folders folder
                    use certificate = selfSigned ()
                    let authority = Path.Combine(folder, "ca.pem")
                    File.WriteAllText(authority, certificate.ExportCertificatePem())
                    let port = freePort ()
                    put into "a.png" 1

                    let tls (builder: MqttServerOptionsBuilder) =
                        builder
                            .WithoutDefaultEndpoint()
                            .WithEncryptedEndpoint()
                            .WithEncryptedEndpointPort(port)
                            .WithEncryptionCertificate(certificate)

                    withBroker tls (fun _ _ -> true) 0 (fun received ->
                        let run more = watchHeard model into out ([ "--mqtt"; $"mqtts://localhost:{port}/line" ] @ more)

                        let child, messages = run []
                        use child = child
                        until 40.0 (fun () -> String.concat "\n" messages) (fun () -> said messages "no certificate that is trusted" = 1)
                        stop child
                        Expect.isEmpty received "nothing to a stranger"
                        let child, _ = run [ "--mqtt-ca"; authority ]
                        use child = child
                        until 40.0 (fun () -> "the line") (fun () -> (linesOf "line" received).Length = 1)
                        stop child))
            }

            test "wrong options of a broker are one line each" {
                inTemporaryFolder (fun folder ->
                    let model, (into, out) = brightnessModel folder, folders folder

                    for options, part in
                        [
                            [ "--mqtt"; "broker/line/#" ], "# and + are for those who subscribe"
                            [ "--mqtt"; "http://broker/line" ], "write HOST/TOPIC"
                            [ "--mqtt"; "broker/line"; "--mqtt-ca"; "ca.pem" ], "ca.pem"
                            [ "--mqtt"; "broker/line"; "--mqtt-password-file"; "nowhere" ], "nowhere"
                        ] do
                        let result = fae ([ "watch"; into; "--model"; model; "--out"; out; "--once" ] @ options)
                        Expect.equal result.Code 2 result.Error
                        Expect.stringContains result.Error part "what is wrong")
            }
        ]
