/// Bytes bent at random, into everything that reads bytes from outside: what is neither taken nor refused in the declared way is a defect.
module Fae.Tests.Fuzz

open System
open System.IO
open System.Net.Sockets
open System.Text
open Fae.Core
open Fae.Imaging
open Fae.Tests.Helpers
open Fae.Tests.Serving
open Fae.Tests.Mutation
open Fae.Tests.FileTargets

/// Requests as they go over the wire.
let private requests () =
    let request (line: string) (headers: string list) (body: byte[]) =
        let head = String.concat "\r\n" (line + " HTTP/1.1" :: "Host: fae" :: "Connection: close" :: headers)
        Array.append (Encoding.ASCII.GetBytes(head + "\r\n\r\n")) body

    let sized (body: byte[]) = $"Content-Length: {body.Length}"
    let picture = ImageEncoder.toPng (Image.constant 1 6 6 0.4f)

    let chunk = Array.concat [ Encoding.ASCII.GetBytes $"{picture.Length:x}\r\n"; picture; "\r\n0\r\n\r\n"B ]

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
            if receive () then converse 30
        else
            socket.Shutdown SocketShutdown.Send

            while receive () do
                ()

    try
        socket.Send bytes |> ignore
        converse 150
    with :? SocketException as e ->
        // A server may hang up on what it does not want to read; it may not forget to answer.
        if e.SocketErrorCode = SocketError.TimedOut then failwith "no answer in 40 seconds"

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
                            if served.Child.HasExited then failwith $"the server ended: {served.Said}"

                            let answer = ask url.Host url.Port bent

                            if answer.Contains "HTTP/1.1 500" then failwith $"{answer}\n{served.Said}"

                            answer.StartsWith("HTTP/1.1 2", StringComparison.Ordinal)
                    // Most of the time is waiting for requests that never end.
                    Together = 32 * Environment.ProcessorCount
                }

            use http = client ()

            if http.GetStringAsync(served.Url + "/health").Result <> "alive\n" then
                failwith "the server is not well"))
