/// fae serve on the web: browsers of other sites, proxies, probes, TLS and roles.
module Fae.Tests.ServerWebTests

open System
open System.Diagnostics
open System.IO
open System.Net.Http
open System.Security.Cryptography
open System.Security.Cryptography.X509Certificates
open System.Text
open Expecto
open Fae.Tests.Helpers
open Fae.Tests.Serving

let private asking (http: HttpClient) (method: HttpMethod) (url: string) (headers: (string * string) list) (content: HttpContent | null) =
    use request = new HttpRequestMessage(method, url, Content = content)

    for name, value in headers do
        request.Headers.TryAddWithoutValidation(name, value) |> ignore

    http.SendAsync(request).Result

let private markJson (mark: string) = new StringContent($"{{\"mark\": \"{mark}\"}}", Encoding.UTF8, "application/json")

let private hashOf (key: string) = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes key)).ToLowerInvariant()

let private browserTests =
    [
        test "a page of another site can neither mark nor inspect, one of the server itself can" {
            inTemporaryFolder (fun folder ->
                let history = [ "--history"; Path.Combine(folder, "history.sqlite") ]

                serving (brightnessModel folder) (history @ [ "--cors"; "https://line.example" ]) (fun served ->
                    use http = client ()
                    let inspect = served.Url + "/v1/inspect"
                    let id = textOf (json (post http inspect (lightPicture 0)).Result) "id"
                    let mark = $"{served.Url}/v1/history/{id}/mark"
                    let send url headers content = asking http HttpMethod.Post url headers content

                    for origin in [ "https://evil.example"; "null"; "http://localhost:1" ] do
                        let refused = send mark [ "Origin", origin ] (markJson "good")
                        Expect.equal (int refused.StatusCode) 403 origin
                        Expect.stringContains (text refused) "--cors" "what lets it"

                        Expect.equal
                            (int (send inspect [ "Origin", origin ] (new ByteArrayContent(lightPicture 1))).StatusCode)
                            403
                            "nor inspect"

                    // A form of another site sends text without asking.
                    let plain = send mark [] (new StringContent("{\"mark\": \"good\"}", Encoding.UTF8, "text/plain"))
                    Expect.equal (int plain.StatusCode) 415 "not JSON"
                    let kept = json (http.GetAsync($"{served.Url}/v1/history/{id}").Result)
                    Expect.isNull kept["mark"] "nothing was marked"
                    Expect.equal (int (send mark [ "Origin", served.Url ] (markJson "good")).StatusCode) 200 "its own page"
                    let listed = send mark [ "Origin", "https://line.example" ] (markJson "anomalous")
                    Expect.equal (int listed.StatusCode) 200 "a site that is let in"
                    Expect.equal (header listed "Access-Control-Allow-Origin") "https://line.example" "and may read the answer"

                    let asked =
                        asking
                            http
                            HttpMethod.Options
                            mark
                            [
                                "Origin", "https://line.example"
                                "Access-Control-Request-Method", "POST"
                                "Access-Control-Request-Headers", "content-type"
                            ]
                            null

                    Expect.equal (int asked.StatusCode) 204 "its browser asks first"
                    Expect.stringContains (header asked "Access-Control-Allow-Methods") "POST" "and may"))
        }

        test "a server without keys answers to this machine's own names alone, unless it is told another" {
            inTemporaryFolder (fun folder ->
                serving (brightnessModel folder) [ "--allow-host"; "line4.example" ] (fun served ->
                    use http = client ()

                    let status host = int (asking http HttpMethod.Get (served.Url + "/v1/models") [ "Host", host ] null).StatusCode

                    for host, expected in
                        [
                            "localhost", 200
                            "127.0.0.1:9", 200
                            "[::1]", 200
                            "line4.example", 200
                            "evil.example", 403
                            "localhost.evil.example", 403
                        ] do
                        Expect.equal (status host) expected host

                    let probe = asking http HttpMethod.Get (served.Url + "/ready") [ "Host", "evil.example" ] null
                    Expect.equal (int probe.StatusCode) 200 "probes are answered"))
        }

        test "keys have names and roles" {
            inTemporaryFolder (fun folder ->
                let keys = Path.Combine(folder, "keys")

                File.WriteAllText(
                    keys,
                    String.concat
                        "\n"
                        [ hashOf "first"; hashOf "second" + " anna engineer # a comment"; hashOf "third" + "\tline-4  operator" ]
                )

                let args = [ "--keys"; keys; "--history"; Path.Combine(folder, "history.sqlite") ]

                serving (brightnessModel folder) args (fun served ->
                    use http = client ()

                    let status (method: HttpMethod) path key content =
                        int (asking http method (served.Url + path) [ "X-Api-Key", key ] content).StatusCode

                    for key in [ "first"; "second"; "third" ] do
                        Expect.equal
                            (status HttpMethod.Post "/v1/inspect" key (new ByteArrayContent(lightPicture 0)))
                            200
                            $"{key} inspects"

                        Expect.equal (status HttpMethod.Get "/v1/models" key null) 200 $"{key} sees the models"

                    for key, engineers, all in [ "first", 200, 200; "second", 200, 200; "third", 403, 200; "fourth", 401, 401 ] do
                        Expect.equal (status HttpMethod.Get "/v1/history" key null) all $"{key}: history"
                        Expect.equal (status HttpMethod.Post "/v1/history/1/mark" key (markJson "good")) all $"{key}: marks"
                        Expect.equal (status HttpMethod.Get "/v1/audit" key null) engineers $"{key}: audit"
                        let rate = new StringContent("{\"false_alarm\": 0.5}", Encoding.UTF8, "application/json")
                        let path = $"/v1/models/{modelName http served.Url key}/threshold"
                        Expect.equal (status HttpMethod.Post path key rate) engineers $"{key}: threshold")

                for line, part in [ hashOf "x" + " bob boss", "role engineer or operator"; "abc", "no SHA-256" ] do
                    File.WriteAllText(keys, line)
                    let refused = fae [ "serve"; "--model"; brightnessModel folder; "--keys"; keys ]
                    Expect.equal refused.Code 2 refused.Error
                    Expect.stringContains refused.Error part "what is wrong")
        }
    ]

