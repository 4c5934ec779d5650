/// Memory banks get the held-out pictures once the thresholds are found; what tests a model on held-out pictures takes the banks of before.
module Fae.Tests.HeldOutBankTests

open System.IO
open System.Text.Json
open Expecto
open Fae.Detection
open Fae.Tests.Helpers

let private patchCore = Path.Combine(repository, "configs", "methods", "patchcore.toml")

/// Good and bad parts in good/ and bad/ of a folder, and the run of a bank that is large enough for all patches.
let private trained folder =
    let data, run = Path.Combine(folder, "data"), Path.Combine(folder, "run")

    for number in 0..19 do
        writePng data $"good/{number:D3}.png" (part 96 number) |> ignore

    for number in 0..4 do
        writePng data $"bad/{number:D3}.png" (fst (blotted 96 (200 + number))) |> ignore

    let settings =
        [ "image.size=96"; "network.bank_size=5000"; "train.groups=\"none\"" ]
        |> List.collect (fun one -> [ "--set"; one ])

    let result = fae ([ "train"; "--config"; patchCore; "--data"; data; "--out"; run ] @ settings)
    Expect.equal result.Code 0 result.Error
    data, run

let private card (path: string) =
    let struct (card, _) = ModelFile.Read path
    card

let tests =
    oneByOne
        "Held-out pictures in memory banks"
        [
            test "the model knows all good pictures; they are tested by the model that does not" {
                inTemporaryFolder (fun folder ->
                    let data, run = trained folder
                    let model = ModelFile.PathOf run
                    let whole, before = card model, card (Path.Combine(run, ModelFile.WithoutHeldOut))
                    Expect.isNonEmpty whole.HeldOut "held out"
                    Expect.isTrue whole.KnowsHeldOut "in the bank"
                    Expect.isFalse before.KnowsHeldOut "not in the bank of before"
                    Expect.equal (Seq.length whole.TrainedOn) 20 "all are in the bank"
                    Expect.equal (Seq.length before.TrainedOn + Seq.length before.HeldOut) 20 "and were split before"
                    Expect.equal (List.ofSeq whole.Calibration.HeldOut) (List.ofSeq before.Calibration.HeldOut) "the same thresholds"

                    // In a bank of all patches a known picture has no distance; a held-out one had some when it was scored.
                    let picture = Path.Combine(data, Seq.head whole.HeldOut)
                    let found = Path.Combine(folder, "found.json")
                    let inspected = fae [ "inspect"; picture; "--model"; run; "--json"; found ]
                    Expect.equal inspected.Code 0 inspected.Error
                    let json = Path.Combine(folder, "eval.json")
                    let evaluate more = fae ([ "eval"; "--model"; run; "--data"; data; "--json"; json ] @ more)
                    let evaluated = evaluate []
                    Expect.equal evaluated.Code 0 evaluated.Error
                    Expect.stringContains evaluated.Error "held-out.safetensors" "it says which model that is"
                    use text = JsonDocument.Parse(File.ReadAllText json)

                    let good =
                        [
                            for one in text.RootElement.GetProperty("pictures").EnumerateArray() do
                                if one.GetProperty("defect").GetString() = "good" then
                                    one.GetProperty("score").GetSingle()
                        ]

                    Expect.equal good.Length (Seq.length whole.HeldOut) "the held-out pictures test"
                    Expect.equal (List.sort good) (List.sort (List.ofSeq whole.Calibration.HeldOut)) "with the scores of the calibration"
                    use known = JsonDocument.Parse(File.ReadAllText found)
                    let score = (Seq.head (known.RootElement.EnumerateArray())).GetProperty("score").GetSingle()
                    Expect.isLessThan score (0.2f * List.min good) "the model itself knows them"

                    let rescored = evaluate [ "--set"; "score.filter_size=5" ]
                    Expect.equal rescored.Code 0 rescored.Error
                    Expect.stringContains rescored.Error "held-out.safetensors" "other scoring is fitted without them too"

                    File.Delete(Path.Combine(run, ModelFile.WithoutHeldOut))
                    let missing = evaluate []
                    Expect.equal missing.Code 4 missing.Error
                    Expect.stringContains missing.Error "held-out.safetensors: cannot be used as a model: it is missing" "one line"
                    let extended = fae [ "train"; "--extend"; run; "--data"; data; "--out"; Path.Combine(folder, "longer") ]
                    Expect.equal extended.Code 4 extended.Error)
            }

            test "held-out pictures in test/ are said to be known" {
                inTemporaryFolder (fun folder ->
                    let data, run = trained folder
                    let other = Path.Combine(folder, "other")
                    let name = Seq.head (card (ModelFile.PathOf run)).HeldOut
                    writePng other "test/good/a.png" (part 96 77) |> ignore
                    File.Copy(Path.Combine(data, name), Path.Combine(other, "test", "good", "b.png"))
                    writePng other "test/bad/c.png" (fst (blotted 96 300)) |> ignore
                    let evaluated = fae [ "eval"; "--model"; run; "--data"; other ]
                    Expect.equal evaluated.Code 0 evaluated.Error
                    Expect.stringContains evaluated.Error "b.png" "which one it is")
            }
        ]
