/// What fae serve answers: threshold and model in every answer, forms, and pictures that show no part.
module Fae.Tests.ServerAnswerTests

open System
open System.Diagnostics
open System.IO
open System.Net.Http
open System.Net.Http.Headers
open System.Text
open System.Text.Json.Nodes
open Expecto
open Fae.Detection
open Fae.Tests.Helpers
open Fae.Tests.Serving

let tests =
    oneByOne
        "Server's answers"
        [
            test "every answer says by which threshold and which model; a model may be given a name" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    use detector = Detector.Load model
                    let threshold, fingerprint = string detector.Calibration.ImageThreshold, detector.Card.Fingerprint

                    serving $"line 4={model}" [] (fun served ->
                        use http = client ()
                        let metricOf name = metric http served.Url name
                        Expect.equal (metricOf "fae_anomalies_total{model=\"line 4\"}") (Some 0.0) "counters start at zero"
                        Expect.equal (metricOf "fae_inspect_seconds_count{model=\"line 4\"}") (Some 0.0) "and histograms"

                        Expect.stringContains
                            (http.GetStringAsync(served.Url + "/metrics").Result)
                            $"fae_model_info{{model=\"line 4\",fingerprint=\"{fingerprint}\""
                            "which model serves"

                        let answer = (post http (served.Url + "/v1/inspect") (lightPicture 0)).Result
                        let body = json answer
                        Expect.equal (textOf body "model", textOf body "fingerprint") ("line 4", fingerprint) "in JSON"
                        Expect.equal (textOf body "threshold") threshold "in JSON"

                        Expect.equal
                            (header answer "Fae-Threshold", header answer "Fae-Fingerprint")
                            (threshold, fingerprint)
                            "in headers"

                        Expect.equal (header answer "Fae-Model") "line%204" "escaped")

                    let picture = Path.Combine(folder, "a.png")
                    File.WriteAllBytes(picture, lightPicture 0)
                    let inspected = fae [ "inspect"; picture; "--model"; model; "--json"; "-" ]

                    match JsonNode.Parse inspected.Output with
                    | :? JsonArray as findings ->
                        match findings[0] with
                        | NonNull finding ->
                            Expect.equal (textOf finding "threshold", textOf finding "fingerprint") (threshold, fingerprint) "inspect"
                        | Null -> failtest "nothing"
                    | _ -> failtest "no list"

                    let table = fae [ "inspect"; picture; "--model"; model ]
                    Expect.stringContains (table.Output + table.Error) "threshold" "in the table")
            }

            test "a part without a file name is a picture; other parts and bodies are named" {
                inTemporaryFolder (fun folder ->
                    serving (brightnessModel folder) [] (fun served ->
                        use http = client ()
                        let inspect = served.Url + "/v1/inspect"

                        let formOf (name: string) =
                            let form = new MultipartFormDataContent()
                            let part = new ByteArrayContent(lightPicture 0)
                            part.Headers.ContentDisposition <- ContentDispositionHeaderValue("form-data", Name = name)
                            form.Add part
                            form

                        let unnamed = http.PostAsync(inspect, formOf "image").Result
                        Expect.equal (textOf (json unnamed) "anomalous") "true" "without a file name"

                        let refused (content: HttpContent) part =
                            let answer = http.PostAsync(inspect, content).Result
                            Expect.equal (int answer.StatusCode) 400 part
                            Expect.stringContains (textOf (json answer) "error") part "what is wrong"

                        refused (formOf "file") "has the parts 'file'"
                        refused (new StringContent("{\"image\": \"abc\"}", Encoding.UTF8, "application/json")) "is JSON"
                        refused (new StringContent(Convert.ToBase64String(lightPicture 0))) "base64"
                        refused (new StringContent("data:image/png;base64," + Convert.ToBase64String(lightPicture 0))) "base64"
                        refused (new ByteArrayContent(lightPicture 0 |> Array.truncate 60)) "cut off"))
            }

            test "a form larger than what fits a buffer needs no temporary folder" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    let args = [ faeAssembly; "serve"; "--model"; model; "--port"; "0" ]
                    let start = ProcessStartInfo("dotnet", args, RedirectStandardError = true)
                    start.Environment["TMPDIR"] <- Path.Combine(folder, "nowhere")
                    start.Environment["ASPNETCORE_TEMP"] <- Path.Combine(folder, "nowhere")

                    match Process.Start start with
                    | null -> failtest "fae did not start"
                    | child ->
                        use child = child

                        try
                            let rec address () =
                                match child.StandardError.ReadLine() with
                                | Null -> failtest "it ended"
                                | NonNull line ->
                                    let found = RegularExpressions.Regex.Match(line, "at (http://[^ ]+)")
                                    if found.Success then found.Groups[1].Value else address ()

                            let url = address ()
                            use http = client ()
                            // Noise does not shrink: a picture of about 3 MB.
                            let noise = Fae.Core.Noise.field 7UL 0.2f 1 1800 1800 |> Fae.Core.Image.map (fun v -> v + 0.5f)
                            use form = new MultipartFormDataContent()
                            form.Add(new ByteArrayContent(Fae.Imaging.ImageEncoder.toPng noise), "image", "large.png")
                            let answer = http.PostAsync(url + "/v1/inspect", form).Result
                            Expect.equal (int answer.StatusCode) 200 (text answer)
                        finally
                            if not child.HasExited then child.Kill())
            }

            test "a picture far below every good score is said to be unusual too" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    use detector = Detector.Load model
                    let lowest = Array.min detector.Calibration.HeldOut
                    let far = Fae.Core.Outliers.isFarBelow detector.Calibration.HeldOut
                    Expect.isFalse (far lowest) "the lowest good one"
                    Expect.isTrue (far (0.001f * lowest)) "far below"
                    Expect.isFalse (Fae.Core.Outliers.isFarBelow [| 1.0f; 1.1f; 1.2f |] 0.001f) "of too few nothing can be said"
                    Expect.isTrue (Fae.Core.Outliers.isFarBelow (Array.create 8 1.0f) 0.0f) "nothing at all"

                    match DetectionWarning.FarBelow(detector.Calibration.HeldOut, 0.001f * lowest) with
                    | Null -> failtest "no warning"
                    | NonNull warning -> Expect.stringContains warning "may show no part" "in words")
            }
        ]
