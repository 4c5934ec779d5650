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

type Journal private (path: string, stream: FileStream, entries: Dictionary<string, JournalEntry>, count: int) =
    let mutable count = count

    /// Reads whole lines one by one, for a journal may be larger than memory; returns where the last one ends, or None if a line is no
    /// entry.
    static let readLines (stream: FileStream) (onEntry: FileStamp * JournalEntry -> unit) =
        let buffer = Array.zeroCreate<byte> 65536
        use line = new MemoryStream()
        let mutable valid = true
        let mutable ended = 0L
        let mutable position = 0L
        let mutable read = stream.Read buffer

        while read > 0 && valid do
            for i in 0 .. read - 1 do
                position <- position + 1L

                if buffer[i] <> byte '\n' then
                    line.WriteByte buffer[i]
                elif valid then
                    match JournalEntry.tryParse (Encoding.UTF8.GetString(line.GetBuffer(), 0, int line.Length)) with
                    | Some found -> onEntry found
                    | None -> valid <- false

                    line.SetLength 0L
                    ended <- position

            read <- stream.Read buffer

        if valid then Some ended else None

    /// Opens or creates a journal. Entries of files for which `exists` is false are counted and not kept. What follows the last whole
    /// line was cut off by a crash and is removed. A file with a line that is no entry is refused.
    static member Open(path: string, exists: string -> bool) : Result<Journal, Fault> =
        let stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read)
        let entries = Dictionary()
        let mutable count = 0

        let ended =
            readLines stream (fun (stamp, entry) ->
                count <- count + 1

                if exists stamp.Name then entries[stamp.Name] <- entry)

        match ended with
        | None ->
            stream.Dispose()
            Error(Usage [ $"{path}: is not a journal of fae watch; take another --out" ])
        | Some ended ->
            stream.SetLength ended
            stream.Seek(0L, SeekOrigin.End) |> ignore
            Ok(new Journal(path, stream, entries, count))

    member _.Path = path

    /// Number of entries since the journal was created.
    member _.Count = count

    /// The entry of a file, if it was inspected as it is now.
    member _.Find(stamp: FileStamp) =
        match entries.TryGetValue stamp.Name with
        | true, entry when JournalEntry.stamp entry = Some stamp -> Some entry
        | _ -> None

    /// Appends the line of a file; it is on the disk when this returns.
    member _.Add(stamp: FileStamp, movedTo: string | null, line: string) =
        stream.Write(Encoding.UTF8.GetBytes(line + "\n"))
        stream.Flush true

        entries[stamp.Name] <- { Path = stamp.Name; Size = Nullable stamp.Size; Changed = Nullable stamp.Changed; MovedTo = movedTo }

        count <- count + 1

    /// Forgets files that are gone from the folder, so that memory does not grow; the file keeps them.
    member _.Keep(present: HashSet<string>) =
        for name in List.ofSeq entries.Keys do
            if not (present.Contains name) then entries.Remove name |> ignore

    interface IDisposable with
        member _.Dispose() = stream.Dispose()
