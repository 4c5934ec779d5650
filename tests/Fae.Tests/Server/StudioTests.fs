/// The studio: its folders, its routes, and the whole way in a real browser.
module Fae.Tests.StudioTests

open System
open System.Diagnostics
open System.IO
open System.Net.Http
open System.Text
open Expecto
open Fae.Core
open Fae.Imaging
open Fae.Studio
open Fae.Tests.Browser
open Fae.Tests.Helpers
open Fae.Tests.Serving
open Microsoft.Playwright

let private size = 64

/// A disc on a ground, each a little different; `defect`: a dark square on it.
let private part number defect =
    let random = Random(number: int)
    let cx, cy = 32.0 + random.NextDouble() * 2.0, 32.0 + random.NextDouble() * 2.0
    let noise = Array.init (size * size) (fun _ -> 0.02f * float32 (random.NextDouble()))

    Image.init 1 size size (fun _ y x ->
        let inside = (float x - cx) ** 2.0 + (float y - cy) ** 2.0 < 400.0
        let dark = defect && x >= 28 && x < 38 && y >= 24 && y < 34

        (if dark then 0.05f
         elif inside then 0.7f
         else 0.3f)
        + noise[y * size + x])

let private partPng number defect = ImageEncoder.toPng (part number defect)

/// A mask with a white square.
let private squareMask =
    ImageEncoder.toPng (Image.init 1 size size (fun _ y x -> if x >= 28 && x < 38 && y >= 24 && y < 34 then 1.0f else 0.0f))

let private orFail =
    function
    | Ok value -> value
    | Error(reason: string) -> failtest reason

let private storeTests =
    [
        test "projects have safe names, and no two that a system takes for one" {
            inTemporaryFolder (fun home ->
                for name in [ ""; ".."; "a/b"; "a\\b"; "ü"; "-a"; String.replicate 61 "a" ] do
                    Expect.isError (Project.create home name) $"'{name}'"

                Expect.isOk (Project.create home "Rings-2") "a usual one"
                Expect.isError (Project.create home "rings-2") "the same in other letters"
                Expect.equal (Project.all home |> List.map _.Name) [ "Rings-2" ] "listed"
                Expect.isNone (Project.tryFind home "../projects/Rings-2") "a path is no name")
        }
        test "pictures: whatever their names, in the folder; none is overwritten, none deleted" {
            inTemporaryFolder (fun home ->
                let project = orFail (Project.create home "p")
                let add name bytes = PictureStore.add project Good name bytes
                Expect.equal (add "../../evil.png" (partPng 1 false)) (Ok "evil.png") "no way out of the folder"
                Expect.equal (add "C:\\dir\\b?.png" (partPng 2 false)) (Ok "b_.png") "nor by another system's paths"
                Expect.equal (add "evil.png" (partPng 1 false)) (Ok "evil.png") "the same picture once more"
                Expect.equal (add "evil.png" (partPng 3 false)) (Ok "evil-1.png") "another one of the same name"

                for name, bytes in [ "a.txt", partPng 1 false; "a.png", [| 1uy; 2uy |]; "a_mask.png", partPng 1 false ] do
                    Expect.isError (add name bytes) name

                let listed = PictureStore.list project Good
                Expect.equal (listed |> List.map _.Name) [ "b_.png"; "evil-1.png"; "evil.png" ] "three"
                PictureStore.remove project listed.Head
                Expect.equal (PictureStore.list project Good).Length 2 "taken out"
                Expect.isTrue (File.Exists(Path.Combine(Project.removed project, "good", "b_.png"))) "and kept")
        }
        test "remarks: duplicates, other sizes, another light" {
            inTemporaryFolder (fun home ->
                let project = orFail (Project.create home "p")

                for number in 1..8 do
                    PictureStore.add project Good $"{number}.png" (partPng number false) |> orFail |> ignore

                let dark = part 9 false |> Image.map (fun v -> 0.2f * v)
                let odd = [ "again.png", partPng 1 false; "dark.png", ImageEncoder.toPng dark; "small.png", lightPicture 1 ]

                for name, bytes in odd do
                    PictureStore.add project Good name bytes |> orFail |> ignore

                let remarks = PictureChecks.all project Good |> List.map (fun found -> found.Picture.Name, found.Remarks) |> Map.ofList
                Expect.equal remarks["again.png"] [ "the same as 1.png" ] "a duplicate"
                Expect.contains remarks["dark.png"] "light unlike the others" "the light"
                Expect.contains remarks["small.png"] "another size: 32×32" "the size"
                Expect.isEmpty remarks["5.png"] "a usual one")
        }
        test "masks are of the picture's size, black and white; an empty one removes them" {
            inTemporaryFolder (fun home ->
                let project = orFail (Project.create home "p")
                Expect.isError (PictureStore.setIgnore project squareMask) "without pictures there is no shape"
                PictureStore.add project Bad "b.png" (partPng 1 true) |> orFail |> ignore
                let picture () = (PictureStore.tryFind project Bad "b.png").Value
                let small = ImageEncoder.toPng (Image.init 1 32 32 (fun _ _ x -> if x < 16 then 0.9f else 0.2f))
                Expect.isOk (PictureStore.setMask (picture ()) small) "of half the size"

                match ImageDecoder.read 1 0 (picture ()).Mask.Value with
                | Ok mask ->
                    Expect.equal (mask.Image.Width, mask.Image.Height) (size, size) "as large as the picture"
                    Expect.equal (Set.ofArray mask.Image.Pixels) (set [ 0.0f; 1.0f ]) "black and white"
                | Error problem -> failtest problem.Reason

                Expect.isOk (PictureStore.setMask (picture ()) (ImageEncoder.toPng (Image.constant 1 8 8 0.0f))) "an empty one"
                Expect.isNone (picture ()).Mask "removed"
                Expect.isError (PictureStore.setMask (picture ()) [| 1uy |]) "no picture")
        }
        test "the log of a training is read: steps, time left, curve, the other lines" {
            inTemporaryFolder (fun home ->
                let project = orFail (Project.create home "p")
                let version = DetectorVersion.create project "ada" "10m" 3 DateTimeOffset.UtcNow
                Expect.equal (DetectorVersion.progress version).Step 0 "nothing yet"

                File.WriteAllLines(
                    DetectorVersion.log version,
                    [
                        "features …"
                        "step 60/300  loss 0.5  24.1 images/s  00:01:10 left"
                        "step 300/300  loss 0.125  clean error 0.000705  synthetic AUROC 0.8619  15.1 images/s  00:00:00 left"
                        "scores by mse"
                    ]
                )

                let progress = DetectorVersion.progress version
                Expect.equal (progress.Step, progress.Steps, progress.Left) (300, 300, "00:00:00") "the last step"
                Expect.equal (progress.Curve |> List.map _.Loss) [ 0.5; 0.125 ] "losses"
                Expect.equal (progress.Curve |> List.map _.SyntheticAuroc) [ Nullable(); Nullable 0.8619 ] "AUROC"
                Expect.equal progress.Lines [ "features …"; "scores by mse" ] "the rest"
                Expect.equal (DetectorVersion.create project "ada" "10m" 3 DateTimeOffset.UtcNow).Number 2 "numbered on")
        }
    ]

