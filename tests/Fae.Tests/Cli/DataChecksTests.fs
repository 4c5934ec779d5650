/// What is no error and must not go unsaid.
module Fae.Tests.DataChecksTests

open System.IO
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Tests.Helpers
open Fae.Tests.Serving

let private train data out =
    fae (
        training
            data
            out
            [
                "train.steps=200"
                "image.size=64"
                "network.width=16"
                "train.validate_every=200"
                "score.views=1"
                "train.held_out=0.4"
            ]
    )

let private coloured number =
    let grey = part 64 number
    Image.init 3 64 64 (fun c y x -> if c = 0 then 0.9f else grey[0, y, x])

let tests =
    oneByOne
        "Wrong use"
        [
            test "warns of bad parts among the good, copied pictures and another camera, and of nothing else" {
                inTemporaryFolder (fun folder ->
                    let clean, dirty = Path.Combine(folder, "clean"), Path.Combine(folder, "dirty")

                    for data in [ clean; dirty ] do
                        for number in 0..39 do
                            writePng data $"train/good/{number:D3}.png" (part 64 number) |> ignore

                        for number in 100..129 do
                            writePng data $"test/good/{number:D3}.png" (part 64 number) |> ignore

                        for number in 200..204 do
                            writePng data $"test/blot/{number:D3}.png" (fst (blotted 64 number)) |> ignore

                    // Two bad parts, one test picture, and a third of the good ones twice: some copy is held out.
                    for number in 0..1 do
                        writePng dirty $"train/good/bad-{number}.png" (fst (blotted 64 (300 + number))) |> ignore

                    File.Copy(Path.Combine(dirty, "test", "good", "100.png"), Path.Combine(dirty, "train", "good", "copy.png"))

                    for number in 0..13 do
                        File.Copy(
                            Path.Combine(dirty, "train", "good", $"{number:D3}.png"),
                            Path.Combine(dirty, "train", "good", $"again-{number:D3}.png")
                        )

                    let well = train clean (Path.Combine(folder, "well"))
                    Expect.equal well.Code 0 well.Error

                    Expect.isFalse
                        (well.Error.Contains "unlike the others"
                         || well.Error.Contains "the same pixels"
                         || well.Error.Contains "twice")
                        well.Error

                    let ill = train dirty (Path.Combine(folder, "ill"))
                    Expect.equal ill.Code 0 ill.Error
                    Expect.stringContains ill.Error "2 of 51 good pictures differ from the others" "bad parts"
                    Expect.stringContains ill.Error "bad-0.png" "by name"
                    Expect.stringContains ill.Error "bad-1.png" "both"
                    Expect.stringContains ill.Error "1 test picture(s) were trained on" "a copy"
                    Expect.stringContains ill.Error "good pictures seem to show" "copies are of one part"

                    let model = Path.Combine(folder, "ill")
                    let measured = fae [ "eval"; "--model"; model; "--data"; dirty ]
                    Expect.equal measured.Code 0 measured.Error
                    Expect.stringContains measured.Error "1 test picture(s) were trained on" "said again where it counts"

                    let model = Path.Combine(folder, "well")
                    let honest = fae [ "eval"; "--model"; model; "--data"; clean ]
                    Expect.equal (honest.Code, honest.Error.Contains "warning: 1 test") (0, false) honest.Error

                    let same = fae [ "inspect"; "--model"; model; Path.Combine(clean, "test", "good") ]
                    Expect.equal (same.Code, same.Error.Contains "the camera or the light") (0, false) same.Error
                    let lens = Path.Combine(folder, "lens")

                    // A lens of twice the magnification moves the scores under every measure; brighter light moves only some.
                    for number in 100..129 do
                        let near = part 64 number
                        writePng lens $"{number}.png" (Image.init 1 64 64 (fun _ y x -> near[0, y / 2, x / 2])) |> ignore

                    let other = fae [ "inspect"; "--model"; model; lens ]
                    Expect.equal other.Code 0 other.Error
                    Expect.stringContains other.Error "the camera or the light has changed" other.Error

                    let watched more = fae ([ "watch"; "--model"; model; "--once"; "--settle"; "0" ] @ more)

                    let all = watched [ lens; "--out"; Path.Combine(folder, "out") ]
                    Expect.equal all.Code 0 all.Error
                    Expect.stringContains all.Error "the camera or the light has changed" all.Error
                    let calm = watched [ Path.Combine(clean, "test", "good"); "--out"; Path.Combine(folder, "out-2") ]
                    Expect.equal (calm.Code, calm.Error.Contains "the camera or the light") (0, false) calm.Error
                    let red = writePng folder "red/part.png" (coloured 3)
                    let seen = fae [ "inspect"; "--model"; model; red ]
                    Expect.stringContains seen.Error "it does not see colours" seen.Error
                    let seen = watched [ Path.Combine(folder, "red"); "--out"; Path.Combine(folder, "out-3") ]
                    Expect.stringContains seen.Error "it does not see colours" seen.Error

                    serving model [] (fun served ->
                        use http = client ()
                        let said () = lock served.Said served.Said.ToString
                        let inspect (path: string) = status (post http (served.Url + "/v1/inspect") (File.ReadAllBytes path))
                        Expect.equal (inspect red) 200 "inspected"
                        until 30.0 said (fun () -> (said ()).Contains "it does not see colours")

                        for path in Directory.GetFiles lens do
                            Expect.equal (inspect path) 200 path

                        until 30.0 said (fun () -> (said ()).Contains "the camera or the light has changed")))
            }

            test "pictures are known by what they show: in another folder, under another name, in another file" {
                inTemporaryFolder (fun folder ->
                    let parts, run = Path.Combine(folder, "parts"), Path.Combine(folder, "run")

                    for number in 0..23 do
                        writePng parts $"good/{number:D3}.png" (part 64 number) |> ignore

                    for number in 0..5 do
                        writePng parts $"bad/{number}.png" (fst (blotted 64 (100 + number))) |> ignore

                    let settings = [ "train.steps=20"; "image.size=64"; "network.width=8"; "train.held_out=0.25" ]
                    let trained = fae (training (Path.Combine(parts, "good")) run settings)
                    Expect.equal trained.Code 0 trained.Error

                    // Trained on parts/good, evaluated on parts: the pictures that were held out are left.
                    let measured = fae [ "eval"; "--model"; run; "--data"; parts; "--json"; "-" ]
                    Expect.equal measured.Code 0 measured.Error
                    Expect.stringContains measured.Error "18 good pictures were trained on and are left out" "said"
                    use json = System.Text.Json.JsonDocument.Parse measured.Output
                    Expect.equal (json.RootElement.GetProperty("images").GetInt32()) 12 "six held out, six bad"

                    // One of them as a TIFF of another name among the test pictures of another set.
                    let other = Path.Combine(folder, "other")
                    let struct (card, _) = ModelFile.Read(ModelFile.PathOf run)
                    Directory.CreateDirectory(Path.Combine(other, "test", "good")) |> ignore

                    use known = NetVips.Image.NewFromFile(Path.Combine(parts, "good", card.TrainedOn[0]))
                    known.WriteToFile(Path.Combine(other, "test", "good", "copy.tif"))
                    writePng other "test/good/new.png" (part 64 200) |> ignore
                    writePng other "test/dent/0.png" (fst (blotted 64 201)) |> ignore
                    let warned = fae [ "eval"; "--model"; run; "--data"; other ]
                    Expect.equal warned.Code 0 warned.Error
                    Expect.stringContains warned.Error "1 test picture(s) were trained on" "a copy in another format"
                    Expect.stringContains warned.Error "copy.tif" "which"

                    // Another product whose pictures have the same names: no thresholds are fitted on them.
                    let product = Path.Combine(folder, "product")

                    for name in card.HeldOut do
                        writePng product name (Image.constant 1 64 64 0.3f) |> ignore

                    writePng product "test/good/0.png" (part 64 300) |> ignore
                    writePng product "test/dent/0.png" (fst (blotted 64 301)) |> ignore
                    let refused = fae [ "eval"; "--model"; run; "--data"; product; "--set"; "score.measure=mse" ]
                    Expect.equal refused.Code 2 refused.Error
                    Expect.stringContains refused.Error "is not the picture of that name" "why")
            }
        ]
