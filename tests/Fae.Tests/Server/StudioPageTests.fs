/// The studio's routes, and the whole way in a real browser.
module Fae.Tests.StudioPageTests

open System
open System.IO
open System.Net.Http
open System.Text
open System.Threading.Tasks
open Expecto
open Fae.Studio
open Fae.Tests.Browser
open Fae.Tests.Helpers
open Fae.Tests.Serving
open Fae.Tests.StudioParts
open Microsoft.Playwright

/// fae studio as a process.
let studioAt (home: string) (work: Served -> unit) = servingBy [ "studio"; "--home"; home; "--port"; "0" ] work

let private jsonOf (http: HttpClient) (url: string) = json (http.GetAsync(url: string).Result)

let private send (http: HttpClient) (url: string) (body: string) =
    http.PostAsync(url, new StringContent(body, Encoding.UTF8, "application/json")).Result

let private ready (page: IPage) number =
    task {
        let options = PageWaitForSelectorOptions(Timeout = Nullable 240000.0f)
        let! _ = page.WaitForSelectorAsync($"#version-{number} >> text=Publish", options)
        ()
    }

let private train (page: IPage) (seed: string) =
    task {
        // The page offers no time as short as a test's.
        let! _ = page.EvalOnSelectorAsync("#budget", "e => e.append(new Option('1m', '1m', true, true))")
        do! page.FillAsync("#seed", seed)
        do! page.ClickAsync "#train button"
    }

/// How much of the canvas is painted over.
let private shareOfPaint =
    "() => { const c = document.getElementById('paint'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; "
    + "let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 127 ? 1 : 0; return n / (c.width * c.height) }"

let private refusals =
    test "a training without pictures, or with a time that is none, is refused in words" {
        inTemporaryFolder (fun home ->
            studioAt home (fun served ->
                use http = client ()
                let project = served.Url + "/v1/projects/rings"
                Expect.equal (int (send http (served.Url + "/v1/projects") "{\"name\": \"rings\"}").StatusCode) 201 "made"
                Expect.equal (int (send http (served.Url + "/v1/projects") "{\"name\": \"Rings\"}").StatusCode) 400 "twice"
                Expect.equal (int (send http (project + "/train") "{\"budget\": \"1m\"}").StatusCode) 400 "no pictures yet"
                use form = new MultipartFormDataContent()

                for number in 1..5 do
                    form.Add(new ByteArrayContent(partPng number false), "image", $"{number}.png")

                form.Add(new ByteArrayContent [| 1uy |], "image", "broken.png")
                let added = json (http.PostAsync(project + "/pictures/good", form).Result)
                Expect.equal ((nonNull added["added"]).AsArray().Count) 5 "the good ones"
                Expect.stringContains (string added["refused"]) "broken.png" "the broken one"

                for body in [ "{\"budget\": \"soon\"}"; "{\"budget\": \"1m\", \"seed\": -1}" ] do
                    Expect.equal (int (send http (project + "/train") body).StatusCode) 400 body

                for path in [ "/rollback"; "/versions/1/stop" ] do
                    Expect.isGreaterThanOrEqual (int (send http (project + path) "{}").StatusCode) 400 path

                for path in [ "/v1/projects/none"; "/v1/projects/rings/pictures/good/none.png"; "/v1/projects/rings/ignore.png" ] do
                    Expect.equal (int (http.GetAsync(served.Url + path).Result.StatusCode)) 404 path))
    }

