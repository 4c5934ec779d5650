/// Archives for Linux and macOS, made on any system.
module Fae.Dev.UnixArchive

open System.Formats.Tar
open System.IO
open System.IO.Compression

let private readable =
    UnixFileMode.UserRead ||| UnixFileMode.UserWrite ||| UnixFileMode.GroupRead ||| UnixFileMode.OtherRead

let private runnable = readable ||| UnixFileMode.UserExecute ||| UnixFileMode.GroupExecute ||| UnixFileMode.OtherExecute

/// The files of a folder as a tar.gz whose one folder has this name. Whoever unpacks it may run the programs, wherever it was made: the
/// tar of Windows and macOS cannot say so, and packages of NuGet have modes of their own.
let write (folder: string) (name: string) (archive: string) =
    use file = File.Create archive
    use packed = new GZipStream(file, CompressionLevel.Optimal)
    use tar = new TarWriter(packed)

    for path in Directory.GetFiles(folder, "*", SearchOption.AllDirectories) |> Array.sort do
        let entry = PaxTarEntry(TarEntryType.RegularFile, name + "/" + Path.GetRelativePath(folder, path).Replace('\\', '/'))
        let isProgram = List.contains (Path.GetFileName path) [ "fae"; "createdump" ]
        entry.Mode <- if isProgram then runnable else readable
        entry.ModificationTime <- File.GetLastWriteTimeUtc path
        use content = File.OpenRead path
        entry.DataStream <- content
        tar.WriteEntry entry
