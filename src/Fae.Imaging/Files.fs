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

    /// A text that an assembly carries.
    let embedded (assembly: System.Reflection.Assembly) (name: string) =
        match assembly.GetManifestResourceStream name with
        | null -> None
        | stream ->
            use reader = new StreamReader(stream)
            Some(reader.ReadToEnd())
