/// fae watch as a process: nothing twice, nothing missed, whatever ends it.
module Fae.Tests.WatchTests

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes
open System.Threading
open Expecto
open Fae.Data
open Fae.Tests.Helpers
open Fae.Tests.MqttBroker

let watch (model: string) (folder: string) (out: string) more =
    let args = [ faeAssembly; "watch"; folder; "--model"; model; "--out"; out; "--settle"; "0.3" ] @ more

    match Process.Start(ProcessStartInfo("dotnet", args, RedirectStandardError = true, RedirectStandardOutput = true)) with
    | null -> failtest "fae did not start"
    | child ->
        child.ErrorDataReceived.Add ignore
        child.BeginErrorReadLine()
        child.BeginOutputReadLine()
        child

let journal out =
    let path = Path.Combine(out, "inspections.jsonl")

    if File.Exists path then
        use stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
        use reader = new StreamReader(stream)
        let text = reader.ReadToEnd()

        [
            for line in text.Substring(0, 1 + text.LastIndexOf '\n').Split('\n', StringSplitOptions.RemoveEmptyEntries) do
                match JsonNode.Parse line with
                | null -> failtest "an empty line"
                | json -> json
        ]
    else
        []

let stop (child: Process) =
    terminate child
    Expect.isTrue (child.WaitForExit 30000) "it ends when it is asked to"
    Expect.equal child.ExitCode 0 "in order"

