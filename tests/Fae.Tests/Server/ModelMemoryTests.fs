/// fae serve with more models than memory: networks are read when they are needed and let go again.
module Fae.Tests.ModelMemoryTests

open System.IO
open System.Text.Json.Nodes
open System.Threading.Tasks
open Expecto
open Fae.Tests.Helpers
open Fae.Tests.Serving

/// Models by the names a, b, … in folders of their own, as --model names them.
let private models folder names =
    [
        for name in names do
            let own = Path.Combine(folder, name)
            let _ = Directory.CreateDirectory own
            name, brightnessModel own
    ]

let private named models = models |> List.map (fun (name, path) -> $"{name}={path}") |> String.concat ","

let private loaded (http: System.Net.Http.HttpClient) (url: string) =
    match json (http.GetAsync(url + "/v1/models").Result) with
    | :? JsonArray as all ->
        [
            for one in all do
                if textOf (nonNull one) "loaded" = "true" then textOf (nonNull one) "name"
        ]
    | other -> failtest $"no list: {other}"

let private verdict http (url: string) model number =
    let answer = post http $"{url}/v1/inspect?model={model}" (lightPicture number)
    Expect.equal (status answer) 200 model
    json answer.Result

let tests =
    testSequenced
    <| testList
        "Server's models"
        [
            test "without a limit all networks are in memory from the start" {
                inTemporaryFolder (fun folder ->
                    serving (named (models folder [ "a"; "b" ])) [] (fun served ->
                        use http = client ()
                        Expect.equal (loaded http served.Url) [ "a"; "b" ] "both"))
            }

            test "over the limit only the network that was used last stays; every picture gets its answer, also many at once" {
                inTemporaryFolder (fun folder ->
                    // No process holds less than a megabyte: every other network is let go.
                    serving (named (models folder [ "a"; "b"; "c" ])) [ "--max-memory"; "1" ] (fun served ->
                        use http = client ()
                        Expect.equal (loaded http served.Url) [] "none before the first picture"

                        for model in [ "a"; "b"; "a"; "c" ] do
                            for number in 0..1 do
                                let expected = if number = 0 then "true" else "false"
                                Expect.equal (textOf (verdict http served.Url model number) "anomalous") expected $"{model}, {number}"

                        until 10.0 (fun () -> "more than one network stays") (fun () -> loaded http served.Url = [ "c" ])
                        Expect.equal (metric http served.Url "fae_models_loaded") (Some 1.0) "as the metrics say"

                        let asked =
                            [
                                for number in 0..47 ->
                                    let model = [| "a"; "b"; "c" |][number % 3]
                                    post http $"{served.Url}/v1/inspect?model={model}" (lightPicture number)
                            ]

                        Task.WhenAll(asked).Wait()

                        for number, answer in List.indexed asked do
                            Expect.equal (status answer) 200 $"picture {number}"
                            let expected = if number % 3 = 0 then "true" else "false"
                            Expect.equal (textOf (json answer.Result) "anomalous") expected $"picture {number}"))
            }

            test "a threshold and the counts outlive a network that is let go; a replaced file is taken; a missing one is said" {
                inTemporaryFolder (fun folder ->
                    let found = models folder [ "a"; "b" ]
                    let path = Map.ofList found

                    serving (named found) [ "--max-memory"; "1"; "--history"; Path.Combine(folder, "h.db") ] (fun served ->
                        use http = client ()
                        let before = textOf (verdict http served.Url "a" 1) "threshold"

                        let body =
                            new System.Net.Http.StringContent("{\"false_alarm\": 0.3}", System.Text.Encoding.UTF8, "application/json")

                        Expect.equal (status (http.PostAsync(served.Url + "/v1/models/a/threshold", body))) 200 "set"
                        let changed = textOf (verdict http served.Url "a" 1) "threshold"
                        Expect.notEqual changed before "another threshold"
                        verdict http served.Url "b" 1 |> ignore
                        until 10.0 (fun () -> "a stays") (fun () -> loaded http served.Url = [ "b" ])
                        Expect.equal (textOf (verdict http served.Url "a" 1) "threshold") changed "the threshold stays"

                        let inspected = "fae_inspect_seconds_count{model=\"a\"}"
                        Expect.equal (metric http served.Url inspected) (Some 3.0) "and the counts"

                        // Replaced while its network is away.
                        verdict http served.Url "b" 1 |> ignore
                        until 10.0 (fun () -> "a stays") (fun () -> loaded http served.Url = [ "b" ])
                        let other = Path.Combine(folder, "other")
                        let _ = Directory.CreateDirectory other
                        let another = untrainedModel other 0.01f byBrightness id
                        File.Move(another, path["a"], true)
                        let reloads = "fae_model_reloads_total{model=\"a\"}"
                        until 10.0 (fun () -> "it is not noticed") (fun () -> metric http served.Url reloads = Some 1.0)
                        Expect.equal (loaded http served.Url) [ "b" ] "noticed without its network"
                        let struct (card, _) = Fae.Detection.ModelFile.Read path["a"]
                        Expect.equal (textOf (verdict http served.Url "a" 1) "fingerprint") card.Fingerprint "the new one judges"

                        verdict http served.Url "b" 1 |> ignore
                        until 10.0 (fun () -> "a stays") (fun () -> loaded http served.Url = [ "b" ])
                        File.Delete path["a"]
                        let missing = post http (served.Url + "/v1/inspect?model=a") (lightPicture 1)
                        Expect.equal (status missing) 503 "no file"
                        Expect.stringContains (textOf (json missing.Result) "error") "model a cannot be read" "which"
                        verdict http served.Url "b" 1 |> ignore))
            }
        ]
