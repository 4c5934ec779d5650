/// The inspections of fae watch: a file of JSON lines that is only appended to. It survives a crash at any moment, and says which files
/// are done.
namespace Fae.Cli

open System
open System.Collections.Generic
open System.IO
open System.Text
open System.Text.Json
open Fae.Data
open Fae.Detection

/// A file as it was when it was inspected: its path below the watched folder, its size in bytes, and when it was last written, in ticks
/// of UTC.
[<Struct>]
type FileStamp = { Name: string; Size: int64; Changed: int64 }

/// What the journal reads of a line.
[<NoComparison>]
type JournalEntry = { Path: string | null; Size: Nullable<int64>; Changed: Nullable<int64>; MovedTo: string | null }

[<RequireQualifiedAccess>]
module JournalEntry =
    let stamp (entry: JournalEntry) : FileStamp option =
        match entry.Path, Option.ofNullable entry.Size, Option.ofNullable entry.Changed with
        | NonNull name, Some size, Some changed -> Some { Name = name; Size = size; Changed = changed }
        | _ -> None

    /// The entry of a line, if it is one.
    let tryParse (line: string) =
        try
            match JsonSerializer.Deserialize<JournalEntry>(line, FaeJson.Compact) with
            | Null -> None
            | NonNull entry -> stamp entry |> Option.map (fun stamp -> stamp, entry)
        with :? JsonException ->
            None

/// Where lines are written, and how large a file may grow before it is set aside.
type JournalOptions = { Path: string; MostBytes: int64 }

type Journal private (options: JournalOptions, entries: Dictionary<string, JournalEntry>, count: int) =
    let path = options.Path
    let mutable count = count
    let mutable stream = JournalFiles.openAppend path

    /// The file under the journal's name may be another one by now, or none: somebody has set it aside.
    let reopen () =
        let there = FileInfo path

        if not there.Exists || there.Length <> stream.Length then
            stream.Dispose()
            stream <- JournalFiles.openAppend path

    let setAsideIfFull (more: int) =
        if stream.Length > 0L && stream.Length + int64 more > options.MostBytes then
            stream.Dispose()
            JournalFiles.setAside path |> ignore
            stream <- JournalFiles.openAppend path

    /// Opens or creates a journal; files of it that were set aside are read too. Entries of files for which `exists` is false are counted
    /// and not kept. What follows the last whole line was cut off by a crash and is removed. Lines that are no entries are passed over,
    /// and `warn` hears of them; a file without any entry that is not empty is somebody else's and is refused.
    static member Open(options: JournalOptions, exists: string -> bool, warn: string -> unit) : Result<Journal, Fault> =
        let entries = Dictionary()
        let mutable count = 0

        /// Where the last whole line ends, and how many lines are entries and how many are not.
        let read file =
            use stream = JournalFiles.openRead file
            let mutable good = 0
            let mutable bad = 0

            let ended =
                JournalFiles.readLines stream (fun line ->
                    match JournalEntry.tryParse line with
                    | Some(stamp, entry) ->
                        good <- good + 1
                        if exists stamp.Name then entries[stamp.Name] <- entry
                    | None -> bad <- bad + 1)

            count <- count + good
            struct (ended, good, bad)

        let passedOver file bad = if bad > 0 then warn $"{file}: {bad} line(s) that are no entries are passed over"

        for file in JournalFiles.aside options.Path do
            try
                let struct (_, good, bad) = read file
                if good > 0 then passedOver file bad
            with
            | :? IOException
            | :? InvalidDataException
            | :? UnauthorizedAccessException as e -> warn $"{file}: cannot be read ({e.Message}); what it says is done again"

        let struct (ended, good, bad) = if File.Exists options.Path then read options.Path else struct (0L, 0, 0)

        /// A line that was cut off starts like any other.
        let isOurs =
            good > 0
            || bad = 0
               && (not (File.Exists options.Path)
                   || FileInfo(options.Path).Length = ended
                   || JournalFiles.firstCharacter options.Path |> Option.forall ((=) '{'))

        if not isOurs then
            Error(Usage [ $"{options.Path}: is not a journal of fae watch; take another --out" ])
        else
            passedOver options.Path bad
            use stream = JournalFiles.openAppend options.Path
            stream.SetLength ended
            Ok(new Journal(options, entries, count))

    member _.Path = path

    /// Number of entries since the journal was created, those of files that were set aside too.
    member _.Count = count

    /// The entry of a file, if it was inspected as it is now.
    member _.Find(stamp: FileStamp) =
        match entries.TryGetValue stamp.Name with
        | true, entry when JournalEntry.stamp entry = Some stamp -> Some entry
        | _ -> None

    /// Whether a file of this name was inspected and is to stay where it is.
    member _.IsDone(name: string) =
        match entries.TryGetValue name with
        | true, entry -> isNull entry.MovedTo
        | _ -> false

    /// Appends the line of a file; it is on the disk when this returns.
    member _.Add(stamp: FileStamp, movedTo: string | null, line: string) =
        let bytes = Encoding.UTF8.GetBytes(line + "\n")
        reopen ()
        setAsideIfFull bytes.Length
        // At the end as it is now: somebody may have cut the file off.
        stream.Seek(0L, SeekOrigin.End) |> ignore
        stream.Write bytes
        stream.Flush true

        entries[stamp.Name] <- { Path = stamp.Name; Size = Nullable stamp.Size; Changed = Nullable stamp.Changed; MovedTo = movedTo }

        count <- count + 1

    /// Forgets files that are gone from the folder, so that memory does not grow; the file keeps them.
    member _.Keep(present: HashSet<string>) =
        for name in entries.Keys |> Seq.filter (present.Contains >> not) |> List.ofSeq do
            entries.Remove name |> ignore

    interface IDisposable with
        member _.Dispose() = stream.Dispose()
