/// The inspect page in a real browser.
module Fae.Tests.BrowserTests

open System
open System.IO
open Expecto
open Fae.Tests.Browser
open Fae.Tests.Helpers
open Fae.Tests.Serving
open Microsoft.Playwright

/// Drops pictures as a person would from the desktop.
let private drop (page: IPage) (files: (byte[] * string) list) =
    task {
        let! _ =
            page.EvaluateAsync(
                "files => { \
                   const transfer = new DataTransfer(); \
                   for (const [data, name] of files) { \
                     const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0)); \
                     transfer.items.add(new File([bytes], name, { type: 'image/png' })) } \
                   const options = { dataTransfer: transfer, bubbles: true, cancelable: true }; \
                   document.getElementById('drop').dispatchEvent(new DragEvent('drop', options)) }",
                [| for bytes, name in files -> [| Convert.ToBase64String bytes; name |] |]
            )

        ()
    }

/// What the page takes from a dropped folder: entries as a browser hands them out, a folder's in parts.
let private dropsFolder =
    test "a dropped folder: all files in it, in the order in which people count; hidden ones are left out" {
        needsBrowser ()

        inTemporaryFolder (fun folder ->
            serving (brightnessModel folder) [] (fun served ->
                inBrowser served.Url 1100 (fun page ->
                    task {
                        let! names =
                            page.EvaluateAsync<string[]>(
                                "async () => { \
                                   const { droppedFiles } = await import('./web/files.js'); \
                                   const file = name => ({ isFile: true, name, file: done => done(new File([], name)) }); \
                                   const folder = (name, ...inside) => ({ isFile: false, name, createReader: () => { \
                                     const left = [...inside]; \
                                     return { readEntries: done => done(left.splice(0, 2)) } } }); \
                                   const inner = folder('b', file('part 2.png'), file('Thumbs.db'), file('.hidden')); \
                                   const entry = folder('a', file('part 10.png'), inner, folder('empty'), file('part 1.png')); \
                                   const item = { webkitGetAsEntry: () => entry, getAsFile: () => null }; \
                                   const loose = { webkitGetAsEntry: () => null, getAsFile: () => new File([], 'a 3.png') }; \
                                   return (await droppedFiles({ items: [item, loose] })).map(f => f.name) }"
                            )

                        Expect.equal names [| "a 3.png"; "part 1.png"; "part 2.png"; "part 10.png" |] "files"
                    })))
    }

let private opaquePixels (page: IPage) (canvas: string) =
    page.EvaluateAsync<int>(
        "id => { const c = document.getElementById(id); \
          const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; \
          let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i] > 200) n++; return n }",
        canvas
    )

let private keepsWhatPeopleSay =
    test "drop pictures, see the verdicts, mark one wrong, reload: the mark is kept" {
        needsBrowser ()

        inTemporaryFolder (fun folder ->
            let model = brightnessModel folder

            serving model [ "--history"; Path.Combine(folder, "history.db") ] (fun served ->
                inBrowser served.Url 1100 (fun page ->
                    task {
                        do! drop page [ lightPicture 1, "bright.png" ]
                        do! says page "#verdict" "good"
                        let! hot = opaquePixels page "heat"
                        Expect.equal hot 0 "the heatmap is clear below the threshold"
                        do! drop page [ lightPicture 4, "another.png"; lightPicture 0, "dark.png" ]
                        do! says page "#verdict" "anomalous"
                        do! says page "#detail" "dark.png: score"
                        do! says page "#numbers" "3 inspected"
                        do! says page "#files" "another.png"
                        // The outline follows the mask: all of a dark picture is anomalous, so its border is drawn.
                        let! drawn = opaquePixels page "outline"
                        Expect.isGreaterThan drawn 50 "an outline"
                        let! hot = opaquePixels page "heat"
                        Expect.isGreaterThan hot 500 "a heatmap above the threshold"
                        do! says page "#legend" "threshold"
                        let! _ = page.SelectOptionAsync("#shown", "reconstruction")
                        let! source = page.GetAttributeAsync("#base", "src")
                        Expect.stringStarts (string source) "data:image/jpeg" "the reconstruction"
                        let! _ = page.EvalOnSelectorAsync("#opacity", "e => { e.value = 0; e.dispatchEvent(new Event('input')) }")
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
                        // Zoomed and back by keys.
                        do! page.FocusAsync "#frame"
                        do! page.Keyboard.PressAsync "+"
                        do! says page "#zoomed" "150%"
                        do! page.Keyboard.PressAsync "0"
                        do! says page "#zoomed" "100%"
                        // The list's filters.
                        let! _ = page.SelectOptionAsync("#marked", "wrong")
                        do! says page "#matching" "1 of 3"
                        let! link = page.GetAttributeAsync("#export", "href")
                        Expect.stringContains (string link) "mark=wrong" "the export has the same filter"
                    })))
    }

