/// A real browser for tests of the pages: Debian's Chromium by Playwright.
module Fae.Tests.Browser

open System
open System.IO
open System.Threading.Tasks
open Deque.AxeCore.Playwright
open Expecto
open Fae.Tests.Helpers
open Microsoft.Playwright

let private chromium = "/usr/bin/chromium"
let private installed = lazy (available (fun () -> File.Exists chromium) [ "chromium" ])

/// Where pictures of the pages go, for people to look at.
let private shots = Environment.GetEnvironmentVariable "FAE_SHOTS" |> Option.ofObj

let needsBrowser () =
    if not installed.Value then
        skiptest "chromium is not installed here and could not be (as root, with apt-get)"

let private isOwn (url: string) (asked: string) =
    [ Uri(url).GetLeftPart UriPartial.Authority; "data:"; "blob:" ]
    |> List.exists (fun start -> asked.StartsWith(start, StringComparison.Ordinal))

/// A page in the browser; what it logs as an error or asks of other hosts fails the test.
let private browsing (url: string) width (scheme: ColorScheme) (work: IPage -> Task<unit>) =
    task {
        use! playwright = Playwright.CreateAsync()

        let! browser =
            playwright.Chromium.LaunchAsync(
                BrowserTypeLaunchOptions(
                    ExecutablePath = chromium,
                    Args =
                        [|
                            "--no-sandbox"
                            "--disable-gpu"
                            // A camera that films a test picture.
                            "--use-fake-device-for-media-stream"
                            "--use-fake-ui-for-media-stream"
                        |]
                )
            )

        let size = ViewportSize(Width = width, Height = 900)
        let! page = browser.NewPageAsync(BrowserNewPageOptions(ViewportSize = size, ColorScheme = Nullable scheme))
        let complaints = Collections.Generic.List<string>()

        page.Console.Add(fun message ->
            // A refused request and a lost connection are logged as errors; the page answers for them in words.
            if
                message.Type = "error"
                && not (message.Text.Contains "responded with a status of" || message.Text.Contains "net::ERR_")
            then
                lock complaints (fun () -> complaints.Add message.Text))

        page.PageError.Add(fun error -> lock complaints (fun () -> complaints.Add error))

        page.Request.Add(fun request ->
            if not (isOwn url request.Url) then
                lock complaints (fun () -> complaints.Add $"asks {request.Url}"))

        try
            let! _ = page.GotoAsync url
            do! work page
        finally
            browser.CloseAsync().Wait()

        Expect.equal (List.ofSeq complaints) [] "no complaint, no other host"
    }

/// Runs the work on a page of this width, light or dark.
let inBrowserAs scheme (url: string) width work = (browsing url width scheme work).GetAwaiter().GetResult()

let inBrowser url width work = inBrowserAs ColorScheme.Light url width work

let shot (page: IPage) name =
    task {
        match shots with
        | Some folder ->
            let path = Path.Combine(folder, name + ".png")
            let! _ = page.ScreenshotAsync(PageScreenshotOptions(Path = path, FullPage = true))
            ()
        | None -> ()
    }

/// Waits up to so many seconds until an element's text has this part.
let saysWithin (seconds: float32) (page: IPage) (selector: string) (text: string) =
    task {
        let options = PageWaitForFunctionOptions(Timeout = Nullable(1000.0f * seconds))

        let! _ =
            page.WaitForFunctionAsync("([s, t]) => document.querySelector(s)?.textContent.includes(t)", [| selector; text |], options)

        ()
    }

/// Waits until an element's text has this part.
let says page selector text = saysWithin 30.0f page selector text

/// The texts that are wider than the box they stand in, but for boxes that scroll.
let private textBeyondParent =
    """() => [...document.querySelectorAll("span, button, a, p, h1, h2, h3, label, td, th, li")]
        .filter(one => one.textContent.trim() && one.getClientRects().length && !one.closest("pre, .scrolls, .sr-only"))
        .filter(one => {
            const box = one.parentElement.getBoundingClientRect(), own = one.getBoundingClientRect()
            const end = parseFloat(getComputedStyle(one.parentElement).paddingRight)
            return own.right > box.right - end + 4
        })
        .map(one => `${one.tagName} ${one.id} ${one.textContent.trim().slice(0, 40)}`)"""

/// What axe (WCAG 2.1 A and AA, contrast among them) finds on a page as it is.
let accessible (page: IPage) what =
    task {
        let! found = page.RunAxe()

        let words =
            [
                for violation in found.Violations do
                    for node in violation.Nodes -> $"{violation.Id}: {node.Html} ({violation.Help})"
            ]

        Expect.equal words [] $"{what}: accessible"
        let! wide = page.EvaluateAsync<int> "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        Expect.equal wide 0 $"{what}: no sideways scrolling"
        let! over = page.EvaluateAsync<string[]> textBeyondParent
        Expect.equal (List.ofArray over) [] $"{what}: text within its box"
    }
