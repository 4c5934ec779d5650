/// What survives: kill -9 at any moment of a training, writes that fail half way, disks that are full, folders that may not be written.
module Fae.Tests.CrashTests

open System
open System.Diagnostics
open System.IO
open System.Threading
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Imaging
open Fae.Tests.Helpers

let private parts folder count =
    let good = Path.Combine(folder, "data", "train", "good")
    Directory.CreateDirectory good |> ignore

    for number in 0 .. count - 1 do
        File.WriteAllBytes(Path.Combine(good, $"{number:D2}.png"), ImageEncoder.toPng (part 32 number))

    Path.Combine(folder, "data")

let private arguments data out (steps: int) =
    training
        data
        out
        [
            $"train.steps={steps}"
            "image.size=32"
            "network.width=4"
            "network.depth=1"
            "train.batch=4"
            "train.validate_every=2"
            "score.views=1"
        ]

let private digest path = Convert.ToHexString(Security.Cryptography.SHA256.HashData(File.ReadAllBytes path))

/// Starts a training and kills it so many milliseconds after its first step, or after its start; false if it ended before.
let private killed (args: string list) fromStart (delay: int) =
    match Process.Start(ProcessStartInfo("dotnet", faeAssembly :: args, RedirectStandardError = true, RedirectStandardOutput = true)) with
    | null -> failtest "fae did not start"
    | child ->
        use child = child

        if not fromStart then
            let mutable line: string | null = ""

            while not (isNull line) && not ((string line).StartsWith "step") do
                line <- child.StandardError.ReadLine()

        Thread.Sleep delay
        let running = not child.HasExited
        child.Kill()
        child.StandardError.ReadToEnd() |> ignore
        child.WaitForExit()
        running

/// The same command under a clock that stands in the year 2001; of its own it goes on.
let private longAgo (args: string list) =
    command "env" ([ "NO_FAKE_STAT=1"; "faketime"; "2001-01-01 00:00:00"; "dotnet"; faeAssembly ] @ args)

/// A shell that lets no file grow beyond so many kilobytes: a disk that is full.
let private cramped (kilobytes: int) (args: string list) =
    // The runtime maps memory through a file of its own, unless it is told not to; a write too many is an error and no signal.
    let script = $"export DOTNET_EnableWriteXorExecute=0; trap '' XFSZ; ulimit -f {kilobytes}; exec dotnet \"$@\""

    command "bash" ([ "-c"; script; "bash"; faeAssembly ] @ args)

