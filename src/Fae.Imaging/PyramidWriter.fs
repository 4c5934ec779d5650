/// Large pictures written row by row: pyramidal TIFF, which viewers of microscopy and mapping open at once at any zoom.
namespace Fae.Imaging

open System
open System.IO

/// Writes 8-bit RGB rows to a tiled, pyramidal TIFF, in memory for a few rows. The rows wait uncompressed in a file beside the target,
/// three bytes a pixel. The target is there when `Complete` has returned, or not at all. To be disposed of.
type PyramidWriter(path: string, width: int, height: int) =
    let beside ending =
        Path.Combine(string (Path.GetDirectoryName(Path.GetFullPath path)), $".{Files.name path}.{Environment.ProcessId}.{ending}")

    let raw, temporary = beside "rows.tmp", beside "tmp"
    let rows = new FileStream(raw, FileMode.Create, FileAccess.Write)

    /// The next rows, three bytes a pixel.
    member _.Write(pixels: byte[]) = rows.Write pixels

    /// Writes the TIFF from its rows.
    member _.Complete() : Result<unit, ImageProblem> =
        rows.Dispose()

        Vips.guard path (fun () ->
            use picture = NetVips.Image.Rawload(raw, width, height, 3, access = NetVips.Enums.Access.Sequential)
            use colours = picture.Copy(interpretation = NetVips.Enums.Interpretation.Srgb)

            colours.Tiffsave(
                temporary,
                compression = NetVips.Enums.ForeignTiffCompression.Jpeg,
                q = 90,
                tile = true,
                tileWidth = 256,
                tileHeight = 256,
                pyramid = true,
                bigtiff = true
            )

            File.Move(temporary, path, true))

    interface IDisposable with
        member _.Dispose() =
            rows.Dispose()
            File.Delete raw
            File.Delete temporary