let private trainerTests =
    let quiet name args = ProcessStartInfo(name, (args: string list), RedirectStandardOutput = true, RedirectStandardError = true)

    let project home =
        let project = orFail (Project.create home "p")
        PictureStore.add project Good "1.png" (partPng 1 false) |> orFail |> ignore
        project

    let status version = (DetectorVersion.read version).Value.Status

    [
        test "a training that a killed studio left behind is ended before it goes on; one that fails says why" {
            inTemporaryFolder (fun home ->
                let version = DetectorVersion.create (project home) "ada" "1m" 0 DateTimeOffset.UtcNow
                use orphan = nonNull (Process.Start(quiet "sleep" [ "1000" ]))
                let identity = $"{orphan.Id} {orphan.StartTime.ToUniversalTime():O}"

                DetectorVersion.set version (fun state -> { state with Status = DetectorVersion.statusName Training; Process = identity })

                let fails _ = quiet "sh" [ "-c"; "echo no disk >&2; exit 3" ]
                use _ = new Trainer(home, fails, terminate)
                Expect.isTrue (orphan.WaitForExit 10000) "ended"
                until 20.0 (fun () -> status version) (fun () -> status version = "failed")
                Expect.equal (DetectorVersion.read version).Value.Problem "no disk" "its last words")
        }
        test "one training after the other; those that wait and the one that runs can be stopped" {
            inTemporaryFolder (fun home ->
                let project = project home
                let make () = DetectorVersion.create project "ada" "1m" 0 DateTimeOffset.UtcNow
                use trainer = new Trainer(home, (fun _ -> quiet "sleep" [ "1000" ]), terminate)
                let first, second = make (), make ()
                trainer.Add first
                trainer.Add second
                until 20.0 (fun () -> status first) (fun () -> status first = "training")
                Expect.equal (status second) "waiting" "one at a time"
                trainer.Stop second
                Expect.equal (status second) "stopped" "taken out of the queue"
                trainer.Stop first
                until 20.0 (fun () -> status first) (fun () -> status first = "stopped")
                trainer.Resume second
                until 20.0 (fun () -> status second) (fun () -> status second = "training"))
        }
    ]

/// fae studio as a process.
let private studioAt (home: string) (work: Served -> unit) = servingBy [ "studio"; "--home"; home; "--port"; "0" ] work

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

                // The studio is ended in the middle of the first training.
                terminate served.Child
                Expect.isTrue (served.Child.WaitForExit 60000) "it ends"
                let lines = File.ReadAllText(Path.Combine(home, "projects", "rings", "versions", "001", "studio.log"))
                Expect.stringContains lines "stopped after step" "the training was stopped in order")

            studioAt home (fun served ->
                use http = client ()

                inBrowser (served.Url + "/studio#/rings") 1280 (fun page ->
                    task {
                        do! ready page 1
                        do! says page "#version-1" "image AUROC"
                        do! says page "#version-1" "more good pictures"
                        do! page.ClickAsync "#version-1 >> text=Publish"
                        do! says page "#published" "version 1 serves"
                        do! says page "#code" "Detector.Load"
                        do! ready page 2
                        do! says page "#version-2" "Beside version 1"
                        do! accessible page "studio, a project"
                        do! shot page "studio-Light-1280"
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
                Expect.isTrue (Set.isSubset (set [ "published"; "threshold"; "mark" ]) (Set.ofSeq audit)) "who did what is kept"
                let model = http.GetByteArrayAsync(served.Url + "/v1/projects/rings/versions/1/model.safetensors").Result
                Expect.equal model (File.ReadAllBytes(Path.Combine(home, "models", "rings.safetensors"))) "the served file"
                let graph = http.GetAsync(served.Url + "/v1/projects/rings/versions/1/model.onnx").Result
                Expect.equal (int graph.StatusCode) 200 "the graph"))
    }

let tests = testSequenced <| testList "Studio" (storeTests @ trainerTests @ [ refusals; wholeWay ])