let tests =
    oneByOne
        "Watch"
        [
            test "waits for files being written; reports what is no picture; a new file under an old name is new" {
                inTemporaryFolder (fun folder ->
                    let model, into, out = brightnessModel folder, Path.Combine(folder, "in"), Path.Combine(folder, "out")
                    Directory.CreateDirectory into |> ignore
                    use child = watch model into out []
                    let slow = Path.Combine(into, "slow.png")
                    let bytes = lightPicture 1

                    use stream = new FileStream(slow, FileMode.Create)

                    for part in Array.chunkBySize (bytes.Length / 5) bytes do
                        stream.Write part
                        stream.Flush true
                        Thread.Sleep 250

                    Expect.isEmpty (journal out) "not before it is whole"
                    stream.Dispose()
                    until 30.0 (fun () -> "the slow one") (fun () -> (journal out).Length = 1)

                    Directory.CreateDirectory(Path.Combine(into, "line 2")) |> ignore
                    File.WriteAllBytes(Path.Combine(into, "line 2", "ünd \"so\".png"), lightPicture 3)
                    until 30.0 (fun () -> "in a folder, with a strange name") (fun () -> (journal out).Length = 2)
                    File.WriteAllBytes(slow, lightPicture 6)
                    until 30.0 (fun () -> "again, for it has changed") (fun () -> (journal out).Length = 3)
                    File.WriteAllText(Path.Combine(into, "broken.png"), "no picture")
                    until 40.0 (fun () -> "the broken one") (fun () -> (journal out).Length = 4)
                    stop child

                    match journal out with
                    | [ first; second; third; broken ] ->
                        Expect.equal (textOf first "path") "slow.png" "name"
                        Expect.equal (textOf first "anomalous") "false" "bright"
                        Expect.equal (textOf second "anomalous") "true" "dark"
                        Expect.equal (textOf third "path", textOf third "anomalous") ("slow.png", "true") "the new content"
                        Expect.isTrue (File.Exists(Path.Combine(out, textOf first "heatmap"))) "its heatmap"
                        Expect.isNonEmpty (textOf broken "problem") "why"
                        Expect.isNull broken["score"] "no verdict on what could not be read"
                    | other -> failtest $"{other.Length} lines")
            }

            test "killed repeatedly, it inspects each file once and moves it to the folder of its verdict" {
                inTemporaryFolder (fun folder ->
                    let model, into, out = brightnessModel folder, Path.Combine(folder, "in"), Path.Combine(folder, "out")
                    Directory.CreateDirectory into |> ignore
                    let count = 120
                    let name i = $"part {i:D3}.png"

                    let feeding =
                        Tasks.Task.Run(fun () ->
                            for i in 0 .. count - 1 do
                                let hidden = Path.Combine(into, "." + name i)
                                File.WriteAllBytes(hidden, lightPicture i)
                                File.Move(hidden, Path.Combine(into, name i))
                                Thread.Sleep 40)

                    // Ended at whatever point it has reached, without a word.
                    for round in 0..3 do
                        use child = watch model into out [ "--move" ]
                        let before = (journal out).Length
                        until 60.0 (fun () -> "some progress") (fun () -> (journal out).Length >= min count (before + 5 + 3 * round))
                        child.Kill()
                        child.WaitForExit()

                    feeding.Wait()
                    // A line that the machine's end cut off.
                    File.AppendAllText(Path.Combine(out, "inspections.jsonl"), "{\"path\":\"part 0")
                    use last = watch model into out [ "--move"; "--once" ]
                    Expect.isTrue (last.WaitForExit 120000) "it ends when nothing is left"
                    Expect.equal last.ExitCode 0 "in order"
                    let lines = journal out

                    Expect.equal
                        (lines |> List.map (fun line -> textOf line "path") |> List.sort)
                        [ for i in 0 .. count - 1 -> name i ]
                        "each once"

                    Expect.isEmpty (Directory.GetFiles into) "none left"

                    for line in lines do
                        let sort = if textOf line "anomalous" = "true" then "anomalous" else "good"

                        Expect.equal (textOf line "moved_to") (Path.Combine(sort, textOf line "path")) "sorted"
                        Expect.isTrue (File.Exists(Path.Combine(out, textOf line "moved_to"))) "and there"
                        Expect.isTrue (File.Exists(Path.Combine(out, textOf line "heatmap"))) "with its heatmap"

                    Expect.equal (Directory.GetFiles(Path.Combine(out, "anomalous")).Length) ((count + 2) / 3) "every third is dark")
            }

            test "an MQTT broker that starts late and restarts gets every line" {
                inTemporaryFolder (fun folder ->
                    let model, into, out = brightnessModel folder, Path.Combine(folder, "in"), Path.Combine(folder, "out")
                    Directory.CreateDirectory into |> ignore

                    let port = freePort ()
                    let received = ConcurrentQueue()
                    let withBroker = runBroker (plainAt port) (fun _ _ -> true) 0 received

                    let put from until' =
                        for i in from .. until' - 1 do
                            File.WriteAllBytes(Path.Combine(into, $"{i:D2}.png"), lightPicture i)

                    let names () =
                        linesOf "line/4" received
                        |> Seq.map (fun line -> textOf (Option.get (Option.ofObj (JsonNode.Parse line))) "path")
                        |> Seq.distinct
                        |> Seq.sort
                        |> List.ofSeq

                    use child = watch model into out [ "--mqtt"; $"127.0.0.1:{port}/line/4" ]
                    put 0 5
                    until 30.0 (fun () -> "inspected without a broker") (fun () -> (journal out).Length = 5)
                    withBroker (fun () -> until 30.0 (fun () -> "told when it came") (fun () -> (names ()).Length = 5))
                    put 5 10
                    until 30.0 (fun () -> "inspected while it is away") (fun () -> (journal out).Length = 10)

                    withBroker (fun () ->
                        until 30.0 (fun () -> "told when it came back") (fun () -> (names ()).Length = 10)
                        // In order, and the lines of the journal.
                        Expect.equal
                            (List.distinct (linesOf "line/4" received))
                            (journal out |> List.map _.ToJsonString())
                            "the same lines"

                        stop child))
            }

            test "of many files all get their turn, each once before any again; of a few, every one in every round" {
                let rounds most count =
                    let turns = Turns most

                    [
                        for _ in 1..6 do
                            let looked = List.init count id |> List.filter (fun _ -> turns.Next())
                            turns.EndRound()
                            looked
                    ]

                Expect.equal (rounds 3 7) [ [ 0; 1; 2 ]; [ 3; 4; 5 ]; [ 6 ]; [ 0; 1; 2 ]; [ 3; 4; 5 ]; [ 6 ] ] "in turns"
                Expect.equal (rounds 3 6) [ [ 0; 1; 2 ]; [ 3; 4; 5 ]; [ 0; 1; 2 ]; [ 3; 4; 5 ]; [ 0; 1; 2 ]; [ 3; 4; 5 ] ] "no empty round"
                Expect.equal (rounds 3 3) (List.replicate 6 [ 0; 1; 2 ]) "as many as there are"
                Expect.equal (rounds System.Int32.MaxValue 2) (List.replicate 6 [ 0; 1 ]) "all"
            }

            test "wrong arguments" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    let into = Path.Combine(folder, "in")
                    Directory.CreateDirectory into |> ignore

                    let code out more =
                        use child = watch model into out (more @ [ "--once" ])
                        Expect.isTrue (child.WaitForExit 60000) "it ends"
                        child.ExitCode

                    Expect.equal (code into []) 2 "into itself"
                    Expect.equal (code (Path.Combine(folder, "out")) [ "--mqtt"; "nowhere" ]) 2 "no topic"
                    File.WriteAllText(Path.Combine(folder, "inspections.jsonl"), "something else\n")
                    Expect.equal (code folder []) 2 "somebody else's file is not written to"
                    Expect.equal (File.ReadAllText(Path.Combine(folder, "inspections.jsonl"))) "something else\n" "and kept")
            }
        ]
