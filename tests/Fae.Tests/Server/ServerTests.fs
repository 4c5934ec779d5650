/// fae serve as a process: answers, limits, keys, replaced models, and its end.
module Fae.Tests.ServerTests

open System
open System.IO
open System.Net.Http
open System.Net.Http.Headers
open System.Net.Sockets
open System.Security.Cryptography
open System.Text
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Imaging
open Fae.Tests.Helpers
open Fae.Tests.Serving

let tests =
    oneByOne
        "Server"
        [
            test "a picture as body, in a form, or in a batch gets the detector's result" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    use detector = Detector.Load model

                    let own bytes =
                        match ImagePreparation.ofBytes detector.Card.Config 1 null "x" bytes with
                        | Ok picture -> (detector.Inspect [| picture.Image |])[0]
                        | Error problem -> failtest (string problem)

                    serving model [] (fun served ->
                        use http = client ()
                        let inspect = served.Url + "/v1/inspect"
                        Expect.equal (http.GetStringAsync(served.Url + "/ready").Result) "ready\n" "ready"
                        Expect.equal (http.GetStringAsync(served.Url + "/health").Result) "alive\n" "alive"

                        for number in 0..5 do
                            let bytes = lightPicture number
                            let finding = own bytes
                            let answer = json (post http inspect bytes).Result
                            Expect.floatClose Accuracy.medium (float (textOf answer "score")) (float finding.Prediction.Score) "score"
                            Expect.equal (textOf answer "anomalous") (if finding.Prediction.Anomalous then "true" else "false") "verdict"
                            Expect.equal (textOf answer "model", textOf answer "width") ("model", "32") "which model, what size"
                            Expect.isNull answer["heatmap"] "not asked for"

                        // As `curl --data-binary` sends it.
                        use curled = new ByteArrayContent(lightPicture 0)
                        curled.Headers.ContentType <- MediaTypeHeaderValue "application/x-www-form-urlencoded"
                        Expect.equal (textOf (json (http.PostAsync(inspect, curled).Result)) "anomalous") "true" "curl's way"

                        use form = new MultipartFormDataContent()
                        form.Add(new ByteArrayContent(lightPicture 0), "image", "dark.png")
                        form.Add(new ByteArrayContent(lightPicture 1), "image", "bright.png")
                        form.Add(new StringContent "no picture", "image", "broken.png")
                        let several = json (http.PostAsync(inspect + "?heatmap=1", form).Result)

                        match several["results"] with
                        | :? JsonArray as results ->
                            match List.ofSeq results with
                            | [ NonNull dark; NonNull bright; NonNull broken ] ->
                                Expect.equal (textOf dark "path", textOf dark "anomalous") ("dark.png", "true") "dark"
                                Expect.equal (textOf bright "path", textOf bright "anomalous") ("bright.png", "false") "bright"
                                Expect.stringStarts (textOf dark "heatmap") "data:image/png;base64," "heatmap"
                                Expect.equal (textOf broken "status") "400" "the broken one spoils no other"
                            | other -> failtest $"{other.Length} results"
                        | other -> failtest $"no results: {other}"

                        use asking = new HttpRequestMessage(HttpMethod.Post, inspect, Content = new ByteArrayContent(lightPicture 0))

                        asking.Headers.Accept.Add(MediaTypeWithQualityHeaderValue "image/png")
                        let heatmap = http.SendAsync(asking).Result
                        Expect.equal (Seq.head (heatmap.Headers.GetValues "Fae-Anomalous")) "true" "the verdict in a header"

                        match ImageDecoder.readBytes 3 id "heatmap" (heatmap.Content.ReadAsByteArrayAsync().Result) with
                        | Ok picture -> Expect.equal (picture.OriginalWidth, picture.OriginalHeight) (32, 32) "a picture of its size"
                        | Error problem -> failtest (string problem)

                        match json (http.GetAsync(served.Url + "/v1/models").Result) with
                        | :? JsonArray as models -> Expect.equal models.Count 1 "models"
                        | other -> failtest $"no list: {other}"

                        let page = http.GetAsync(served.Url + "/").Result
                        Expect.stringContains (page.Content.ReadAsStringAsync().Result) "Drop pictures" "the page"

                        Expect.stringContains
                            (Seq.head (page.Headers.GetValues "Content-Security-Policy"))
                            "'self'"
                            "no outside resources"

                        Expect.equal (textOf (json (http.GetAsync(served.Url + "/openapi.json").Result)) "openapi") "3.1.0" "OpenAPI"

                        Expect.equal
                            (metric http served.Url "fae_inspect_seconds_count{model=\"model\"}")
                            (Some 10.0)
                            "all that were inspected are counted"

                        Expect.equal (metric http served.Url "fae_anomalies_total{model=\"model\"}") (Some 5.0) "and the anomalous ones"))
            }

            test "a wrong request gets a status code and one line" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder

                    serving model [ "--max-megabytes"; "1"; "--max-megapixels"; "1" ] (fun served ->
                        use http = client ()
                        let inspect = served.Url + "/v1/inspect"

                        let refused expected word (answer: Task<HttpResponseMessage>) =
                            Expect.equal (status answer) expected word
                            Expect.stringContains (textOf (json answer.Result) "error") word "line"

                        refused 400 "empty" (post http inspect [||])
                        refused 400 "image" (post http inspect (Encoding.UTF8.GetBytes "no picture"))
                        refused 400 "image" (post http inspect (Array.truncate 60 (lightPicture 1)))
                        refused 404 "there are model" (post http (inspect + "?model=other") (lightPicture 1))
                        refused 413 "the limit is" (post http inspect (ImageEncoder.toPng (Image.constant 1 1001 1000 0.5f)))
                        Expect.equal (status (post http inspect (Array.zeroCreate (1 <<< 21)))) 413 "too many bytes"
                        use form = new MultipartFormDataContent()
                        form.Add(new ByteArrayContent(lightPicture 1), "picture", "x.png")
                        refused 400 "'picture'; a picture is a part named 'image'" (http.PostAsync(inspect, form))
                        Expect.equal (status (http.GetAsync inspect)) 405 "GET"
                        Expect.equal (status (http.GetAsync(served.Url + "/nothing"))) 404 "no such page"
                        Expect.equal (status (post http inspect (lightPicture 1))) 200 "and it serves on"
                        Expect.equal (metric http served.Url "fae_requests_total{status=\"413\"}") (Some 2.0) "counted")

                    let keys = Path.Combine(folder, "keys")

                    File.WriteAllText(keys, Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes "sesame")) + " # the line's\n")

                    serving model [ "--keys"; keys ] (fun served ->
                        use http = client ()
                        let inspect = served.Url + "/v1/inspect"
                        Expect.equal (status (post http inspect (lightPicture 1))) 401 "no key"
                        http.DefaultRequestHeaders.Authorization <- AuthenticationHeaderValue("Bearer", "simsalabim")
                        Expect.equal (status (post http inspect (lightPicture 1))) 401 "a wrong key"
                        http.DefaultRequestHeaders.Authorization <- AuthenticationHeaderValue("Bearer", "sesame")
                        Expect.equal (status (post http inspect (lightPicture 1))) 200 "the key"
                        http.DefaultRequestHeaders.Authorization <- null
                        http.DefaultRequestHeaders.Add("X-Api-Key", "sesame")
                        Expect.equal (status (post http inspect (lightPicture 1))) 200 "the other header"))
            }

            test "under load, with bad requests and a replaced model, every request gets its answer" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    let other = File.ReadAllBytes model

                    serving model [ "--max-megabytes"; "1" ] (fun served ->
                        use http = client ()
                        let inspect = served.Url + "/v1/inspect"
                        let address = Uri served.Url
                        let tooLarge = Array.zeroCreate<byte>(1 <<< 21)

                        /// A request whose body ends before its length is reached.
                        let cutOff () =
                            task {
                                use socket = new TcpClient()
                                do! socket.ConnectAsync(address.Host, address.Port)
                                let head = $"POST /v1/inspect HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"
                                do! socket.GetStream().WriteAsync(ReadOnlyMemory(Encoding.ASCII.GetBytes head))
                                do! socket.GetStream().WriteAsync(ReadOnlyMemory(Array.truncate 100 (lightPicture 1)))
                            }

                        use replaced = new CancellationTokenSource()

                        let replacing =
                            Task.Run(fun () ->
                                for i in 1..8 do
                                    if not replaced.IsCancellationRequested then
                                        Thread.Sleep 600
                                        AtomicFile.Write(model, fun stream -> stream.Write other)
                                        // Some change the file is noticed by, on clocks however coarse.
                                        File.SetLastWriteTimeUtc(model, DateTime.UtcNow.AddSeconds(float i)))

                        let one number =
                            task {
                                match number % 25 with
                                | 7 ->
                                    let! answer = post http inspect (Encoding.UTF8.GetBytes "broken")
                                    return int answer.StatusCode = 400
                                | 13 ->
                                    try
                                        let! answer = post http inspect tooLarge
                                        return int answer.StatusCode = 413
                                    with :? HttpRequestException ->
                                        // The server may close before all of it was sent.
                                        return true
                                | 19 ->
                                    do! cutOff ()
                                    return true
                                | _ ->
                                    let! answer = post http inspect (lightPicture number)
                                    let! said = answer.Content.ReadAsStringAsync()

                                    return
                                        int answer.StatusCode = 200
                                        && said.Contains(if number % 3 = 0 then "\"anomalous\":true" else "\"anomalous\":false")
                            }

                        let clients =
                            [
                                for c in 0..7 ->
                                    Task.Run<int>(fun () ->
                                        task {
                                            let mutable wrong = 0

                                            // Numbers below three hundred: brightness rises with them.
                                            for i in 0..199 do
                                                let! right = one ((37 * c + i) % 300)

                                                if not right then wrong <- wrong + 1

                                            return wrong
                                        })
                            ]

                        let wrong = (Task.WhenAll clients).Result |> Array.sum
                        replaced.Cancel()
                        replacing.Wait()
                        Expect.equal wrong 0 $"of 1600 requests: {served.Said}"
                        Expect.equal (status (post http inspect (lightPicture 1))) 200 "and it serves on"

                        Expect.isGreaterThan
                            (defaultArg (metric http served.Url "fae_model_reloads_total{model=\"model\"}") 0.0)
                            1.0
                            "replaced under load"

                        Expect.equal (metric http served.Url "fae_waiting") (Some 0.0) "nobody is left waiting"

                        // A file that is no model is refused; the old one serves on.
                        AtomicFile.WriteText(model, "no model")
                        Thread.Sleep 1500
                        Expect.stringContains (string served.Said) "is refused" "it is said"
                        Expect.equal (status (post http inspect (lightPicture 1))) 200 "the old model serves on"))
            }
        ]