let private appliesThreshold =
    test "a threshold is tried on the history, set, kept over a restart, and who did it" {
        needsBrowser ()

        inTemporaryFolder (fun folder ->
            let model = brightnessModel folder
            let history = [ "--history"; Path.Combine(folder, "history.db") ]

            serving model history (fun served ->
                inBrowser served.Url 1100 (fun page ->
                    task {
                        do! drop page [ lightPicture 1, "bright.png"; lightPicture 0, "dark.png" ]
                        do! says page "#change" "Of the latest 2 inspections"
                        do! page.FocusAsync "#threshold"
                        do! page.Keyboard.PressAsync "End"
                        do! says page "#change" "2 would be anomalous"
                        do! page.ClickAsync "#apply"
                        do! says page "#applied" "in force"
                        do! says page "#change" "2 would be anomalous (now 2)"
                        do! drop page [ lightPicture 4, "bright again.png" ]
                        do! says page "#detail" "bright again.png"
                        do! says page "#verdict" "anomalous"
                        do! page.ClickAsync "#audit summary"
                        do! says page "#changes" "anybody: model"
                    }))

            serving model history (fun served ->
                use http = client ()
                let models = json (http.GetAsync(served.Url + "/v1/models").Result)
                let rate = float (textOf (nonNull (models.AsArray().[0])) "false_alarm")
                Expect.floatClose Accuracy.medium rate (10.0 / 11.0) "after a restart too"))
    }

let private accessibleAtAnyWidth =
    test "at 1280 and 400 pixels, light and dark: accessible, nothing cut off, every control by keyboard" {
        needsBrowser ()

        inTemporaryFolder (fun folder ->
            let model = brightnessModel folder
            let picture = Path.Combine(folder, "dark.png")

            serving model [ "--history"; Path.Combine(folder, "history.db") ] (fun served ->
                for scheme in [ ColorScheme.Light; ColorScheme.Dark ] do
                    for width in [ 1280; 400 ] do
                        inBrowserAs scheme served.Url width (fun page ->
                            task {
                                File.WriteAllBytes(picture, lightPicture 0)
                                do! page.SetInputFilesAsync("#file", picture)
                                do! says page "#verdict" "anomalous"
                                do! says page "#history" "dark.png"
                                do! accessible page $"inspect, {scheme}, {width}"
                                do! shot page $"inspect-{scheme}-{width}"
                                let reached = Collections.Generic.HashSet<string>()

                                for _ in 1..40 do
                                    do! page.Keyboard.PressAsync "Tab"
                                    let! id = page.EvaluateAsync<string> "() => document.activeElement.id"
                                    reached.Add(string id) |> ignore

                                for id in
                                    [ "file"; "model"; "frame"; "zoomin"; "shown"; "opacity"; "marks"; "threshold"; "since"; "export" ] do
                                    Expect.isTrue (reached.Contains id) $"the keyboard reaches {id}"

                                File.WriteAllText(picture, "no picture")
                                do! page.SetInputFilesAsync("#file", picture)
                                do! says page "#verdict" "cannot be read"
                            }))

            serving model [] (fun served -> inBrowser served.Url 400 (fun page -> says page "#nohistory" "--history FILE")))
    }

let private usesCamera =
    test "a camera of the browser is inspected until it is switched off" {
        needsBrowser ()

        inTemporaryFolder (fun folder ->
            serving (brightnessModel folder) [] (fun served ->
                inBrowser served.Url 1280 (fun page ->
                    task {
                        do! says page "#model" "model"
                        do! page.ClickAsync "#camera"
                        do! says page "#detail" "camera 2"
                        do! says page "#numbers" "3 inspected"
                        do! page.ClickAsync "#camera"
                        let! pressed = page.GetAttributeAsync("#camera", "aria-pressed")
                        Expect.equal pressed "false" "off"
                        let! isVisible = page.IsVisibleAsync "#video"
                        Expect.isFalse isVisible "no picture of it"
                    })))
    }

let tests = oneByOne "Page" [ usesCamera; keepsWhatPeopleSay; dropsFolder; appliesThreshold; accessibleAtAnyWidth ]
