/// The studio's folders and trainings.
module Fae.Tests.StudioTests

open System
open System.Diagnostics
open System.IO
open Expecto
open Fae.Core
open Fae.Imaging
open Fae.Report
open Fae.Studio
open Fae.Tests.Helpers
open Fae.Tests.StudioParts

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
        test "what the newest training that compared them found unusual stands at good pictures" {
            inTemporaryFolder (fun home ->
                let project = orFail (Project.create home "p")
                let version () = DetectorVersion.create project "me" "1m" 0 DateTimeOffset.UnixEpoch

                let listing (entries: (string * float * (string | null)) list) =
                    OutlierReport.toJson
                        [| for path, distance, outlier in entries -> { Path = path; Distance = distance; Outlier = outlier } |]

                let write (version: DetectorVersion) (text: string) =
                    File.WriteAllText(Path.Combine(version.Folder, "outliers.json"), text)

                Expect.isEmpty (DetectorVersion.differing project) "no version yet"
                write (version ()) (listing [ Path.Combine("good", "old.png"), 2.0, OutlierReport.outside ])

                write
                    (version ())
                    (listing
                        [
                            Path.Combine("good", "a.png"), 3.0, OutlierReport.farOut
                            Path.Combine("..", "b.png"), 2.0, OutlierReport.outside
                            Path.Combine("good", "c.png"), 1.1, null
                        ])

                version () |> ignore
                Expect.equal (DetectorVersion.differing project) (Map.ofList [ "a.png", 3.0 ]) "the newest list, marked good ones"
                write (version ()) "{"
                Expect.equal (DetectorVersion.differing project) (Map.ofList [ "a.png", 3.0 ]) "half a file is passed over")
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
    let project home =
        let project = orFail (Project.create home "p")
        PictureStore.add project Good "1.png" (partPng 1 false) |> orFail |> ignore
        project

    let status version = (DetectorVersion.read version).Value.Status

    [
        test "a training that a killed studio left behind is ended before it goes on; one that fails says why" {
            inTemporaryFolder (fun home ->
                let version = DetectorVersion.create (project home) "ada" "1m" 0 DateTimeOffset.UtcNow
                use orphan = nonNull (Process.Start(Launcher.startInfo "cat" []))
                let identity = $"{orphan.Id} {orphan.StartTime.ToUniversalTime():O}"

                DetectorVersion.set version (fun state -> { state with Status = DetectorVersion.statusName Training; Process = identity })

                let fails _ = Launcher.startInfo "sh" [ "-c"; "echo no disk >&2; exit 3" ]
                use _ = new Trainer(home, fails, TimeSpan.FromSeconds 1.0)
                Expect.isTrue (orphan.WaitForExit 30000) "ended"
                until 40.0 (fun () -> status version) (fun () -> status version = "failed")
                Expect.equal (DetectorVersion.read version).Value.Problem "no disk" "its last words")
        }
        test "one training after the other; those that wait and the one that runs can be stopped" {
            inTemporaryFolder (fun home ->
                let project = project home
                let make () = DetectorVersion.create project "ada" "1m" 0 DateTimeOffset.UtcNow
                use trainer = new Trainer(home, (fun _ -> Launcher.startInfo "cat" []), Trainer.ExitTimeout)
                let first, second = make (), make ()
                trainer.Add first
                trainer.Add second
                until 40.0 (fun () -> status first) (fun () -> status first = "training")
                Expect.equal (status second) "waiting" "one at a time"
                trainer.Stop second
                Expect.equal (status second) "stopped" "taken out of the queue"
                trainer.Stop first
                until 40.0 (fun () -> status first) (fun () -> status first = "stopped")
                trainer.Resume second
                until 40.0 (fun () -> status second) (fun () -> status second = "training"))
        }
    ]

let tests = oneByOne "Studio" (storeTests @ trainerTests)