let tests =
    oneByOne
        "Crash"
        [
            test "a training killed twenty times, also while it writes a checkpoint, gives the model of an uninterrupted one" {
                inTemporaryFolder (fun folder ->
                    let data = parts folder 16
                    let steps = 800
                    let whole, broken = Path.Combine(folder, "whole"), Path.Combine(folder, "broken")
                    let unbroken = fae (arguments data whole steps)
                    Expect.equal unbroken.Code 0 unbroken.Error
                    let checkpoint = Path.Combine(broken, "checkpoint.safetensors")
                    let resume () = if File.Exists checkpoint then [ "--resume" ] else []
                    // A fixed seed, so that the moments are spread evenly; where they fall depends on the machine.
                    let moment number = int (400.0f * Random.toUnit (Random.hash 77UL (uint64 number)))

                    let kills =
                        [ 1..20 ]
                        |> List.filter (fun number -> killed (arguments data broken steps @ resume ()) (number % 5 = 0) (moment number))

                    Expect.equal kills.Length 20 "it was under way each time"
                    let last = fae (arguments data broken steps @ resume ())
                    Expect.equal last.Code 0 last.Error

                    for name in [ "model.safetensors"; "last.safetensors"; "curve.csv"; "scoring.txt" ] do
                        Expect.equal (digest (Path.Combine(broken, name))) (digest (Path.Combine(whole, name))) name

                    Expect.isEmpty (Directory.GetFiles(broken, ".*.tmp")) "nothing half written is left")
            }
            test "a write that fails at any point leaves the old file and nothing else" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "model.bin")
                    AtomicFile.WriteText(path, "old")

                    for point in [ WritePoint.Opened; WritePoint.Written; WritePoint.Flushed ] do
                        let fail reached = if reached = point then raise (IOException $"no space left, {point}")

                        Expect.throwsT<IOException> (fun () -> AtomicFile.WriteText(path, "new", fail)) "it is said"
                        Expect.equal (File.ReadAllText path) "old" $"the old file, {point}"
                        Expect.equal (Directory.GetFiles folder) [| path |] $"nothing else, {point}"

                    // What a killed process left goes with the next write; what a living one is writing stays.
                    let dead = Path.Combine(folder, ".model.bin.999999999.tmp")
                    let living = Path.Combine(folder, ".model.bin.1.tmp")
                    File.WriteAllText(dead, "half")
                    File.WriteAllText(living, "half")
                    AtomicFile.WriteText(path, "new")
                    Expect.equal (File.ReadAllText path) "new" "written"
                    Expect.equal (File.Exists dead, File.Exists living) (false, true) "left over and in use")
            }
            test "a full disk and a read-only folder give one line and leave the old file" {
                inTemporaryFolder (fun folder ->
                    let data, out = parts folder 8, Path.Combine(folder, "run")
                    let first = fae (arguments data out 6)
                    Expect.equal first.Code 0 first.Error
                    let model = Path.Combine(out, "model.safetensors")
                    let before = digest model
                    let full = cramped 8 (arguments data out 12)
                    Expect.equal full.Code 5 full.Error
                    let lines = full.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                    Expect.stringStarts (Array.last lines) "fae: " "one line"
                    Expect.isFalse (full.Error.Contains "   at ") full.Error
                    Expect.equal (digest model) before "the old model is whole"
                    Expect.isEmpty (Directory.GetFiles(out, ".*.tmp")) "nothing half written is left"

                    // And a real one, where this machine lets one be made.
                    let small = Path.Combine(folder, "small")
                    Directory.CreateDirectory small |> ignore

                    if (command "/usr/bin/env" [ "mount"; "-t"; "tmpfs"; "-o"; "size=64k"; "tmpfs"; small ]).Code = 0 then
                        try
                            let full = fae (arguments data (Path.Combine(small, "run")) 12)
                            Expect.equal full.Code 5 full.Error
                            Expect.stringContains full.Error "No space left" full.Error
                            Expect.isFalse (full.Error.Contains "   at ") full.Error
                        finally
                            command "/usr/bin/env" [ "umount"; small ] |> ignore

                    let file = Path.Combine(folder, "file")
                    File.WriteAllText(file, "")
                    let blocked = fae (arguments data (Path.Combine(file, "run")) 6)
                    Expect.equal blocked.Code 5 blocked.Error
                    Expect.isFalse (blocked.Error.Contains "   at ") "no stack trace")
            }
            test "pictures removed or changed during training are reported by name" {
                inTemporaryFolder (fun folder ->
                    let data, out = parts folder 8, Path.Combine(folder, "run")
                    let vanished = fae (arguments (Path.Combine(folder, "nowhere")) out 6)
                    Expect.equal vanished.Code 3 vanished.Error
                    let broken = Path.Combine(data, "train", "good", "03.png")
                    File.WriteAllBytes(broken, Array.truncate 60 (File.ReadAllBytes broken))
                    let cut = fae (arguments data out 6)
                    Expect.equal cut.Code 3 cut.Error
                    Expect.stringContains cut.Error "03.png" "which")
            }
            test "a picture that is replaced during training ends it with one line" {
                inTemporaryFolder (fun folder ->
                    let data, out = parts folder 120, Path.Combine(folder, "run")

                    let args =
                        training
                            data
                            out
                            [
                                "train.steps=100000"
                                "image.size=512"
                                "image.crop=32"
                                "network.width=4"
                                "network.depth=1"
                                "train.batch=4"
                                "train.validate_every=100000"
                                "score.views=1"
                            ]

                    // A quarter of this much keeps eighty of the pictures in memory.
                    let start =
                        ProcessStartInfo("dotnet", faeAssembly :: args, RedirectStandardError = true, RedirectStandardOutput = true)

                    start.Environment["DOTNET_GCHeapHardLimit"] <- "0x14000000"

                    match Process.Start start with
                    | null -> failtest "fae did not start"
                    | child ->
                        use child = child
                        let said = child.StandardError.ReadToEndAsync()
                        until 60.0 (fun () -> "it did not start to train") (fun () -> File.Exists(Path.Combine(out, "config.toml")))

                        for number in 0..119 do
                            // By a rename: a file that is half written is another fault.
                            let path = Path.Combine(data, "train", "good", $"{number:D2}.png")
                            let fresh = Path.Combine(folder, "fresh.png")
                            File.WriteAllBytes(fresh, ImageEncoder.toPng (part 32 (1000 + number)))
                            File.Move(fresh, path, true)

                        child.WaitForExit()
                        Expect.equal child.ExitCode 5 said.Result
                        Expect.stringContains said.Result "stay in memory" "some do not fit"
                        let last = said.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries) |> Array.last
                        Expect.stringStarts last "fae: " "one line"
                        Expect.stringContains last "was replaced while it is used" "what")
            }
            test "a batch too large for memory ends with one line that says what to reduce" {
                inTemporaryFolder (fun folder ->
                    let data, out = parts folder 8, Path.Combine(folder, "run")

                    let args batch =
                        training
                            data
                            out
                            [ "train.steps=2"; "image.size=128"; "network.width=16"; $"train.batch={batch}"; "score.views=1" ]

                    let much = confined 1500 (args 1024)
                    Expect.equal much.Code 5 much.Error
                    let last = much.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries) |> Array.last
                    Expect.equal last "fae: out of memory; try a smaller train.batch or image.size" much.Error
                    let little = confined 1500 (args 4)
                    Expect.equal little.Code 0 little.Error)
            }
            test "with a clock set back a training resumes to the same model and the watcher inspects nothing twice" {
                inTemporaryFolder (fun folder ->
                    if not (available (fun () -> File.Exists "/usr/bin/faketime") [ "faketime" ]) then
                        skiptest "this machine has no faketime"

                    let data = parts folder 16
                    let whole, broken = Path.Combine(folder, "whole"), Path.Combine(folder, "broken")
                    let unbroken = fae (arguments data whole 400)
                    Expect.equal unbroken.Code 0 unbroken.Error

                    Expect.isTrue (killed (arguments data broken 400) false 300) "killed under way"
                    let resumed = longAgo (arguments data broken 400 @ [ "--resume" ])
                    Expect.equal resumed.Code 0 resumed.Error

                    for name in [ "model.safetensors"; "curve.csv" ] do
                        Expect.equal (digest (Path.Combine(broken, name))) (digest (Path.Combine(whole, name))) name

                    let model, into, seen = brightnessModel folder, Path.Combine(folder, "in"), Path.Combine(folder, "seen")
                    Directory.CreateDirectory into |> ignore
                    let put number = File.WriteAllBytes(Path.Combine(into, $"{number}.png"), lightPicture number)
                    let watch = [ "watch"; into; "--model"; model; "--out"; seen; "--once"; "--settle"; "0.1" ]
                    put 1
                    Expect.equal (fae watch).Code 0 "now"
                    put 2
                    Expect.equal (longAgo watch).Code 0 "in 2001"
                    put 3
                    Expect.equal (fae watch).Code 0 "now again"
                    let lines = File.ReadAllLines(Path.Combine(seen, "inspections.jsonl"))

                    let paths = [ for line in lines -> textOf (nonNull (Text.Json.Nodes.JsonNode.Parse line)) "path" ]

                    Expect.equal paths [ "1.png"; "2.png"; "3.png" ] "each once"
                    Expect.stringContains lines[1] "\"time\":\"2001-" "the clock was wrong indeed")
            }
        ]
