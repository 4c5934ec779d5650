/// A Slurm cluster of one node, and sweeps as processes.
module Fae.Tests.SlurmCluster

open System
open System.Diagnostics
open System.IO
open Expecto
open Fae.Core
open Fae.Data
open Fae.Tests.Helpers

let start (environment: (string * string) list) (program: string) (args: string list) =
    let start = ProcessStartInfo(program, args, RedirectStandardOutput = true, RedirectStandardError = true)

    for key, value in environment do
        start.Environment[key] <- value

    match Process.Start start with
    | null -> failtest $"{program} did not start"
    | child -> child

/// Runs a program to its end: exit code, standard output, standard error.
let run environment program args =
    use child = start environment program args
    let error = child.StandardError.ReadToEndAsync()
    let output = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    child.ExitCode, output, error.Result

/// Small data sets of the demo's parts, one for each name.
let dataSets folder names =
    for number, name in List.indexed names do
        Demo.make (Path.Combine(folder, name)) (uint64 number) 12 3 1

let sweep data out more = [ faeAssembly; "reproduce"; "--data"; data; "--out"; out; "--budget"; "smoke" ] @ more

/// Everything that people read of a sweep, file by file.
let pages out =
    let home = Path.Combine(out, "smoke")

    [ for path in Directory.GetFiles home |> Array.sort -> Path.GetFileName path, File.ReadAllText path ]

let expectDone (code, _, error: string) = Expect.equal code 0 error

// Slurm

let installed =
    lazy
        (available
            (fun () -> [ "slurmctld"; "slurmd"; "munged" ] |> List.forall (fun name -> File.Exists $"/usr/sbin/{name}"))
            [ "slurm-wlm"; "munge" ])

/// A Slurm of one node on loopback, its own keys, ports and folders; gone after the work.
let withSlurm folder (work: (string * string) list -> unit) =
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
        let start = ProcessStartInfo("/bin/sh", [ "-c"; String.concat " " ($"exec {program}" :: args) + " >/dev/null 2>&1" ])

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
            |> List.map (fun name -> if File.Exists(at name) then File.ReadAllText(at name) else "")
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
