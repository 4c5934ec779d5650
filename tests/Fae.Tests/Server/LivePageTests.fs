/// The operator's page in a real browser, fed by fae serve and by fae watch.
module Fae.Tests.LivePageTests

open System
open System.Diagnostics
open System.IO
open System.Net.Http
open System.Security.Cryptography
open System.Text
open System.Threading.Tasks
open Expecto
open Fae.Tests.Browser
open Fae.Tests.Helpers
open Fae.Tests.Serving
open Microsoft.Playwright

let private send (http: HttpClient) (url: string) number = (post http (url + "/v1/inspect") (lightPicture number)).Result |> ignore

let private follows =
    test "it shows verdicts, counts and the last anomalous ones; a key marks a verdict wrong" {
        needsBrowser ()

        inTemporaryFolder (fun folder ->
            let history = [ "--history"; Path.Combine(folder, "history.db") ]

            serving (brightnessModel folder) history (fun served ->
                use http = client ()

                for scheme in [ ColorScheme.Light; ColorScheme.Dark ] do
                    for width in [ 1280; 400 ] do
                        inBrowserAs scheme (served.Url + "/live") width (fun page ->
                            task {
                                send http served.Url 1
                                do! says page "#word" "good"
                                do! accessible page $"live, good, {scheme}, {width}"
                                send http served.Url 3
                                do! says page "#word" "anomalous"
                                do! accessible page $"live, anomalous, {scheme}, {width}"
                                do! shot page $"live-{scheme}-{width}"
                                do! says page "#rate" "50.0%"
                                do! page.Keyboard.PressAsync "w"
                                do! says page "#said" "is good"
                            })

                let records = json (http.GetAsync(served.Url + "/v1/history?mark=wrong").Result)
                Expect.equal (textOf records "matching") "4" "marked"))
    }

let private survives =
    test "it says that the server is away, and goes on when it is back" {
        needsBrowser ()

        inTemporaryFolder (fun folder ->
            let model = brightnessModel folder
            let port = string (freePort ())

            let serve work = servingAt port model [] work

            let began = TaskCompletionSource()
            let ended = TaskCompletionSource()

            let watching =
                Task.Run(fun () ->
                    began.Task.Wait()

                    inBrowser $"http://127.0.0.1:{port}/live" 1280 (fun page ->
                        task {
                            do! says page "#word" "good"
                            ended.SetResult()
                            do! says page "#notices" "connection to the server is lost"
                            do! says page "#word" "anomalous"
                            let! lost = page.QuerySelectorAsync "#notice-connection"
                            Expect.isNull lost "the notice is gone"
                        }))

            use http = client ()

            serve (fun served ->
                send http served.Url 1
                began.SetResult()
                ended.Task.Wait(TimeSpan.FromSeconds 60.0) |> ignore)

            Threading.Thread.Sleep 1500

            serve (fun served ->
                send http served.Url 3
                watching.Wait()))
    }

let private asksWho =
    test "with keys it asks once who it is, and an operator may mark but not set thresholds" {
        needsBrowser ()

        inTemporaryFolder (fun folder ->
            let people = Path.Combine(folder, "people")
            let made = faeTold "a long password\n" [ "password"; "ada"; "--people"; people ]
            Expect.equal made.Code 0 made.Error
            let keys = Path.Combine(folder, "keys")
            File.WriteAllText(keys, Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes "secret")) + " camera engineer\n")
            let args = [ "--people"; people; "--keys"; keys; "--history"; Path.Combine(folder, "h.db") ]

            serving (brightnessModel folder) args (fun served ->
                inBrowser served.Url 1280 (fun page ->
                    task {
                        do! says page "#signin" "Sign in"
                        do! accessible page "sign in"
                        do! page.FillAsync("#signin input[type=text]", "ada")
                        do! page.FillAsync("#signin input[type=password]", "a wrong password")
                        do! page.ClickAsync "#signin button"
                        do! says page "#signin" "nobody here has"
                        do! page.FillAsync("#signin input[type=password]", "a long password")
                        do! page.Keyboard.PressAsync "Enter"
                        do! says page "#who" "ada (operator)"
                        let picture = Path.Combine(folder, "dark.png")
                        File.WriteAllBytes(picture, lightPicture 0)
                        do! page.SetInputFilesAsync("#file", picture)
                        do! says page "#verdict" "anomalous"
                        do! page.ClickAsync "#isgood"
                        do! says page "#asked" "noted"
                        do! page.FocusAsync "#threshold"
                        do! page.Keyboard.PressAsync "End"
                        let! isVisible = page.IsVisibleAsync "#apply"
                        Expect.isFalse isVisible "no threshold of an operator's"
                        // Signed in for the other page as well.
                        do! page.ClickAsync "nav a[href=live]"
                        do! says page "#who" "ada (operator)"
                        do! says page "#word" "anomalous"
                        do! page.ClickAsync "#signout"
                        do! says page "#signin" "Sign in"
                    })))
    }

