/// What survives: kill -9 at any moment of a training, writes that fail half way, disks that are full, folders that may not be written.
module Fae.Tests.CrashTests

open System
open System.Diagnostics
open System.IO
open System.Threading
open Expecto
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Tests.Helpers

let private config = Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "configs", "default.toml")

let private parts folder count =
    let good = Path.Combine(folder, "data", "train", "good")
    Directory.CreateDirectory good |> ignore

    for number in 0 .. count - 1 do
        File.WriteAllBytes(Path.Combine(good, $"{number:D2}.png"), ImageFile.toPng (part 32 number))

    Path.Combine(folder, "data")

let private arguments data out steps =
    [
        "train"
        "--config"
        config
        "--data"
        data
        "--out"
        out
        "--steps"
        string (steps: int)
        "--set"
        "image.size=32"
        "--set"
        "network.width=4"
        "--set"
        "network.depth=1"
        "--set"
        "train.batch=4"
        "--set"
        "train.validate_every=2"
        "--set"
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

/// A shell that lets no file grow beyond so many kilobytes: a disk that is full.
let private cramped (kilobytes: int) (args: string list) =
    // The runtime maps memory through a file of its own, unless it is told not to; a write too many is an error and no signal.
    let script =
        $"export DOTNET_EnableWriteXorExecute=0; trap '' XFSZ; ulimit -f {kilobytes}; exec dotnet \"$@\""

    command "bash" ([ "-c"; script; "bash"; faeAssembly ] @ args)

let tests =
    testSequenced
    <| testList
        "Crash"
        [
            test "killed at twenty moments, also while a checkpoint is written, a training ends with the very model of an unbroken one" {
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
            test "a write that fails, at whatever point, leaves the old file and nothing else" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "model.bin")
                    AtomicFile.WriteText(path, "old")

                    for point in [ WritePoint.Opened; WritePoint.Written; WritePoint.Flushed ] do
                        let fail reached =
                            if reached = point then
                                raise (IOException $"no space left, {point}")

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
            test "a full disk and a folder that may not be written end with one line and what was there" {
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
            test "pictures that go, or change, while a training runs are told by name" {
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
        ]
