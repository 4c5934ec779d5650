/// The history of a server: what is in it, what people say of it, and what calibration makes of that.
module Fae.Tests.HistoryTests

open System
open System.IO
open System.Net.Http
open System.Text
open System.Text.Json.Nodes
open System.Threading.Tasks
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Imaging
open Fae.Tests.Helpers
open Fae.Tests.Serving

let private list (node: JsonNode) (key: string) =
    match node[key] with
    | :? JsonArray as items -> [ for item in items -> nonNull item ]
    | _ -> failtest $"no list {key}"

let private get (http: HttpClient) (url: string) = json (http.GetAsync(url: string).Result)

let private inspect (http: HttpClient) url number =
    let answer = (post http (url + "/v1/inspect") (lightPicture number)).Result
    Expect.equal (int answer.StatusCode) 200 "inspected"
    json answer

let private mark (http: HttpClient) (url: string) (id: string) (word: string) =
    let body = new StringContent(word, Encoding.UTF8, "application/json")
    http.PostAsync($"{url}/v1/history/{id}/mark", body).Result

let tests =
    oneByOne
        "Server's history"
        [
            test "inspections are kept with their pictures, can be marked, and survive kill -9" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    let history = [ "--history"; Path.Combine(folder, "history.db") ]
                    let answered = Collections.Generic.List<string>()

                    serving model history (fun served ->
                        use http = client ()

                        for number in 0..19 do
                            answered.Add(textOf (inspect http served.Url number) "id")

                        let all = get http (served.Url + "/v1/history?limit=100")
                        Expect.equal (textOf all "count") "20" "all of them"

                        for record, id in Seq.zip (list all "inspections") (Seq.rev answered) do
                            Expect.equal (textOf record "id") id "newest first"

                        for part, kind in
                            [
                                "picture.jpg", "image/jpeg"
                                "reconstruction.jpg", "image/jpeg"
                                "heatmap.png", "image/png"
                                "mask.png", "image/png"
                            ] do
                            let answer = http.GetAsync($"{served.Url}/v1/history/1/{part}").Result
                            Expect.equal (string answer.Content.Headers.ContentType) kind part

                            match ImageDecoder.readBytes 1 id part (answer.Content.ReadAsByteArrayAsync().Result) with
                            | Ok picture -> Expect.equal (picture.Image.Width, picture.Image.Height) (32, 32) part
                            | Error problem -> failtest (string problem)

                        Expect.equal (textOf (json (mark http served.Url "1" "{\"mark\": \"good\"}")) "mark") "good" "marked"

                        for id, body, code in
                            [
                                "1", "{\"mark\": \"perhaps\"}", 400
                                "1", "no json", 400
                                "1", "{\"mark\": 3}", 400
                                "77", "{\"mark\": \"good\"}", 404
                                "x", "{\"mark\": \"good\"}", 404
                            ] do
                            Expect.equal (int (mark http served.Url id body).StatusCode) code body

                        let csv = http.GetStringAsync(served.Url + "/v1/history.csv?anomalous=1").Result.Split("\r\n")
                        Expect.stringStarts csv[0] "id,time,model" "a header"
                        // One line more is the empty one after the last.
                        Expect.equal csv.Length (1 + 7 + 1) "the anomalous ones"
                        Expect.all csv[1..7] (fun line -> line.Contains ",true,") "all of them"
                        let refused = http.GetAsync(served.Url + "/v1/history?since=yesterday").Result
                        Expect.equal (int refused.StatusCode) 400 "a time that is none"

                        let statistics = get http (served.Url + "/v1/statistics")

                        match statistics with
                        | :? JsonArray as models ->
                            let own = nonNull models[0]
                            Expect.equal (textOf own "inspected", textOf own "anomalous") ("20", "7") "counted"
                            Expect.equal (list own "latest").Length 20 "and listed"
                        | _ -> failtest "no list"

                        // In the middle of the load.
                        let load =
                            [
                                for number in 20..99 ->
                                    Task.Run(fun () ->
                                        try
                                            let id = textOf (inspect http served.Url number) "id"
                                            lock answered (fun () -> answered.Add id)
                                        with _ ->
                                            ())
                            ]

                        until 30.0 (fun () -> "the load does not begin") (fun () -> lock answered (fun () -> answered.Count > 40))
                        served.Child.Kill()
                        Task.WaitAll(Array.ofList load))

                    serving model history (fun served ->
                        use http = client ()
                        let all = get http (served.Url + "/v1/history?limit=500")

                        let kept = list all "inspections" |> List.map (fun record -> textOf record "id") |> Set.ofList

                        Expect.isGreaterThan answered.Count 40 "some were answered"
                        Expect.isEmpty (Set.difference (Set.ofSeq answered) kept) "every answered one is there"
                        Expect.equal (textOf (get http (served.Url + "/v1/history/1")) "mark") "good" "and the mark"
                        let next = int64 (textOf (inspect http served.Url 1) "id")
                        Expect.isGreaterThan next (kept |> Seq.map int64 |> Seq.max) "and on"))
            }
            test "without a history the endpoints say how to enable it; a broken one stops the start" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder

                    serving model [] (fun served ->
                        use http = client ()
                        let answer = http.GetAsync(served.Url + "/v1/history").Result
                        Expect.equal (int answer.StatusCode) 404 "none"
                        Expect.stringContains (textOf (json answer) "error") "--history FILE" "how"
                        let finding = inspect http served.Url 1
                        Expect.isNull finding["id"] "no number")

                    let wrong = fae [ "serve"; "--model"; model; "--port"; "0"; "--history"; model ]
                    Expect.equal wrong.Code 2 wrong.Error
                    Expect.stringContains wrong.Error "no history of Fae's" wrong.Error)
            }
            test "fae calibrate uses marks: parts marked good are no longer alarms" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    let path = Path.Combine(folder, "history.db")
                    let before = fst (ModelFile.Read(model).ToTuple())
                    let none = fae [ "calibrate"; "--model"; model; "--from"; path ]
                    Expect.equal none.Code 2 none.Error
                    let darks = [ 0; 3; 6 ]

                    serving model [ "--history"; path ] (fun served ->
                        use http = client ()
                        let unmarked = fae [ "calibrate"; "--model"; model; "--from"; path ]
                        Expect.equal unmarked.Code 2 "nothing to learn from"

                        for number in darks do
                            let finding = inspect http served.Url number
                            Expect.equal (textOf finding "anomalous") "true" "dark"
                            let id = textOf finding "id"
                            Expect.equal (int (mark http served.Url id "{\"mark\": \"good\"}").StatusCode) 200 "but good, says a person"

                        let bright = inspect http served.Url 1
                        let word = mark http served.Url (textOf bright "id") "{\"mark\": \"anomalous\"}"
                        Expect.equal (int word.StatusCode) 200 "and a bright one is bad")

                    let out = Path.Combine(folder, "other.safetensors")

                    let learned = fae [ "calibrate"; "--model"; model; "--from"; path; "--false-alarm"; "0.08"; "--out"; out ]

                    Expect.equal learned.Code 0 learned.Error
                    Expect.stringContains learned.Error "13 good pictures (3 of them marked)" learned.Error
                    Expect.stringContains learned.Error "of 3 marked good, 0 are called anomalous now (before 3)" learned.Error
                    Expect.stringContains learned.Error "ask for --false-alarm" learned.Error
                    let after = fst (ModelFile.Read(out).ToTuple())
                    Expect.isGreaterThan after.Calibration.ImageThreshold before.Calibration.ImageThreshold "a higher threshold"
                    Expect.equal after.Fingerprint before.Fingerprint "the same model"
                    Expect.equal after.Torch before.Torch "trained by the same"

                    let bytes = File.ReadAllBytes model
                    let inPlace = fae [ "calibrate"; "--model"; model; "--from"; path ]
                    Expect.equal inPlace.Code 0 inPlace.Error
                    Expect.equal (File.ReadAllBytes(Path.Combine(folder, "previous.safetensors"))) bytes "the old model stays"
                    let never = fae [ "calibrate"; "--model"; model; "--from"; path; "--false-alarm"; "0.0001" ]
                    Expect.equal never.Code 2 never.Error)
            }
        ]
