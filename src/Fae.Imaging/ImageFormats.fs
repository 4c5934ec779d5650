/// Which image formats this machine reads.
namespace Fae.Imaging

open System
open System.IO
open Fae.Core

[<RequireQualifiedAccess>]
module ImageFormats =
    /// Whether this machine reads each format: a file is written and read.
    let test () =
        let works (ending: string) =
            let file = Path.Combine(Path.GetTempPath(), $"fae-{Guid.NewGuid():N}{ending}")

            try
                if ending = ".bmp" then
                    File.WriteAllBytes(file, Bmp.smallest)
                else
                    use picture = ImageEncoder.toVips (Image.constant 1 16 16 0.5f)
                    picture.WriteToFile file

                ImageDecoder.read 1 0 file |> Result.isOk
            finally
                File.Delete file

        [ "PNG", ".png"; "JPEG", ".jpg"; "TIFF", ".tif"; "WebP", ".webp"; "BMP", ".bmp" ]
        |> List.map (fun (name, ending) -> name, (Vips.guard ending (fun () -> works ending) = Ok true))
