/// fae watch beside other programs: what they do to its files and folders.
module Fae.Tests.WatchTroubleTests

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open Expecto
open Fae.Tests.Helpers
open Fae.Tests.WatchTests
open Fae.Tests.MqttBroker

/// A watch whose messages are kept, without the rights of root over files.
let watchHeard model (folder: string) (out: string) more =
    let messages = ConcurrentQueue<string>()
    let command = [ "dotnet"; faeAssembly; "watch"; folder; "--model"; model; "--out"; out; "--settle"; "0.3" ] @ more

    let command =
        if Environment.UserName = "root" then
            "setpriv" :: "--bounding-set=-dac_override,-dac_read_search" :: command
        else
            command

    match Process.Start(ProcessStartInfo(command.Head, command.Tail, RedirectStandardError = true, RedirectStandardOutput = true)) with
    | null -> failtest "fae did not start"
    | child ->
        child.ErrorDataReceived.Add(fun line ->
            match line.Data with
            | NonNull text -> messages.Enqueue text
            | Null -> ())

        child.BeginErrorReadLine()
        child.BeginOutputReadLine()
        child, messages

let said (messages: ConcurrentQueue<string>) (part: string) = messages |> Seq.filter _.Contains(part) |> Seq.length

let folders folder =
    let into, out = Path.Combine(folder, "in"), Path.Combine(folder, "out")
    Directory.CreateDirectory into |> ignore
    into, out

let put into (name: string) number =
    let hidden = Path.Combine(into, "." + name)
    File.WriteAllBytes(hidden, lightPicture number)
    File.Move(hidden, Path.Combine(into, name), true)

let inspected out count = until 40.0 (fun () -> $"{count} lines, not {(journal out).Length}") (fun () -> (journal out).Length = count)

let private journalTests =
    [
        test "logrotate renames the journal, or copies it and cuts it off: nothing is inspected twice, now and after a restart" {
            inTemporaryFolder (fun folder ->
                let model, (into, out) = brightnessModel folder, folders folder
                let path = Path.Combine(out, "inspections.jsonl")

                let running work =
                    let child, messages = watchHeard model into out []
                    use child = child
                    work ()
                    stop child
                    messages

                running (fun () ->
                    put into "a.png" 1
                    inspected out 1
                    File.Move(path, path + ".1")
                    put into "b.png" 2
                    inspected out 1
                    Expect.equal (textOf (journal out).Head "path") "b.png" "in a new file"
                    // copytruncate
                    File.Copy(path, path + "-20261127")
                    use cut = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)
                    cut.SetLength 0L
                    put into "c.png" 4
                    inspected out 1)
                |> ignore

                Expect.equal (textOf (journal out).Head "path") "c.png" "from the start of the file"
                // Zeros, as a program leaves them that does not look where the file ends, and a line of somebody else.
                File.WriteAllText(path, "\000\000\000" + File.ReadAllText path + "rotated\n")

                let messages =
                    running (fun () ->
                        put into "d.png" 5
                        until 40.0 (fun () -> "the new one") (fun () -> (File.ReadAllText path).Contains "d.png"))

                Expect.equal (said messages "1 line(s) that are no entries") 1 "what was passed over"
                Expect.equal (said messages "3 done before") 1 "those of the files that were set aside too"

                for name in [ "a.png"; "b.png"; "c.png" ] do
                    Expect.isFalse ((File.ReadAllText path).Contains name && name <> "c.png") "not again")
        }

        test "a journal that is full is set aside; what it says still counts, and a broker gets all of it" {
            inTemporaryFolder (fun folder ->
                let model, (into, out) = brightnessModel folder, folders folder
                let port = freePort ()
                let args = [ "--journal-megabytes"; "0.001"; "--mqtt"; $"127.0.0.1:{port}/line" ]

                for i in 0..19 do
                    put into $"{i:D2}.png" i

                let once () =
                    let child, messages = watchHeard model into out ("--once" :: args)
                    use child = child
                    Expect.isTrue (child.WaitForExit 60000) "it ends"
                    Expect.equal child.ExitCode 0 "in order"
                    messages

                once () |> ignore
                let files = Directory.GetFiles(out, "inspections*.jsonl")
                Expect.isGreaterThan files.Length 3 "several files"
                Expect.all files (fun file -> FileInfo(file).Length <= 1000L) "none larger"
                Expect.equal (said (once ()) "20 done before") 1 "nothing is done twice"

                withBroker (plainAt port) (fun _ _ -> true) 0 (fun received ->
                    let child, _ = watchHeard model into out args
                    use child = child
                    until 40.0 (fun () -> $"{received.Count} messages") (fun () -> received.Count >= 20)
                    stop child
                    let lines = files |> Array.sort |> Array.collect File.ReadAllLines
                    Expect.containsAll (linesOf "line" received) lines "all lines"
                    Expect.hasLength (linesOf "line" received) 20 "each once"))
        }

        test "a line of megabytes among the journal's is passed over" {
            inTemporaryFolder (fun folder ->
                let model, (into, out) = brightnessModel folder, folders folder
                put into "a.png" 1
                let once () = fae [ "watch"; into; "--model"; model; "--out"; out; "--once" ]
                Expect.equal (once ()).Code 0 "inspected"
                let path = Path.Combine(out, "inspections.jsonl")
                File.AppendAllText(path, String('x', 3 * Fae.Cli.JournalFiles.LongestLine) + "\n")
                put into "b.png" 2
                let again = once ()
                Expect.equal again.Code 0 "goes on"
                Expect.stringContains again.Error "1 line(s) that are no entries" "said"
                let entries = File.ReadLines path |> Seq.filter _.StartsWith('{') |> List.ofSeq
                Expect.hasLength entries 2 "each once")
        }

        test "somebody else's file without an end of line is refused and kept" {
            inTemporaryFolder (fun folder ->
                let model, (into, out) = brightnessModel folder, folders folder
                let path = Path.Combine(out, "inspections.jsonl")
                Directory.CreateDirectory out |> ignore
                File.WriteAllText(path, "my notes")
                Expect.equal (fae [ "watch"; into; "--model"; model; "--out"; out; "--once" ]).Code 2 "no journal"
                Expect.equal (File.ReadAllText path) "my notes" "kept")
        }
    ]

