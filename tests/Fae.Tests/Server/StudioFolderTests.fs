/// A folder as the source of a project's pictures, in the studio.
module Fae.Tests.StudioFolderTests

open System.IO
open System.Net.Http
open System.Text
open System.Threading
open Expecto
open Fae.Studio
open Fae.Tests.Browser
open Fae.Tests.Helpers
open Fae.Tests.Serving
open Fae.Tests.StudioPageTests

/// Pictures that were inspected, by the history.
let private inspected (http: HttpClient) (served: Served) =
    let answer = http.GetAsync(served.Url + "/v1/history").Result
    textOf (json answer) "count"

let private waitFor (count: int) http served =
    until 30.0 (fun () -> $"{inspected http served} pictures inspected, not {count}:\n{served.Said}") (fun () ->
        inspected http served = string count)

/// A studio's home with one project and its published model.
let private homeIn folder =
    let home = Path.Combine(folder, "home")

    match Project.create home "rings" with
    | Error reason -> failtest reason
    | Ok project ->
        let model = Publishing.model home project
        Directory.CreateDirectory(string (Path.GetDirectoryName model)) |> ignore
        File.Copy(brightnessModel folder, model)
        home

let private refusals =
    test "a folder that is not there, or holds the studio itself, is refused in words" {
        inTemporaryFolder (fun folder ->
            let home = homeIn folder

            studioAt home (fun served ->
                use http = client ()

                let watch (path: string) =
                    let body = new StringContent($"{{\"folder\": \"{path}\"}}", Encoding.UTF8, "application/json")
                    http.PostAsync(served.Url + "/v1/projects/rings/watch", body).Result

                for path, words in
                    [
                        "in", "the whole path"
                        "", "the whole path"
                        Path.Combine(folder, "none"), "no such folder"
                        home, "of the studio itself"
                        folder, "of the studio itself"
                        Path.Combine(home, "projects"), "of the studio itself"
                    ] do
                    let answer = watch path
                    Expect.equal (int answer.StatusCode) 400 path
                    Expect.stringContains (textOf (json answer) "error") words path))
    }

let private follows =
    test "what comes into the folder is inspected once, shown live, also after a restart, until watching is stopped" {
        needsBrowser ()

        inTemporaryFolder (fun folder ->
            let home = homeIn folder
            let source = Path.Combine(folder, "in")
            Directory.CreateDirectory source |> ignore
            let comes (number: int) = File.WriteAllBytes(Path.Combine(source, $"{number}.png"), lightPicture number)
            use http = client ()
            comes 1

            studioAt home (fun served ->
                inBrowser (served.Url + "/studio#/rings") 1280 (fun page ->
                    task {
                        do! says page "#watched" "no folder is watched"
                        do! page.FillAsync("#folder", "nowhere")
                        do! page.ClickAsync "#watch button"
                        do! says page "#problem" "the whole path"
                        do! page.FillAsync("#folder", source)
                        do! page.ClickAsync "#watch button"
                        do! says page "#watched" $"{source} is watched"
                        waitFor 1 http served
                        comes 3
                        waitFor 2 http served
                        do! page.ClickAsync "nav a[href=live]"
                        do! says page "#word" "anomalous"
                    }))

            comes 2

            studioAt home (fun served ->
                waitFor 3 http served

                inBrowser (served.Url + "/studio#/rings") 1280 (fun page ->
                    task {
                        do! page.ClickAsync "#unwatch"
                        do! says page "#watched" "no folder is watched"
                    })

                comes 5
                Thread.Sleep 2000
                Expect.equal (inspected http served) "3" "nothing more"
                let audit = (json (http.GetAsync(served.Url + "/v1/audit").Result)).AsArray()
                Expect.equal [ for entry in audit -> textOf (nonNull entry) "action" ] [ "folder"; "folder" ] "who did it is kept"
                Expect.equal (Directory.GetFiles source).Length 4 "the files stay where they are"))
    }

let tests = oneByOne "Studio's folder" [ refusals; follows ]