let private ofWatch =
    test "fae watch --live shows what it inspects in the folder" {
        needsBrowser ()

        inTemporaryFolder (fun folder ->
            let into, port = Path.Combine(folder, "in"), freePort ()
            Directory.CreateDirectory into |> ignore
            let more = [ "--live"; string port; "--history"; Path.Combine(folder, "h.db") ]
            use child = WatchTests.watch (brightnessModel folder) into (Path.Combine(folder, "out")) more
            let url = $"http://127.0.0.1:{port}"
            use http = client ()

            let answers () =
                try
                    http.GetAsync(url + "/ready").Result.IsSuccessStatusCode
                with _ ->
                    false

            until 60.0 (fun () -> "no page") answers

            inBrowser (url + "/live") 1280 (fun page ->
                task {
                    File.WriteAllBytes(Path.Combine(into, "a part.png"), lightPicture 3)
                    do! says page "#detail" "a part.png"
                    do! says page "#word" "anomalous"
                    do! page.Keyboard.PressAsync "w"
                    do! says page "#said" "is good"
                })

            WatchTests.stop child)
    }

/// A tenth of the hour that is asked for would be six minutes: the rate is the same, the time shorter. FAE_LONG=1 takes the whole.
let private minutes = if isNull (Environment.GetEnvironmentVariable "FAE_LONG") then 0.5 else 6.0

let private keepsUp =
    test "it keeps up with 20 pictures a second without growing" {
        needsBrowser ()

        inTemporaryFolder (fun folder ->
            serving (brightnessModel folder) [] (fun served ->
                use http = client ()

                inBrowser (served.Url + "/live") 1280 (fun page ->
                    task {
                        let heap () =
                            page.EvaluateAsync<float> "() => { globalThis.gc?.(); return performance.memory.usedJSHeapSize / 1e6 }"

                        let elements () = page.EvaluateAsync<int> "() => document.querySelectorAll('*').length"
                        let clock = Stopwatch.StartNew()
                        let mutable sent = 0
                        let mutable first = 0.0

                        let feed seconds =
                            task {
                                let until = clock.Elapsed.TotalSeconds + seconds

                                while clock.Elapsed.TotalSeconds < until do
                                    let! _ = post http (served.Url + "/v1/inspect") (lightPicture sent)
                                    sent <- sent + 1
                                    let wait = 0.05 * float sent - clock.Elapsed.TotalSeconds
                                    if wait > 0.0 then do! Task.Delay(TimeSpan.FromSeconds wait)
                            }

                        do! feed 10.0
                        let! warm = heap ()
                        first <- warm
                        let! before = elements ()
                        do! feed (60.0 * minutes - 10.0)
                        do! says page "#inspected" (string sent)
                        let! after = elements ()
                        let! grown = heap ()
                        let rate = float sent / clock.Elapsed.TotalSeconds
                        Expect.isGreaterThan rate 15.0 $"{sent} pictures were sent"
                        Expect.isLessThan (abs (after - before)) 60 "the page holds as many elements as before"
                        Expect.isLessThan (grown - first) 20.0 $"megabytes of script memory: {first:F1}, then {grown:F1}"
                    })))
    }

let tests = testSequenced <| testList "Live page" [ follows; survives; asksWho; ofWatch; keepsUp ]
