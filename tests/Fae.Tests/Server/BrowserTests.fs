/// The server's page in a real browser.
module Fae.Tests.BrowserTests

open System
open System.IO
open System.Threading.Tasks
open Expecto
open Fae.Tests.Helpers
open Fae.Tests.Serving
open Microsoft.Playwright

let private chromium = "/usr/bin/chromium"
let private installed = lazy (available (fun () -> File.Exists chromium) [ "chromium" ])

/// Where pictures of the page go, for people to look at.
let private shots = Environment.GetEnvironmentVariable "FAE_SHOTS" |> Option.ofObj

/// A page in the browser; what it logs as an error or asks of other hosts fails the test.
let private browsing (url: string) width (work: IPage -> Task<unit>) =
    task {
        use! playwright = Playwright.CreateAsync()

        let! browser =
            playwright.Chromium.LaunchAsync(
                BrowserTypeLaunchOptions(ExecutablePath = chromium, Args = [| "--no-sandbox"; "--disable-gpu" |])
            )

        let! page = browser.NewPageAsync(BrowserNewPageOptions(ViewportSize = ViewportSize(Width = width, Height = 900)))

        let complaints = Collections.Generic.List<string>()

        page.Console.Add(fun message ->
            // A refused request is logged as an error; the page answers for it in words.
            if message.Type = "error" && not (message.Text.Contains "responded with a status of") then
                lock complaints (fun () -> complaints.Add message.Text))

        page.PageError.Add(fun error -> lock complaints (fun () -> complaints.Add error))

        page.Request.Add(fun request ->
            if
                not (
                    request.Url.StartsWith(url, StringComparison.Ordinal)
                    || request.Url.StartsWith("data:", StringComparison.Ordinal)
                    || request.Url.StartsWith("blob:", StringComparison.Ordinal)
                )
            then
                lock complaints (fun () -> complaints.Add $"asks {request.Url}"))

        try
            let! _ = page.GotoAsync url
            do! work page
        finally
            browser.CloseAsync().Wait()

        Expect.isEmpty complaints "no complaint, no other host"
    }

let private inBrowser url width work = (browsing url width work).GetAwaiter().GetResult()

let private shot (page: IPage) name =
    task {
        match shots with
        | Some folder ->
            let! _ = page.ScreenshotAsync(PageScreenshotOptions(Path = Path.Combine(folder, name + ".png"), FullPage = true))

            ()
        | None -> ()
    }

let private says (page: IPage) (selector: string) (text: string) =
    task {
        let options = PageWaitForFunctionOptions(Timeout = Nullable 30000.0f)

        let! _ =
            page.WaitForFunctionAsync("([s, t]) => document.querySelector(s).textContent.includes(t)", [| selector; text |], options)

        ()
    }

/// Drops a picture as a person would from the desktop.
let private drop (page: IPage) (bytes: byte[]) (name: string) =
    task {
        let! _ =
            page.EvaluateAsync(
                "([data, name]) => { \
                   const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0)), transfer = new DataTransfer(); \
                   transfer.items.add(new File([bytes], name, { type: 'image/png' })); \
                   const options = { dataTransfer: transfer, bubbles: true, cancelable: true }; \
                   document.getElementById('drop').dispatchEvent(new DragEvent('drop', options)) }",
                [| Convert.ToBase64String bytes; name |]
            )

        ()
    }

let tests =
    testSequenced
    <| testList
        "Page"
        [
            test "drop a picture, see the verdict, mark it wrong, reload: the mark is kept" {
                if not installed.Value then
                    skiptest "chromium is not installed here and could not be (as root, with apt-get)"

                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder

                    serving model [ "--history"; Path.Combine(folder, "history.db") ] (fun served ->
                        inBrowser served.Url 1100 (fun page ->
                            task {
                                do! drop page (lightPicture 1) "bright.png"
                                do! says page "#verdict" "good"
                                do! drop page (lightPicture 0) "dark.png"
                                do! says page "#verdict" "anomalous"
                                do! says page "#detail" "dark.png: score"
                                do! says page "#numbers" "2 inspected"
                                do! shot page "page-1100"

                                // The outline follows the mask: all of a dark picture is anomalous, so its border is drawn.
                                let! drawn =
                                    page.EvaluateAsync<int>
                                        "() => { \
                                            const c = document.getElementById('outline'); \
                                            const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; \
                                            let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i]) n++; return n }"

                                Expect.isGreaterThan drawn 50 "an outline"
                                let! _ = page.SelectOptionAsync("#shown", "reconstruction")
                                let! source = page.GetAttributeAsync("#base", "src")
                                Expect.stringStarts (string source) "data:image/jpeg" "the reconstruction"

                                let! _ =
                                    page.EvalOnSelectorAsync("#opacity", "e => { e.value = 0; e.dispatchEvent(new Event('input')) }")

                                let! opacity = page.EvalOnSelectorAsync<string>("#heat", "e => e.style.opacity")
                                Expect.equal opacity "0" "the heatmap fades"

                                do! page.ClickAsync "#isgood"
                                do! says page "#asked" "noted"
                                let! _ = page.ReloadAsync()
                                do! says page "#history" "dark.png"
                                do! says page "#history" "marked good"
                                // By keyboard alone: to the record, and open it.
                                do! page.FocusAsync "#history button"
                                do! page.Keyboard.PressAsync "Enter"
                                do! says page "#detail" "dark.png: score"
                                let! pressed = page.GetAttributeAsync("#isgood", "aria-pressed")
                                Expect.equal pressed "true" "still marked"
                                // Another threshold: nothing would be anomalous at the lowest rate.
                                do! page.FocusAsync "#threshold"
                                do! page.Keyboard.PressAsync "Home"
                                do! says page "#change" "Of the latest 2 inspections"
                                let! least = page.TextContentAsync "#change"
                                do! page.Keyboard.PressAsync "End"
                                do! says page "#change" "2 would be anomalous"
                                let! most = page.TextContentAsync "#change"
                                Expect.notEqual least most "it says what would change"
                            })))
            }
            test "at 400 pixels nothing is cut off and every control is reachable by keyboard" {
                if not installed.Value then
                    skiptest "chromium is not installed here and could not be (as root, with apt-get)"

                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder

                    serving model [] (fun served ->
                        inBrowser served.Url 400 (fun page ->
                            task {
                                do! says page "#nohistory" "--history FILE"
                                let picture = Path.Combine(folder, "dark.png")
                                File.WriteAllBytes(picture, lightPicture 0)
                                do! page.SetInputFilesAsync("#file", picture)
                                do! says page "#verdict" "anomalous"
                                let! wide = page.EvaluateAsync<int> "() => document.documentElement.scrollWidth"
                                Expect.isLessThanOrEqual wide 400 "no sideways scrolling"
                                let reached = Collections.Generic.HashSet<string>()

                                for _ in 1..20 do
                                    do! page.Keyboard.PressAsync "Tab"
                                    let! id = page.EvaluateAsync<string> "() => document.activeElement.id"
                                    reached.Add(string id) |> ignore

                                for id in [ "file"; "model"; "key"; "shown"; "opacity"; "marks"; "threshold" ] do
                                    Expect.isTrue (reached.Contains id) $"the keyboard reaches {id}"

                                do! shot page "page-400"
                                File.WriteAllText(picture, "no picture")
                                do! page.SetInputFilesAsync("#file", picture)
                                do! says page "#verdict" "cannot be read"
                            })))
            }
        ]
