/// The pictures of a project and the masks of defects.
namespace Fae.Studio

open System
open System.IO
open System.Security.Cryptography
open Fae.Core
open Fae.Detection
open Fae.Imaging

/// A picture's file; `Mask`: there are marks of its defects.
type StoredPicture = { Name: string; Kind: PictureKind; Path: string; Mask: string option }

[<RequireQualifiedAccess>]
module PictureStore =
    let private maskEnding = "_mask.png"

    let private maskOf (path: string) = Path.Combine(nonNull (Path.GetDirectoryName path), Files.stem path + maskEnding)

    let private isMask (path: string) = path.EndsWith(maskEnding, StringComparison.Ordinal)

    let list project kind : StoredPicture list =
        let folder = Project.pictures kind project

        if Directory.Exists folder then
            ImageFolder.list folder
            |> List.filter (isMask >> not)
            |> List.map (fun path ->
                let mask = maskOf path

                { Name = Files.name path; Kind = kind; Path = path; Mask = if File.Exists mask then Some mask else None })
        else
            []

    /// A name of the list, and nothing else that a request might write.
    let tryFind project kind name = list project kind |> List.tryFind (fun picture -> picture.Name = name)

    /// A file's name without what other systems forbid.
    let private safeName (name: string) =
        let name = Files.name (name.Replace('\\', '/'))
        let safe = name |> String.map (fun c -> if Char.IsLetterOrDigit c || "-_. ".Contains(c: char) then c else '_')
        safe.TrimStart '.'

    let private write (path: string) (bytes: byte[]) = AtomicFile.Write(path, (fun stream -> stream.Write(bytes, 0, bytes.Length)))

    /// A name that no other picture has; the same bytes under the same name are the same picture.
    let rec private placed folder (name: string) (bytes: byte[]) number =
        let numbered = if number = 0 then name else $"{Files.stem name}-{number}{Files.extension name}"
        let path = Path.Combine(folder, numbered)

        if not (File.Exists path) then
            write path bytes
            numbered
        elif SHA256.HashData(File.ReadAllBytes path) = SHA256.HashData bytes then
            numbered
        else
            placed folder name bytes (number + 1)

    /// Adds a picture that can be read; its name there. An error is one line.
    let add project kind (name: string) (bytes: byte[]) : Result<string, string> =
        let name = safeName name

        if not (ImageFolder.isPicture name) then
            Error $"{name}: is no picture by its name (.png, .jpg, .tif, .bmp, .webp)"
        elif isMask name then
            Error $"{name}: a name with {maskEnding} is a mask's"
        else
            match ImageDecoder.pixelCount name bytes with
            | Error problem -> Error $"{name}: {problem.Reason}"
            | Ok _ ->
                let folder = Project.pictures kind project
                Directory.CreateDirectory folder |> ignore
                Ok(placed folder name bytes 0)

    /// Takes a picture out, with its mask; both stay in the project's folder removed/.
    let remove project (picture: StoredPicture) =
        let folder = Path.Combine(Project.removed project, PictureKind.name picture.Kind)
        Directory.CreateDirectory folder |> ignore

        for path in picture.Path :: Option.toList picture.Mask do
            File.Move(path, Path.Combine(folder, Files.name path), overwrite = true)

    let private shrunk side (struct (height: int, width: int)) =
        let scale = min 1.0 (float side / float (max height width))
        struct (max 1 (int (scale * float height)), max 1 (int (scale * float width)))

    /// A small picture, JPEG.
    let thumbnail side (picture: StoredPicture) : Result<byte[], string> =
        ImageDecoder.readTo 3 (shrunk side) picture.Path
        |> Result.map (fun decoded -> ImageEncoder.toJpeg decoded.Image)
        |> Result.mapError _.Reason

    /// A mask as black and white of a picture's size, from what a person painted, or nothing where it is all black.
    let private binary (painted: byte[]) (picture: string) : Result<byte[] option, string> =
        match ImageDecoder.header picture with
        | Error problem -> Error problem.Reason
        | Ok(struct (width, height, _)) ->
            ImageDecoder.readBytes 1 (fun _ -> struct (height, width)) "mask" painted
            |> Result.mapError _.Reason
            |> Result.map (fun decoded ->
                let mask = decoded.Image |> Image.map (fun v -> if v >= 0.5f then 1.0f else 0.0f)

                if Array.exists (fun v -> v > 0.0f) mask.Pixels then
                    Some(ImageEncoder.toPng mask)
                else
                    None)

    let private writeMask (path: string) painted picture =
        binary painted picture
        |> Result.map (function
            | Some bytes -> write path bytes
            | None -> File.Delete path)

    /// Keeps the marks of a bad picture's defects: white where they are, at any size; an empty mask removes them.
    let setMask (picture: StoredPicture) (painted: byte[]) : Result<unit, string> = writeMask (maskOf picture.Path) painted picture.Path

    /// Keeps what is to be ignored in all pictures: white there; an empty mask removes it.
    let setIgnore project (painted: byte[]) : Result<unit, string> =
        match list project Good with
        | [] -> Error "add good pictures first: the mask has their shape"
        | first :: _ -> writeMask (Project.ignoreMask project) painted first.Path
