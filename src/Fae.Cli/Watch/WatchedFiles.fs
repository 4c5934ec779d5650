/// Moving files of a watched folder. Whatever happens to them outside of the output folder is said and survived.
namespace Fae.Cli

open System
open System.Collections.Generic
open System.IO
open Fae.Detection
open Fae.Imaging

/// Something is wrong with a file or a folder that others write to.
exception SourceTrouble of reason: string

/// What is wrong with files and folders that others write to, each said once until it is over.
type Troubles() =
    let said = Dictionary<string, string>()

    /// Warns, but for what was said before.
    member _.Say(about: string, reason: string) =
        if said.TryGetValue about <> (true, reason) then
            said[about] <- reason
            Console.warn $"{about}: {reason}; it is tried again"

    member _.Over(about: string) = said.Remove about |> ignore

    /// Forgets what is gone, so that memory does not grow.
    member _.Keep(isThere: string -> bool) =
        for about in List.ofSeq said.Keys do
            if not (isThere about) then said.Remove about |> ignore

    /// Does something; false, and said, if a file of others cannot be read, moved or removed.
    member troubles.Survive(about: string, work: unit -> unit) =
        try
            work ()
            troubles.Over about
            true
        with SourceTrouble reason ->
            troubles.Say(about, reason)
            false

[<RequireQualifiedAccess>]
module WatchedFiles =
    /// The path of a file below the folder.
    let nameOf (folder: string) (path: string) =
        if
            path.Length > folder.Length
            && path[folder.Length] = Path.DirectorySeparatorChar
            && path.StartsWith(folder, StringComparison.Ordinal)
        then
            path.Substring(folder.Length + 1)
        else
            Path.GetRelativePath(folder, path)

    /// A file as it is now, by its path below the folder.
    let stampOf folder (path: string) : FileStamp option =
        Files.stamp path
        |> Option.map (fun (struct (size, changed)) -> { Name = nameOf folder path; Size = size; Changed = changed })

    /// A name below the folder that no file has: the name itself, or numbered.
    let freeName (folder: string) (name: string) =
        let numbered n =
            if n = 1 then
                name
            else
                Path.Combine(string (Path.GetDirectoryName name), $"{Files.stem name}-{n}{Files.extension name}")

        Seq.initInfinite (fun i -> numbered (i + 1))
        |> Seq.find (fun candidate -> not (File.Exists(Path.Combine(folder, candidate))))

    /// Something that is done to a file of others.
    let private onSource work =
        try
            work ()
        with
        | :? IOException
        | :? UnauthorizedAccessException as e -> raise (SourceTrouble e.Message)

    /// Copies to another disk and removes the source, if it is still what was copied.
    let private copyWhole (source: string) (target: string) =
        let before = Files.stamp source
        // Others' file is opened before anything is written: what fails after that is our own disk.
        use from = onSource (fun () -> File.OpenRead source)
        AtomicFile.Write(target, (fun into -> from.CopyTo into))

        if Files.stamp source = before then
            onSource (fun () -> File.Delete source)
        else
            File.Delete target

    /// From one place to another, whole or not at all, on another disk too. A link is moved as what it leads to: it is read, and removed.
    /// True if the file was renamed: who still writes to it writes to it there.
    let moveWhole (source: string) (target: string) =
        Directory.CreateDirectory(string (Path.GetDirectoryName target)) |> ignore

        if File.Exists target then
            // The copy to another disk was finished and the machine ended before the source was removed.
            onSource (fun () -> File.Delete source)
            false
        elif FileInfo(source).LinkTarget <> null then
            copyWhole source target
            false
        else
            try
                // A rename and nothing else: File.Move copies to another disk, and may leave half a file there.
                Directory.Move(source, target)
                true
            with
            | :? IOException
            | :? UnauthorizedAccessException ->
                if File.Exists source then
                    copyWhole source target
                    false
                else
                    raise (SourceTrouble "went away before it was moved")
