/// A sweep on an existing Slurm: one array, a task for each model, and a job that collects. They share a folder and nothing else.
namespace Fae.Paper

open System
open System.Diagnostics
open System.IO
open Fae.Data
open Fae.Detection
open FsToolkit.ErrorHandling

/// What a sweep needs to know.
type SlurmJob =
    {
        /// Where scripts and logs go.
        Folder: string
        /// The arguments of `fae` that train model number I follow with its number.
        Task: string list
        /// The arguments of `fae` that collect.
        Collect: string list
        /// The numbers of the models that are not finished.
        Pending: int list
        Partition: string option
        Options: string list
    }

[<RequireQualifiedAccess>]
module Slurm =
    /// A word that a shell leaves alone.
    let quote (word: string) =
        let harmless c = Char.IsAsciiLetterOrDigit c || "_-./=:,+@%".Contains(c: char)

        if word <> "" && Seq.forall harmless word then
            word
        else
            "'" + word.Replace("'", "'\\''") + "'"

    /// How this very program is started: by its own host, or by dotnet with its assembly.
    let private self =
        let assembly = Path.Combine(AppContext.BaseDirectory, "fae.dll")

        match Environment.ProcessPath with
        | null -> [ "dotnet"; assembly ]
        | host when (string (Path.GetFileNameWithoutExtension host)) = "dotnet" -> [ host; assembly ]
        | host -> [ host ]

    let private line words = words |> List.map quote |> String.concat " "

    /// 0-3,7: what sbatch calls an array.
    let ranges (numbers: int list) =
        let extend runs number =
            match runs with
            | (first, last) :: rest when number = last + 1 -> (first, number) :: rest
            | _ -> (number, number) :: runs

        numbers
        |> List.fold extend []
        |> List.rev
        |> List.map (fun (first, last) -> if first = last then string first else $"{first}-{last}")
        |> String.concat ","

    let private options (job: SlurmJob) = (job.Partition |> Option.map (fun p -> $"--partition={p}") |> Option.toList) @ job.Options

    let private heading job name more = [ $"--job-name={name}" ] @ more @ options job |> List.map (fun option -> "#SBATCH " + option)

    /// The array's script. A task that was killed goes back into the queue, where it continues from its checkpoint; one that failed by
    /// itself does not.
    let arrayScript (job: SlurmJob) =
        [ "#!/bin/bash" ]
        @ heading
            job
            "fae-models"
            [
                $"--array={ranges job.Pending}"
                "--requeue"
                "--open-mode=append"
                $"""--output={Path.Combine(job.Folder, "model-%a.log")}"""
            ]
        @ [
            "# Threads spin where there are more of them than cores."
            "export OMP_NUM_THREADS=\"${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-1}}\""
            line (self @ job.Task) + " \"$SLURM_ARRAY_TASK_ID\""
            "code=$?"
            "if [ \"$code\" -gt 128 ] && [ \"${SLURM_RESTART_COUNT:-0}\" -lt 5 ]; then"
            "    scontrol requeue \"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}\" && sleep 60"
            "fi"
            "exit \"$code\""
            ""
        ]
        |> String.concat "\n"

    let collectScript (job: SlurmJob) =
        [ "#!/bin/bash" ]
        @ heading job "fae-tables" [ $"""--output={Path.Combine(job.Folder, "tables.log")}""" ]
        @ [ "exec " + line (self @ job.Collect); "" ]
        |> String.concat "\n"

    let private sbatch (args: string list) =
        try
            let start = ProcessStartInfo("sbatch", args, RedirectStandardOutput = true, RedirectStandardError = true)

            match Process.Start start with
            | null -> Error(Machine "sbatch did not start")
            | child ->
                use child = child
                let error = child.StandardError.ReadToEndAsync()
                let output = child.StandardOutput.ReadToEnd().Trim()
                child.WaitForExit()

                if child.ExitCode = 0 then
                    // "17" or "17;cluster".
                    Ok(output.Split(';')[0])
                else
                    Error(Machine $"sbatch: {error.Result.Trim()}")
        with :? ComponentModel.Win32Exception ->
            Error(Machine "there is no sbatch here; the scripts are written, submit them where Slurm is")

    /// Writes both scripts and submits them; the second waits for all tasks of the first, however they end.
    let submit (say: string -> unit) (job: SlurmJob) =
        result {
            let script name text =
                let path = Path.Combine(job.Folder, name)
                AtomicFile.WriteText(path, text)
                path

            let collect = script "tables.sh" (collectScript job)

            if job.Pending.IsEmpty then
                let! collecting = sbatch [ "--parsable"; collect ]
                say $"every model is finished; job {collecting} collects"
            else
                let array = script "models.sh" (arrayScript job)
                let! models = sbatch [ "--parsable"; array ]
                let! tables = sbatch [ "--parsable"; $"--dependency=afterany:{models}"; collect ]

                say $"submitted job array {models} ({job.Pending.Length} models) and job {tables}, which collects; logs in {job.Folder}"

            return 0
        }