let private networkTests =
    [
        test "over TLS, under a path, behind a proxy" {
            inTemporaryFolder (fun folder ->
                use key = RSA.Create 2048
                let request = CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
                use certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays -1.0, DateTimeOffset.UtcNow.AddDays 1.0)
                let file, keyFile = Path.Combine(folder, "cert.pem"), Path.Combine(folder, "key.pem")
                File.WriteAllText(file, certificate.ExportCertificatePem())
                File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem())
                let args = [ "--certificate"; file; "--certificate-key"; keyFile; "--path-base"; "/fae"; "--behind-proxy" ]

                serving (brightnessModel folder) args (fun served ->
                    Expect.stringStarts served.Url "https://" "TLS"

                    use handler =
                        new HttpClientHandler(
                            ServerCertificateCustomValidationCallback =
                                Func<_, _, _, _, _>(fun _ (shown: X509Certificate2 | null) _ _ ->
                                    match shown with
                                    | Null -> false
                                    | NonNull shown -> shown.Thumbprint = certificate.Thumbprint)
                        )

                    use http = new HttpClient(handler)
                    Expect.equal (http.GetStringAsync(served.Url + "/fae/ready").Result) "ready\n" "under its path"
                    Expect.stringContains (http.GetStringAsync(served.Url + "/fae/").Result) "Drop pictures" "the page"

                    // The proxy's own name is the page's origin.
                    let answer =
                        asking
                            http
                            HttpMethod.Post
                            (served.Url + "/fae/v1/inspect")
                            [ "X-Forwarded-Host", "localhost:444"; "X-Forwarded-Proto", "https"; "Origin", "https://localhost:444" ]
                            (new ByteArrayContent(lightPicture 0))

                    Expect.equal (int answer.StatusCode) 200 "as the proxy was asked")

                let wrong more =
                    let result = fae ([ "serve"; "--model"; brightnessModel folder ] @ more)
                    Expect.equal result.Code 2 result.Error
                    result.Error

                Expect.stringContains (wrong [ "--certificate"; file ]) "--certificate" "a certificate without its key"
                Expect.stringContains (wrong [ "--certificate-key"; keyFile ]) "name the certificate too" "a key without its certificate"
                Expect.stringContains (wrong [ "--path-base"; "fae" ]) "write a path like /fae" "a path"
                Expect.stringContains (wrong [ "--cors"; "line.example" ]) "write an origin" "an origin")
        }

        test "HEAD is answered like GET, without the body" {
            inTemporaryFolder (fun folder ->
                serving (brightnessModel folder) [ "--history"; Path.Combine(folder, "h.sqlite") ] (fun served ->
                    use http = client ()

                    for path in [ "/"; "/health"; "/ready"; "/metrics"; "/openapi.json"; "/v1/models"; "/v1/statistics"; "/v1/history" ] do
                        let head = asking http HttpMethod.Head (served.Url + path) [] null
                        let got = http.GetAsync(served.Url + path).Result
                        Expect.equal head.StatusCode got.StatusCode path
                        Expect.equal (string head.Content.Headers.ContentType) (string got.Content.Headers.ContentType) path
                        Expect.equal (text head) "" path))
        }

        test "asked to stop, it says so at /ready and answers on for the seconds of --drain" {
            inTemporaryFolder (fun folder ->
                serving (brightnessModel folder) [ "--drain"; "4" ] (fun served ->
                    use http = client ()
                    let clock = Stopwatch.StartNew()
                    terminate served.Child

                    let ready () = int (http.GetAsync(served.Url + "/ready").Result.StatusCode)
                    until 3.0 (fun () -> "not ready") (fun () -> ready () = 503)
                    Expect.equal (status (post http (served.Url + "/v1/inspect") (lightPicture 0))) 200 "still answered"
                    Expect.isTrue (served.Child.WaitForExit 30000) "and ends"
                    Expect.isGreaterThan clock.Elapsed.TotalSeconds 3.5 "after that time"
                    Expect.equal served.Child.ExitCode 0 "in order"))
        }
    ]

let tests = oneByOne "Server on the web" (browserTests @ networkTests)