let private wholeWay =
    test "from an empty home to a verdict on the live page, and back to the version before" {
        needsBrowser ()

        inTemporaryFolder (fun folder ->
            let home = Path.Combine(folder, "home")
            let files kind count = [| for number in 1..count -> Path.Combine(folder, kind, $"{kind} {number}.png") |]

            for kind, count, defect in [ "good", 30, false; "bad", 6, true ] do
                Directory.CreateDirectory(Path.Combine(folder, kind)) |> ignore

                files kind count
                |> Array.iteri (fun number path -> File.WriteAllBytes(path, partPng (number + (if defect then 1000 else 0)) defect))

            studioAt home (fun served ->
                inBrowser (served.Url + "/studio") 1280 (fun page ->
                    task {
                        do! says page "h1" "Projects"
                        do! accessible page "studio, empty"
                        do! page.FillAsync("#newname", "rings")
                        do! page.ClickAsync "#create button"
                        do! says page "#title" "rings"
                        do! page.SetInputFilesAsync("#addgood", files "good" 30)
                        do! says page "#goodsaid" "30 added"
                        do! page.SetInputFilesAsync("#addbad", files "bad" 6)
                        do! says page "#badsaid" "6 added"
                        // What to ignore: a corner, by the keyboard.
                        do! page.ClickAsync "#paintignore"
                        do! says page "#h-paint" "ignore"
                        do! accessible page "painter"

                        for _ in 1..40 do
                            do! page.Keyboard.PressAsync "ArrowLeft"
                            do! page.Keyboard.PressAsync "ArrowUp"

                        do! page.Keyboard.PressAsync " "
                        // A region of interest, and back.
                        do! page.ClickAsync "#invert"
                        let! opaque = page.EvaluateAsync<float> shareOfPaint
                        Expect.isGreaterThan opaque 0.9 "all but the corner is painted"
                        do! page.ClickAsync "#invert"
                        let! opaque = page.EvaluateAsync<float> shareOfPaint
                        Expect.isLessThan opaque 0.1 "the corner is"
                        do! page.ClickAsync "#keep"
                        do! says page "#ignored" "a mask is kept"
                        // The defect of a bad picture, as a rectangle by the mouse.
                        do! page.ClickAsync "#bad li:first-child button:has-text('Paint the defect')"
                        do! page.ClickAsync "#rectangle"
                        let! found = page.Locator("#paint").BoundingBoxAsync()
                        let box = nonNull found
                        let at share length = float32 share * length
                        do! page.Mouse.MoveAsync(box.X + at 0.42 box.Width, box.Y + at 0.36 box.Height)
                        do! page.Mouse.DownAsync()
                        do! page.Mouse.MoveAsync(box.X + at 0.6 box.Width, box.Y + at 0.54 box.Height)
                        do! page.Mouse.UpAsync()
                        do! page.ClickAsync "#keep"
                        do! says page "#bad" "Defect painted"
                        do! page.ClickAsync "#drawcorruption"
                        let! _ = page.WaitForSelectorAsync "#corruption"
                        let! wide = page.EvalOnSelectorAsync<int>("#sheet", "async e => { await e.decode(); return e.naturalWidth }")
                        Expect.isGreaterThan wide 300 "six pictures beside each other"
                        do! train page "0"
                        do! says page "#progress" "Version 1"
                        do! train page "1"
                        // The memory banks come before the first step.
                        do! saysWithin 180.0f page "#progress" "step"
                    })

                // The studio is killed in the middle of the first training, which ends in order: its input ends.
                served.Child.Kill()
                Expect.isTrue (served.Child.WaitForExit 60000) "it ends"
                let checkpoint = Path.Combine(home, "projects", "rings", "versions", "001", "checkpoint.safetensors")
                let version = Project.tryFind home "rings" |> Option.bind (fun project -> DetectorVersion.tryFind project 1)
                let training = (nonNull (snd version.Value).Process).Split(' ')[0]
                until 60.0 (fun () -> $"process {training} goes on") (fun () -> not (Directory.Exists $"/proc/{training}"))
                Expect.isTrue (File.Exists checkpoint) "it kept what it had done")

            studioAt home (fun served ->
                use http = client ()

                inBrowser (served.Url + "/studio#/rings") 1280 (fun page ->
                    task {
                        do! ready page 1
                        do! says page "#version-1" "image AUROC"
                        do! says page "#version-1" "more good pictures"
                        do! says page "#version-1" "Unusual good pictures"
                        let unusual = http.GetStringAsync(served.Url + "/v1/projects/rings/versions/1/outliers.html").Result
                        Expect.stringContains unusual "Are they" "the page of unusual good pictures"
                        do! page.ClickAsync "#version-1 >> text=Publish"
                        do! says page "#published" "version 1 serves"
                        do! says page "#code" "Detector.Load"
                        do! ready page 2
                        do! says page "#version-2" "Beside version 1"
                        do! accessible page "studio, a project"
                        do! shot page "studio-Light-1280"
                        do! says page "#compared" "version 2 is right where version 1 is wrong"
                        do! page.UncheckAsync "#differing"
                        do! says page "#comparedpictures" "bad 1.png, bad"
                        let! rows = page.Locator("#comparedpictures tr").CountAsync()
                        do! page.SelectOptionAsync("#second", "2") :> Task
                        do! says page "#compared" "right where version 2 is wrong 0 times"
                        let! same = page.Locator("#comparedpictures tr").CountAsync()
                        // Another seed holds out other good pictures.
                        Expect.isGreaterThanOrEqual rows 6 "the bad pictures, and the good ones that both held out"
                        Expect.isGreaterThanOrEqual same rows "all pictures of the one version"
                        do! page.ClickAsync "#version-2 >> text=Publish"
                        do! says page "#published" "version 2 serves"

                        let! popup = page.RunAndWaitForPopupAsync(fun () -> page.ClickAsync "#version-2 >> text=Evaluation")
                        let! report = popup.TextContentAsync "body"
                        Expect.stringContains (string report) "image AUROC" "the report"
                        do! popup.CloseAsync()
                        do! page.SetViewportSizeAsync(400, 900)
                        do! accessible page "studio, 400"
                        do! shot page "studio-Light-400"
                        do! page.EmulateMediaAsync(PageEmulateMediaOptions(ColorScheme = Nullable ColorScheme.Dark))
                        do! accessible page "studio, 400, dark"
                        do! shot page "studio-Dark-400"
                        do! page.SetViewportSizeAsync(1280, 900)
                        do! accessible page "studio, dark"
                        do! shot page "studio-Dark-1280"
                        do! page.EmulateMediaAsync(PageEmulateMediaOptions(ColorScheme = Nullable ColorScheme.Light))
                        // It serves: the threshold, the live page, a mark, and back.
                        let! _ = page.GotoAsync(served.Url)
                        do! page.SetInputFilesAsync("#file", (files "bad" 1)[0])
                        do! says page "#verdict" "anomalous"
                        do! page.FocusAsync "#threshold"
                        do! page.Keyboard.PressAsync "ArrowRight"
                        do! page.ClickAsync "#apply"
                        do! says page "#applied" "in force"
                        do! page.ClickAsync "nav a[href=live]"
                        do! says page "#word" "anomalous"
                        do! page.Keyboard.PressAsync "w"
                        do! says page "#said" "is good"
                        let! _ = page.GotoAsync(served.Url + "/studio#/rings")
                        do! page.ClickAsync "#rollback"
                        do! says page "#published" "version 1 serves"
                    })

                let audit = (jsonOf http (served.Url + "/v1/audit")).AsArray() |> Seq.map (fun entry -> textOf (nonNull entry) "action")

                Expect.isTrue
                    (Set.isSubset (set [ "training"; "published"; "threshold"; "mark" ]) (Set.ofSeq audit))
                    "who did what is kept"

                let model = http.GetByteArrayAsync(served.Url + "/v1/projects/rings/versions/1/model.safetensors").Result
                Expect.equal model (File.ReadAllBytes(Path.Combine(home, "models", "rings.safetensors"))) "the served file"
                let graph = http.GetAsync(served.Url + "/v1/projects/rings/versions/1/model.onnx").Result
                Expect.equal (int graph.StatusCode) 200 "the graph"))
    }

let tests = oneByOne "Studio" [ refusals; wholeWay ]
