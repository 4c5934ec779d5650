/// Paths, and texts that an assembly carries.
namespace Fae.Imaging

open System.IO

/// The parts of a path, which .NET calls nullable though for a path they are not.
[<RequireQualifiedAccess>]
module Files =
    let private text (part: string | null) =
        match part with
        | null -> ""
        | part -> part

    /// The last part of a path, with its ending.
    let name (path: string) = text (Path.GetFileName path)

    /// The last part of a path, without its ending.
    let stem (path: string) = text (Path.GetFileNameWithoutExtension path)

    /// The ending, with its dot.
    let extension (path: string) = text (Path.GetExtension path)

    /// Size in bytes and time of the last write, in ticks of UTC, of a file, or of the file that a link leads to; None where there is
    /// none.
    let stamp (path: string) : struct (int64 * int64) option =
        try
            let link = FileInfo path

            let file =
                if not (link.Attributes.HasFlag FileAttributes.ReparsePoint) then
                    link
                else
                    match link.ResolveLinkTarget true with
                    | null -> link
                    | target -> FileInfo target.FullName

            if file.Exists then Some(struct (file.Length, file.LastWriteTimeUtc.Ticks)) else None
        with
        // Links that lead to each other; a folder that must not be looked into; a file that has just gone.
        | :? IOException
        | :? System.UnauthorizedAccessException -> None

    /// A text that an assembly carries.
    let embedded (assembly: System.Reflection.Assembly) (name: string) =
        match assembly.GetManifestResourceStream name with
        | null -> None
        | stream ->
            use reader = new StreamReader(stream)
            Some(reader.ReadToEnd())
