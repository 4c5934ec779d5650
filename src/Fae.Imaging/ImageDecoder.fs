/// Pictures from files and bytes: PNG, JPEG, TIFF, WebP through libvips, BMP through stb; 8 and 16 bit; grey, RGB, with alpha.
namespace Fae.Imaging

open System
open System.Security.Cryptography
open System.Text
open Fae.Core

[<RequireQualifiedAccess>]
module ImageDecoder =
    /// Opens a picture; pixels are decoded when they are needed. One that must be decoded as a whole, or that came from elsewhere, is
    /// refused above `Vips.maxPixels`; of a file in rows any number is read.
    let private openPicture bmp source =
        if bmp then
            Bmp.decode source
        else
            let file = Vips.load (NetVips.VOption()) source

            if source.IsInMemory || not (Planes.comesInRows file) then
                Vips.checkSize file.Width file.Height

            file

    /// A file, whose pixels are decoded when they are needed.
    let internal openFile path =
        let source = OnDisk path
        openPicture (Bmp.isBmp source) source

    /// The same for one look from the first row to the last: what is read is not kept where the format allows it.
    let private openInRows path =
        let file = openFile path

        if not (Bmp.isBmp (OnDisk path)) && Planes.isHuge file && Planes.comesInRows file then
            file.Dispose()
            Vips.loadInRows (OnDisk path)
        else
            file

    /// Height and width after the camera's rotation was applied.
    let private uprightShape (file: NetVips.Image) =
        if Planes.orientation file >= 5 then
            struct (file.Width, file.Height)
        else
            struct (file.Height, file.Width)

    /// The same picture decoded at a fraction of its size, where its format can (JPEG by 2, 4 or 8, WebP by any), but so that each side
    /// keeps half as many pixels again as are wanted, for the resize to average. With it, the height and width that its pixels stand for:
    /// a JPEG's last block of pixels may be averaged over fewer.
    let private shrunk source (file: NetVips.Image) (struct (height: int, width: int)) =
        let struct (fullHeight, fullWidth) = uprightShape file
        let spare = min (float fullHeight / float height) (float fullWidth / float width) / 1.5

        let loader = Vips.loader file

        let reload (extend: NetVips.VOption -> unit) =
            let options = NetVips.VOption()

            if Planes.isHuge file then options.Add("access", NetVips.Enums.Access.Sequential)

            file.Dispose()
            extend options
            Vips.load options source

        if loader.StartsWith "jpegload" && spare >= 2.0 then
            let blocks =
                if spare >= 8.0 then 8
                elif spare >= 4.0 then 4
                else 2

            let file = reload _.Add("shrink", blocks)
            file, struct (float fullHeight / float blocks, float fullWidth / float blocks)
        else
            let same =
                if loader.StartsWith "webpload" && spare > 1.0 then reload _.Add("scale", 1.0 / spare)
                elif Planes.isHuge file then reload ignore
                else file

            let struct (height, width) = uprightShape same
            same, struct (float height, float width)

    let private headerOf name source =
        Vips.guard name (fun () ->
            use image = openPicture (Bmp.isBmp source) source
            let struct (height, width) = uprightShape image
            struct (width, height, image.Bands >= 3))

    /// Width and height of the upright picture, and whether it has colour, from its header alone.
    let header (path: string) = headerOf path (OnDisk path)

    /// The pixels of a picture, from the header in its bytes alone.
    let pixelCount name (bytes: byte[]) =
        headerOf name (InMemory bytes) |> Result.map (fun (struct (width, height, _)) -> int64 width * int64 height)

    let private readSource settings channels (shape: struct (int * int) -> struct (int * int)) name source =
        let decode () =
            let bmp = Bmp.isBmp source
            let file = openPicture bmp source
            let struct (fullHeight, fullWidth) = uprightShape file
            let struct (height, width) = shape (struct (fullHeight, fullWidth))
            Vips.checkSize width height

            let file, own =
                if bmp then
                    file, struct (float fullHeight, float fullWidth)
                else
                    shrunk source file (struct (height, width))

            use file = file
            use upright = file.Autorot()
            let again = if not bmp && Planes.isHuge upright then Some(fun () -> Vips.loadInRows source) else None
            Planes.ofVips again settings channels (struct (height, width)) own name (fullHeight, fullWidth) upright

        Vips.guard name decode |> Result.bind id

    /// What of a file is not looked at, from its header.
    let unread (path: string) : Result<Unread, ImageProblem> =
        Vips.guard path (fun () ->
            use file = openFile path
            Planes.unread file)

    /// The values of a picture.
    let values (path: string) : Result<ValueSpan, ImageProblem> =
        Vips.guard path (fun () ->
            use file = openFile path
            Planes.valuesOf file)

    /// Pixels of a picture that are decoded at once for its digest.
    let private digestedAtOnce = 1 <<< 22

    /// A digest of the upright picture's decoded pixels: the same for every file that holds them, on every machine.
    let digest (path: string) : Result<string, ImageProblem> =
        Vips.guard path (fun () ->
            use file = openInRows path
            use upright = file.Autorot()
            use sha = IncrementalHash.CreateHash HashAlgorithmName.SHA256
            let header = $"{upright.Width} {upright.Height} {upright.Bands} {upright.Format}"
            sha.AppendData(Encoding.UTF8.GetBytes header)

            let bytes = upright.Format = NetVips.Enums.BandFormat.Uchar
            use plain = if bytes then upright.Copy() else upright.Cast(NetVips.Enums.BandFormat.Double)
            use region = NetVips.Region.New plain

            // A few rows at a time: a picture may be larger than memory.
            let rows = max 1 (digestedAtOnce / plain.Width)

            for top in 0..rows .. plain.Height - 1 do
                sha.AppendData(region.Fetch(0, top, plain.Width, min rows (plain.Height - top)))

            Convert.ToHexString(sha.GetHashAndReset(), 0, 16))

    /// Reads a picture with 1 or 3 planes, its values as `settings` say, resized with anti-aliasing to the height and width that `shape`
    /// makes of its own. EXIF rotation is applied first.
    let readAs settings channels shape (path: string) : Result<Picture, ImageProblem> =
        readSource settings channels shape path (OnDisk path)

    /// The same from the bytes of a file; `name` is what a problem calls it.
    let readBytesAs settings channels shape name (bytes: byte[]) : Result<Picture, ImageProblem> =
        readSource settings channels shape name (InMemory bytes)

    /// The same with values by the type of each picture.
    let readTo channels shape path = readAs ValueRange.byType channels shape path

    /// The same from the bytes of a file, with values by the type of each picture.
    let readBytes channels shape name bytes = readBytesAs ValueRange.byType channels shape name bytes

    let private colourIn settings name source =
        match headerOf name source with
        | Ok(struct (_, _, true)) ->
            match readSource settings 3 (fun _ -> struct (64, 64)) name source with
            | Ok picture ->
                let plane c = (Image.plane c picture.Image).Pixels
                let differ a b = Array.exists2 (fun (a: float32) b -> abs (a - b) > 0.02f) a b
                differ (plane 0) (plane 1) || differ (plane 1) (plane 2)
            | Error _ -> false
        | _ -> false

    /// Whether a picture has three different planes: a grey camera's pictures are often stored as RGB. One that cannot be read has none.
    let hasColour settings path = colourIn settings path (OnDisk path)

    /// The same from the bytes of a file.
    let bytesHaveColour settings name (bytes: byte[]) = colourIn settings name (InMemory bytes)

    /// Reads a picture resized to size × size (0: left as it is).
    let read channels (size: int) path = readTo channels (fun own -> if size = 0 then own else struct (size, size)) path
