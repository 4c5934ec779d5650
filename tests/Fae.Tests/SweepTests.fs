/// Sweeps as processes: killed in the middle and gone on with; and on a Slurm of one node.
module Fae.Tests.SweepTests

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Sockets
open System.Threading
open Expecto
open Fae.Core
open Fae.Data
open Fae.Tests.Helpers

let private start (environment: (string * string) list) (program: string) (args: string list) =
    let start = ProcessStartInfo(program, args, RedirectStandardOutput = true, RedirectStandardError = true)

    for key, value in environment do
        start.Environment[key] <- value

    match Process.Start start with
    | null -> failtest $"{program} did not start"
    | child -> child

/// Runs a program to its end: exit code, standard output, standard error.
let private run environment program args =
    use child = start environment program args
    let error = child.StandardError.ReadToEndAsync()
    let output = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    child.ExitCode, output, error.Result

/// Small data sets of the demo's parts, one for each name.
let private dataSets folder names =
    for number, name in List.indexed names do
        Demo.make (Path.Combine(folder, name)) (uint64 number) 12 3 1

let private sweep data out more =
    [ faeAssembly; "reproduce"; "--data"; data; "--out"; out; "--budget"; "smoke" ]
    @ more

/// Everything that people read of a sweep, file by file.
let private pages out =
    let home = Path.Combine(out, "smoke")

    [
        for path in Directory.GetFiles home |> Array.sort -> Path.GetFileName path, File.ReadAllText path
    ]

let private expectDone (code, _, error: string) = Expect.equal code 0 error

// Slurm

let private installed =
    lazy
        (available
            (fun () ->
                [ "slurmctld"; "slurmd"; "munged" ]
                |> List.forall (fun name -> File.Exists $"/usr/sbin/{name}"))
            [ "slurm-wlm"; "munge" ])

let private freePort () =
    use listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    (listener.LocalEndpoint :?> IPEndPoint).Port

/// A Slurm of one node on loopback, its own keys, ports and folders; gone after the work.
let private withSlurm folder (work: (string * string) list -> unit) =
    let at (name: string) = Path.Combine(folder, name)

    for name in [ "state"; "spool"; "munge" ] do
        Directory.CreateDirectory(at name) |> ignore

    File.WriteAllBytes(at "munge.key", Array.init 64 (fun i -> byte (Random.hash 0x5A17UL (uint64 i))))
    File.SetUnixFileMode(at "munge.key", UnixFileMode.UserRead)

    File.WriteAllText(
        at "slurm.conf",
        $"""ClusterName=fae
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={at "munge/socket"}
CredType=cred/munge
StateSaveLocation={at "state"}
SlurmdSpoolDir={at "spool"}
SlurmctldPidFile={at "slurmctld.pid"}
SlurmdPidFile={at "slurmd.pid"}
SlurmctldLogFile={at "slurmctld.log"}
SlurmdLogFile={at "slurmd.log"}
SlurmctldPort={freePort ()}
SlurmdPort={freePort ()}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SchedulerParameters=sched_interval=2
NodeName=localhost NodeAddr=127.0.0.1 CPUs={Environment.ProcessorCount} State=UNKNOWN
PartitionName=all Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""
    )

    File.WriteAllText(
        at "cgroup.conf",
        if Directory.Exists "/sys/fs/cgroup/cpu" then
            "CgroupPlugin=cgroup/v1\n"
        else
            "CgroupPlugin=cgroup/v2\n"
    )

    let environment = [ "SLURM_CONF", at "slurm.conf" ]

    // Daemons leave by themselves: their output must not be waited for.
    let daemon program args =
        let start =
            ProcessStartInfo("/bin/sh", [ "-c"; String.concat " " ($"exec {program}" :: args) + " >/dev/null 2>&1" ])

        for key, value in environment do
            start.Environment[key] <- value

        match Process.Start start with
        | null -> failtest $"{program} did not start"
        | child ->
            use child = child
            child.WaitForExit()
            Expect.equal child.ExitCode 0 program

    try
        daemon
            "/usr/sbin/munged"
            [
                $"""--key-file={at "munge.key"}"""
                $"""--socket={at "munge/socket"}"""
                $"""--pid-file={at "munge/munged.pid"}"""
                $"""--seed-file={at "munge/munged.seed"}"""
                $"""--log-file={at "munge/munged.log"}"""
            ]

        daemon "/usr/sbin/slurmctld" []
        daemon "/usr/sbin/slurmd" [ "-N"; "localhost" ]

        let logs () =
            [ "slurmctld.log"; "slurmd.log" ]
            |> List.map (fun name ->
                if File.Exists(at name) then
                    File.ReadAllText(at name)
                else
                    "")
            |> String.concat "\n"

        until 60.0 logs (fun () -> let _, output, _ = run environment "sinfo" [ "--noheader"; "--format=%t" ] in output.Contains "idle")
        work environment
    finally
        for pid in [ "slurmd.pid"; "slurmctld.pid"; "munge/munged.pid" ] do
            match
                (if File.Exists(at pid) then
                     Int32.TryParse(File.ReadAllText(at pid).Trim())
                 else
                     (false, 0))
            with
            | true, number ->
                try
                    use daemon = Process.GetProcessById number
                    daemon.Kill true
                    daemon.WaitForExit 5000 |> ignore
                with :? ArgumentException ->
                    ()
            | _ -> ()

let tests =
    testSequenced
    <| testList
        "Sweeps"
        [
            test "what is asked wrongly is said in one line" {
                inTemporaryFolder (fun folder ->
                    dataSets folder [ "part" ]
                    let out = Path.Combine(folder, "out")

                    for more, word in
                        [
                            [ "--budget"; "huge" ], "smoke, short and full"
                            [ "--methods"; "patchcore" ], "riad"
                            [ "--ablate"; "paint" ], "curves"
                            [ "--categories"; "carpet" ], "part"
                            [ "--seeds"; "0" ], "at least 1"
                        ] do
                        let code, _, error =
                            run [] "dotnet" ([ faeAssembly; "reproduce"; "--data"; folder; "--out"; out ] @ more)

                        Expect.equal code 2 error
                        Expect.stringContains error word "line"

                    let code, _, error = run [] "dotnet" (sweep (Path.Combine(folder, "nowhere")) out [])
                    Expect.equal code 3 error)
            }

            test "a sweep that is killed goes on: nothing is trained twice, and its pages are those of an unbroken one" {
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

            test "on Slurm, with one task killed and one cancelled, the pages are those of a sequential sweep" {
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

                            let logs =
                                if Directory.Exists(log ".") then
                                    Directory.GetFiles(log ".", "*.log")
                                else
                                    [||]

                            let controller = Path.Combine(folder, "slurm", "slurmctld.log")

                            String.concat
                                "\n"
                                ([ queue; File.ReadAllText controller ]
                                 @ [ for log in logs -> File.ReadAllText log ])

                        // A controller that is too busy to answer is not idle; a task on its way back into the queue is in none for a moment.
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

                        // Slurm waits two minutes before it starts what was put back, for the old credential is revoked to the second; the test waits three seconds.
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

                        let again =
                            run slurm "dotnet" (sweep data swept (more @ [ "--resume"; "--slurm"; "--sbatch=--cpus-per-task=1" ]))

                        expectDone again
                        let _, _, error = again
                        Expect.stringContains error "(1 models)" "only what is missing is submitted"
                        until 240.0 said idle
                        Expect.equal (pages swept) (pages sequential) $"the same pages: {said ()}"))
            }
        ]
