/// What was done, a line of JSON each, only ever added to: it survives the machine's end at any moment, and says which files need not be done again.
namespace Fae.Cli

open System
open System.Collections.Generic
open System.IO
open System.Text
open System.Text.Json
open System.Text.Json.Nodes

/// A file as it was when it was looked at: its name below the watched folder, its size in bytes, and when it was last written, in ticks of UTC.
[<Struct>]
type FileMark =
    {
        Name: string
        Size: int64
        Changed: int64
    }

type Journal private (path: string, stream: FileStream, lines: Dictionary<string, JsonObject>, count: int) =
    let mutable count = count

    static let text (json: JsonObject) (key: string) =
        match json[key] with
        | null -> None
        | value -> Some(string value)

    static let markOf (json: JsonObject) =
        match text json "path", json["size"], json["changed"] with
        | Some name, (NonNull size), (NonNull changed) ->
            Some
                {
                    Name = name
                    Size = size.GetValue<int64>()
                    Changed = changed.GetValue<int64>()
                }
        | _ -> None

    static let parse (line: string) =
        try
            match JsonNode.Parse line with
            | :? JsonObject as json -> Some json
            | _ -> None
        with :? JsonException ->
            None

    /// Opens or begins a journal; entries of files for which `isThere` is false are counted and not kept. What follows the last whole line was cut off by the
    /// machine's end: it is taken away. A line that is no entry makes it somebody else's file.
    static member Open(path: string, isThere: string -> bool) : Result<Journal, Fault> =
        let stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read)
        let lines = Dictionary()
        let buffer = Array.zeroCreate<byte> 65536
        let line = new MemoryStream()
        let mutable whole = 0L
        let mutable at = 0L
        let mutable count = 0
        let mutable foreign = false
        let mutable read = stream.Read buffer

        // Line by line: a journal may be longer than memory.
        while read > 0 && not foreign do
            for i in 0 .. read - 1 do
                at <- at + 1L

                if buffer[i] <> byte '\n' then
                    line.WriteByte buffer[i]
                elif not foreign then
                    match
                        parse (Encoding.UTF8.GetString(line.GetBuffer(), 0, int line.Length))
                        |> Option.bind (fun json -> markOf json |> Option.map (fun mark -> mark, json))
                    with
                    | None -> foreign <- true
                    | Some(mark, json) ->
                        count <- count + 1

                        if isThere mark.Name then
                            lines[mark.Name] <- json

                    line.SetLength 0L
                    whole <- at

            read <- stream.Read buffer

        if foreign then
            stream.Dispose()
            Error(Usage [ $"{path}: is not a journal of fae watch; take another --out" ])
        else
            stream.SetLength whole
            stream.Seek(0L, SeekOrigin.End) |> ignore
            Ok(new Journal(path, stream, lines, count))

    /// Its file.
    member _.Path = path

    /// Entries from the first on.
    member _.Count = count

    /// The entry of a file, if it was done as it is now.
    member _.Find(mark: FileMark) =
        match lines.TryGetValue mark.Name with
        | true, json when markOf json = Some mark -> Some json
        | _ -> None

    /// Adds an entry; it is on the disk when this returns.
    member _.Add(mark: FileMark, json: JsonObject) =
        json["path"] <- JsonValue.Create mark.Name
        json["size"] <- JsonValue.Create mark.Size
        json["changed"] <- JsonValue.Create mark.Changed
        stream.Write(Encoding.UTF8.GetBytes(json.ToJsonString() + "\n"))
        stream.Flush true
        lines[mark.Name] <- json
        count <- count + 1

    /// Forgets files that are gone from the folder, so that memory holds no more than the folder does; the file keeps them.
    member _.Keep(there: HashSet<string>) =
        for name in List.ofSeq lines.Keys do
            if not (there.Contains name) then
                lines.Remove name |> ignore

    interface IDisposable with
        member _.Dispose() = stream.Dispose()
