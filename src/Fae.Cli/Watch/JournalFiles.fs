/// The files of a journal: the one that is written to, and those that were set aside, by Fae itself or by a tool such as logrotate.
namespace Fae.Cli

open System
open System.IO
open System.IO.Compression
open System.Security.Cryptography
open System.Text
open Fae.Imaging

[<RequireQualifiedAccess>]
module JournalFiles =
    /// Opened so that others may read, truncate, rename and remove the file.
    let private shared = FileShare.ReadWrite ||| FileShare.Delete

    let private isCompressed (path: string) = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)

    let openRead (path: string) : Stream =
        let file = new FileStream(path, FileMode.Open, FileAccess.Read, shared)
        if isCompressed path then new GZipStream(file, CompressionMode.Decompress) else file

    let openAppend (path: string) = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, shared)

    /// The files that were set aside, the oldest first: `inspections-20261127T120000.jsonl`, `inspections.jsonl.1`,
    /// `inspections.jsonl-20261127.gz`.
    let aside (path: string) : string list =
        let folder = string (Path.GetDirectoryName(Path.GetFullPath path))
        let stem, name = Files.stem path, Files.name path

        let isOne (other: string) =
            let has (start: string) (more: string) =
                other.StartsWith(start, StringComparison.Ordinal) && other.EndsWith(more, StringComparison.Ordinal)

            (has (stem + "-") ".jsonl" || has (name + ".") "" || has (name + "-") "") && not (has "" ".tmp")

        if Directory.Exists folder then
            Directory.GetFiles folder
            |> Array.filter (Files.name >> isOne)
            |> Array.sortBy (fun file -> File.GetLastWriteTimeUtc file, file)
            |> List.ofArray
        else
            []

    /// A name for a file that is set aside now.
    let private nameAside (path: string) =
        let time = DateTime.UtcNow.ToString("yyyyMMdd'T'HHmmss'.'fff", Globalization.CultureInfo.InvariantCulture)
        Path.Combine(string (Path.GetDirectoryName path), $"{Files.stem path}-{time}.jsonl")

    /// Sets the file aside; returns its new name.
    let setAside (path: string) =
        let other = nameAside path
        File.Move(path, other)
        other

    /// A line of more bytes is no entry; so much of it is kept in memory.
    [<Literal>]
    let LongestLine = 1048576

    /// Calls `onLine` for each whole line, for a journal may be larger than memory; returns where the last one ends. Zeros at the start of
    /// a line are what a tool left that cut the file off under a writer. A line longer than `LongestLine` is cut to that length.
    let readLines (stream: Stream) (onLine: string -> unit) : int64 =
        let buffer = Array.zeroCreate<byte> 65536
        use line = new MemoryStream()
        let mutable ended = 0L
        let mutable position = 0L
        let mutable read = stream.Read buffer

        while read > 0 do
            for i in 0 .. read - 1 do
                position <- position + 1L

                if buffer[i] <> byte '\n' then
                    if (line.Length > 0L || buffer[i] <> 0uy) && line.Length < int64 LongestLine then
                        line.WriteByte buffer[i]
                else
                    if line.Length > 0L then
                        onLine (Encoding.UTF8.GetString(line.GetBuffer(), 0, int line.Length))

                    line.SetLength 0L
                    ended <- position

            read <- stream.Read buffer

        ended

    /// The first character of a file that is neither a zero nor white space, among its first 4 KiB.
    let firstCharacter (path: string) : char option =
        use stream = openRead path
        use reader = new StreamReader(stream)
        let start = Array.zeroCreate<char> 4096
        let length = reader.ReadBlock(start, 0, start.Length)
        start |> Seq.truncate length |> Seq.tryFind (fun c -> c <> '\000' && not (Char.IsWhiteSpace c))

    /// What tells one file of a journal from another, whatever it is called: a digest of its first line. None before there is one.
    let identity (path: string) : string option =
        try
            use stream = openRead path
            use reader = new StreamReader(stream)
            let line = reader.ReadLine()

            match line with
            | NonNull line when not reader.EndOfStream || stream.CanSeek && stream.Length > int64 (Encoding.UTF8.GetByteCount line) ->
                Some(Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes line), 0, 8))
            | _ -> None
        with :? IOException ->
            None