let private fileTests =
    [
        test "a link is judged by what it leads to; a folder linked to itself is visited once" {
            inTemporaryFolder (fun folder ->
                let model, (into, out) = brightnessModel folder, folders folder
                let elsewhere = Path.Combine(folder, "elsewhere")
                Directory.CreateDirectory elsewhere |> ignore
                File.CreateSymbolicLink(Path.Combine(into, "latest.png"), Path.Combine(elsewhere, "now.png")) |> ignore
                Directory.CreateSymbolicLink(Path.Combine(into, "again"), into) |> ignore
                File.CreateSymbolicLink(Path.Combine(into, "x.png"), "x.png") |> ignore
                let child, messages = watchHeard model into out []
                use child = child
                put elsewhere "now.png" 1
                inspected out 1
                put elsewhere "now.png" 3
                inspected out 2
                put into "own.png" 2
                inspected out 3
                stop child

                Expect.equal
                    (journal out |> List.map (fun l -> textOf l "path"))
                    [ "latest.png"; "latest.png"; "own.png" ]
                    "each content once"

                Expect.equal (journal out |> List.map (fun l -> textOf l "anomalous")) [ "false"; "true"; "false" ] "of the target"
                Expect.equal (said messages "warning") 0 "nothing to warn of")
        }

        test "a copy that has its full size at once and stalls gets a later verdict" {
            inTemporaryFolder (fun folder ->
                let model, (into, out) = brightnessModel folder, folders folder
                let child, messages = watchHeard model into out [ "--move" ]
                use child = child
                // Bitmaps are read with any content: what has not come yet is black.
                let whole = Path.Combine(folder, "whole.bmp")
                let header, light = Array.zeroCreate<byte> 54, Array.create (32 * 32 * 3) 160uy
                "BM"B.CopyTo(header, 0)

                for at, value in [ 2, 54 + light.Length; 10, 54; 14, 40; 18, 32; 22, 32; 34, light.Length ] do
                    BitConverter.GetBytes(value).CopyTo(header, at)

                header[26] <- 1uy
                header[28] <- 24uy
                File.WriteAllBytes(whole, Array.append header light)
                use copy = new FileStream(Path.Combine(into, "part.bmp"), FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite)
                copy.SetLength(int64 (header.Length + light.Length))
                copy.Write header
                copy.Flush true
                until 40.0 (fun () -> "a verdict on half a copy") (fun () -> File.Exists(Path.Combine(out, "anomalous", "part.bmp")))
                copy.Write light
                copy.Flush true
                copy.Dispose()
                until 40.0 (fun () -> "a later verdict") (fun () -> File.Exists(Path.Combine(out, "good", "part.bmp")))
                stop child
                Expect.isFalse (File.Exists(Path.Combine(out, "anomalous", "part.bmp"))) "no longer there"
                Expect.equal (journal out |> List.map (fun l -> textOf l "anomalous")) [ "true"; "false" ] "both verdicts"
                Expect.equal (said messages "still written to after its verdict") 1 "why")
        }

        test "a folder that may not be listed and one that may not be changed are said once, and the watch goes on" {
            inTemporaryFolder (fun folder ->
                let model, (into, out) = brightnessModel folder, folders folder
                let closed, fixedOne = Path.Combine(into, "closed"), Path.Combine(into, "fixed")
                let rights (path: string) mode = File.SetUnixFileMode(path, mode)
                let all = UnixFileMode.UserRead ||| UnixFileMode.UserWrite ||| UnixFileMode.UserExecute

                for path in [ closed; fixedOne ] do
                    Directory.CreateDirectory path |> ignore

                put closed "hidden.png" 2
                put fixedOne "stays.png" 1
                rights closed UnixFileMode.None
                rights fixedOne (UnixFileMode.UserRead ||| UnixFileMode.UserExecute)
                let child, messages = watchHeard model into out [ "--move" ]
                use child = child
                inspected out 1
                put into "other.png" 4
                inspected out 2
                until 40.0 (fun () -> "moved") (fun () -> File.Exists(Path.Combine(out, "good", "other.png")))
                Expect.isFalse child.HasExited "it goes on"
                rights closed all
                rights fixedOne all
                inspected out 3
                until 40.0 (fun () -> "moved later") (fun () -> not (File.Exists(Path.Combine(fixedOne, "stays.png"))))
                stop child
                Expect.equal (said messages $"{closed}: ") 1 "the folder, once"
                Expect.equal (said messages (Path.Combine(fixedOne, "stays.png") + ": ")) 1 "the picture, once"
                Expect.equal (journal out |> List.map (fun l -> textOf l "path") |> List.distinct |> List.length) 3 "each once")
        }
    ]

let tests = oneByOne "Watch beside others" (journalTests @ fileTests)
