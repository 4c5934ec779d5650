/// Sweeps as processes: killed in the middle and gone on with; and on a Slurm of one node.
module Fae.Tests.SweepTests

open System
open System.Diagnostics
open System.IO
open System.Threading
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Tests.Helpers
open Fae.Tests.SlurmCluster

let tests =
    oneByOne
        "Sweeps"
        [
            test "wrong arguments give one line" {
                inTemporaryFolder (fun folder ->
                    dataSets folder [ "part" ]
                    let out = Path.Combine(folder, "out")

                    for more, word in
                        [
                            [ "--budget"; "huge" ], "smoke, short and full"
                            [ "--methods"; "padim" ], "riad"
                            [ "--ablate"; "paint" ], "curves"
                            [ "--categories"; "carpet" ], "part"
                            [ "--seeds"; "0" ], "at least 1"
                        ] do
                        let code, _, error = run [] "dotnet" ([ faeAssembly; "reproduce"; "--data"; folder; "--out"; out ] @ more)

                        Expect.equal code 2 error
                        Expect.stringContains error word "line"

                    let code, _, error = run [] "dotnet" (sweep (Path.Combine(folder, "nowhere")) out [])
                    Expect.equal code 3 error)
            }

            test "no configuration is a method of a sweep too, whatever configuration the set has" {
                inTemporaryFolder (fun folder ->
                    let data, out = Path.Combine(folder, "data"), Path.Combine(folder, "out")
                    dataSets data [ "part" ]
                    File.WriteAllText(Path.Combine(folder, "part.toml"), "[train]\nsteps = 1\n")
                    expectDone (run [] "dotnet" (sweep data out [ "--methods"; "auto"; "--configs"; folder ]))
                    let run = Path.Combine(out, "smoke", "cells", "auto", "part", "whole", "seed-0")
                    let struct (card, _) = ModelFile.Read(ModelFile.PathOf run)
                    Expect.equal card.Config.Score.Measure (Some Difference.combined) "the maps are combined"
                    Expect.equal card.Config.Train.Steps 30 "a hundredth of 3,000"
                    Expect.stringContains (File.ReadAllText(Path.Combine(out, "smoke", "table1.csv"))) "no configuration here" "its column"

                    let lines = File.ReadAllLines(Path.Combine(out, "smoke", "scorings.csv"))
                    Expect.hasLength lines 3 "a heading, the model, the mean"
                    // The model's name has commas, and notes come last.
                    let ways = lines[1].Split(',') |> Array.rev |> Array.item 6 |> int
                    let compared = File.ReadAllLines(Path.Combine(run, "comparison.txt"))

                    // Four AUROCs, then words.
                    let rows = compared |> Array.filter (fun line -> Text.RegularExpressions.Regex.IsMatch(line, @"^([01]\.\d{4} +){4}\w"))
                    Expect.isGreaterThanOrEqual ways 100 "ways of scoring"
                    Expect.isGreaterThanOrEqual rows.Length ways "a line for each"
                    Expect.exists compared (fun line -> line.StartsWith "rank correlation (Spearman)") "the correlations")
            }

            test "a killed sweep resumes: nothing is trained twice, and its report is that of an uninterrupted one" {
                inTemporaryFolder (fun folder ->
                    let data = Path.Combine(folder, "data")
                    dataSets data [ "first"; "second" ]
                    let more = [ "--ablate"; "noise" ]
                    let broken, unbroken = Path.Combine(folder, "broken"), Path.Combine(folder, "unbroken")
                    expectDone (run [] "dotnet" (sweep data unbroken more))

                    let cell name variant file = Path.Combine(broken, "smoke", "cells", "fae", name, variant, "seed-0", file)
                    let finished = cell "first" "whole" "cell.json"

                    // In the middle of the second model, after its first checkpoint.
                    use child = start [] "dotnet" (sweep data broken more)
                    let talk = child.StandardError.ReadToEndAsync()

                    until 120.0 (fun () -> "no second model") (fun () ->
                        File.Exists(cell "first" "without-noise" "checkpoint.safetensors"))

                    child.Kill()
                    child.WaitForExit()
                    ignore talk.Result
                    Expect.isTrue (File.Exists finished) "the first model is finished"
                    Expect.isFalse (File.Exists(cell "second" "without-noise" "cell.json")) "the last one is not"
                    let written = File.GetLastWriteTimeUtc finished

                    let code, _, error = run [] "dotnet" (sweep data broken more)
                    Expect.equal code 2 "what is there is not touched unless asked"
                    Expect.stringContains error "--resume" "what to do"

                    expectDone (run [] "dotnet" (sweep data broken (more @ [ "--resume" ])))
                    Expect.equal (File.GetLastWriteTimeUtc finished) written "not trained twice"
                    Expect.equal (pages broken) (pages unbroken) "the same pages"

                    // Other data under the same name is noticed.
                    File.Copy(
                        Path.Combine(data, "second", "train", "good", "000.png"),
                        Path.Combine(data, "second", "train", "good", "extra.png")
                    )

                    let code, _, error = run [] "dotnet" (sweep data broken (more @ [ "--resume" ]))
                    Expect.equal code 4 error
                    Expect.stringContains error "other data" "why")
            }

            test "on Slurm, with one task killed and one cancelled, the report is that of a sequential sweep" {
                if not installed.Value then
                    skiptest "Slurm is not installed here and could not be (slurm-wlm, munge; as root, with apt-get)"

                inTemporaryFolder (fun folder ->
                    let data = Path.Combine(folder, "data")
                    dataSets data [ "first"; "second"; "third" ]
                    let threads = [ "OMP_NUM_THREADS", "1" ]
                    let sequential, swept = Path.Combine(folder, "sequential"), Path.Combine(folder, "swept")
                    // Long enough to be met in the middle.
                    let configs = Path.Combine(folder, "configs")
                    Directory.CreateDirectory configs |> ignore

                    for name in [ "first"; "second"; "third" ] do
                        File.WriteAllText(Path.Combine(configs, name + ".toml"), "[train]\nsteps = 4000\n")

                    let more = [ "--configs"; configs ]
                    expectDone (run threads "dotnet" (sweep data sequential more))

                    withSlurm (Path.Combine(folder, "slurm")) (fun slurm ->
                        let cell name file = Path.Combine(swept, "smoke", "cells", "fae", name, "whole", "seed-0", file)
                        let log (name: string) = Path.Combine(swept, "smoke", "slurm", name)

                        let said () =
                            let _, queue, _ = run slurm "squeue" []

                            let logs = if Directory.Exists(log ".") then Directory.GetFiles(log ".", "*.log") else [||]

                            let controller = Path.Combine(folder, "slurm", "slurmctld.log")

                            String.concat "\n" ([ queue; File.ReadAllText controller ] @ [ for log in logs -> File.ReadAllText log ])

                        // A controller that is too busy to answer is not idle; a task on its way back into the queue is in none for a
                        // moment.
                        let idle () =
                            List.forall
                                (fun pause ->
                                    Thread.Sleep(pause: int)
                                    let code, queue, _ = run slurm "squeue" [ "--noheader" ]
                                    code = 0 && queue.Trim() = "")
                                [ 0; 1000; 2000 ]

                        let code, _, error =
                            run
                                slurm
                                "dotnet"
                                (sweep data swept (more @ [ "--slurm"; "--partition"; "all"; "--sbatch=--cpus-per-task=1" ]))

                        Expect.equal code 0 error

                        // The first task's program is killed in the middle: the task goes back into the queue and continues.
                        until 120.0 said (fun () -> File.Exists(cell "first" "checkpoint.safetensors"))

                        for child in Process.GetProcesses() do
                            use child = child
                            let line = $"/proc/{child.Id}/cmdline"

                            let words =
                                try
                                    (File.ReadAllText line).Split '\000'
                                with _ ->
                                    [||]

                            if
                                Array.contains swept words
                                && Array.contains "--cell" words
                                && Array.contains "0" words[Array.length words - 3 ..]
                            then
                                child.Kill()

                        // The third one is taken away altogether.
                        let _, tasks, _ = run slurm "squeue" [ "--noheader"; "--array"; "--name=fae-models"; "--format=%F_%K" ]

                        match
                            tasks.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                            |> Array.tryFind (fun task -> task.Trim().EndsWith "_2")
                        with
                        | Some task -> expectDone (run slurm "scancel" [ task.Trim() ])
                        | None -> failtest $"no third task in the queue: {said ()}"

                        // Slurm waits two minutes before it starts what was put back, for the old credential is revoked to the second;
                        // the test waits three seconds.
                        let hurried = System.Collections.Generic.HashSet<string>()

                        until 240.0 said (fun () ->
                            let _, held, _ =
                                run slurm "squeue" [ "--noheader"; "--name=fae-models"; "--states=PENDING"; "--format=%i %r" ]

                            for line in held.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
                                match line.Trim().Split ' ' with
                                | [| job; "(BeginTime)" |]
                                | [| job; "BeginTime" |] when hurried.Add job ->
                                    run slurm "scontrol" [ "update"; $"JobId={job}"; "StartTime=now+3" ] |> ignore
                                | _ -> ()

                            idle ())

                        Expect.isTrue (File.Exists(cell "first" "cell.json")) $"the killed one was finished: {said ()}"
                        Expect.isTrue (File.Exists(cell "second" "cell.json")) $"the second one: {said ()}"
                        Expect.isFalse (File.Exists(cell "third" "cell.json")) "the cancelled one costs its cell only"

                        Expect.stringContains
                            (File.ReadAllText(Path.Combine(swept, "smoke", "report.md")))
                            "Missing: third, seed 0"
                            "and is missed by name"

                        Expect.isTrue ((File.ReadAllText(log "model-0.log")).Contains "Killed") "the first task was killed"

                        let again = run slurm "dotnet" (sweep data swept (more @ [ "--resume"; "--slurm"; "--sbatch=--cpus-per-task=1" ]))

                        expectDone again
                        let _, _, error = again
                        Expect.stringContains error "(1 models)" "only what is missing is submitted"
                        until 240.0 said idle
                        Expect.equal (pages swept) (pages sequential) $"the same pages: {said ()}"))
            }
        ]
