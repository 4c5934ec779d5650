/// Pictures on disk: PNG, JPEG, TIFF, WebP through libvips, BMP (which it leaves out) through stb; 8 and 16 bit; grey, RGB, with alpha.
namespace Fae.Data

#nowarn 9 // the address of pinned memory

open System
open System.IO
open Fae.Core
open Fae.Kernels

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

/// Why a picture cannot be used.
type ImageProblem =
    {
        Path: string
        Reason: string
    }

    override problem.ToString() = $"{problem.Path}: {problem.Reason}"

/// A picture as read: its pixels in [0, 1] at the size asked for, and the size that it had.
[<NoComparison>]
type Picture =
    {
        Image: Image
        OriginalWidth: int
        OriginalHeight: int
    }

/// Pixels as a camera hands them over: rows of `Bands` values of `Depth` bytes each, a row every `Stride` bytes; of four values the last is passed over. Swapped: blue first.
[<NoComparison; NoEquality>]
type PixelBuffer =
    {
        Pixels: ReadOnlyMemory<byte>
        Width: int
        Height: int
        Stride: int
        Bands: int
        Depth: int
        Swapped: bool
    }

[<RequireQualifiedAccess>]
module ImageFile =
    let private extensions = set [ ".png"; ".jpg"; ".jpeg"; ".tif"; ".tiff"; ".bmp"; ".webp" ]

    /// More pixels than this are refused before they are decoded.
    let largestPixels = 400_000_000L

    let isPicture (path: string) = extensions.Contains((Files.extension path).ToLowerInvariant())

    /// The pictures of a folder, in ordinal order of their names; hidden files are passed over.
    let list (folder: string) =
        if Directory.Exists folder then
            Directory.GetFiles folder
            |> Array.filter (fun path -> isPicture path && not ((Files.name path).StartsWith '.'))
            |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
            |> List.ofArray
        else
            []

    /// The pictures of a folder and of all folders in it; hidden folders are passed over.
    let rec listAll (folder: string) =
        if Directory.Exists folder then
            let inner =
                Directory.GetDirectories folder
                |> Array.filter (fun path -> not ((Files.name path).StartsWith '.'))
                |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))

            list folder @ List.collect listAll (List.ofArray inner)
        else
            []

    /// libvips' warnings go here instead of to the terminal, and what GLib says of numbers in headers that make no sense.
    let routeWarnings (log: string -> unit) =
        for domain, level in
            [
                "VIPS", NetVips.Enums.LogLevelFlags.Warning
                "GLib-GObject", NetVips.Enums.LogLevelFlags.Critical
            ] do
            NetVips.Log.SetLogHandler(domain, level, (fun _ _ message -> log message))
            |> ignore

    /// Whether a file was listed under a name that is no UTF-8: .NET knows no name to open it by.
    let isUnreachable (path: string) = path.Contains '\uFFFD' && not (File.Exists path)

    let unreachable = "its name is not UTF-8, so it cannot be opened; rename the file"

    let private guard path (work: unit -> 'a) =
        let problem reason =
            Error
                {
                    Path = path
                    Reason = if isUnreachable path then unreachable else reason
                }

        try
            Ok(work ())
        with
        | :? NetVips.VipsException as e -> problem ("cannot be read: " + e.Message.Trim().Split('\n')[0])
        | :? IOException
        | :? UnauthorizedAccessException as e -> problem e.Message

    let private refuse (reason: string) = raise (NetVips.VipsException reason)

    let private checkSize (width: int) (height: int) =
        if int64 width * int64 height > largestPixels then
            refuse $"it has {width}×{height} pixels, more than the {largestPixels / 1_000_000L} million allowed"

    /// Where a picture's bytes are.
    type private Source =
        | OnDisk of path: string
        | InMemory of byte[]

    let private contents source : Stream =
        match source with
        | OnDisk path -> File.OpenRead path
        | InMemory bytes -> new MemoryStream(bytes, false)

    let private isBmp source =
        use file = contents source
        file.ReadByte() = int 'B' && file.ReadByte() = int 'M'

    /// How long an uncompressed BMP of this size must be: stb takes what is missing for black. Rows are padded to four bytes.
    let private bmpLength (file: Stream) (width: int) (height: int) =
        use reader = new BinaryReader(file, Text.Encoding.ASCII, leaveOpen = true)

        let at position (read: BinaryReader -> int64) =
            file.Position <- position
            read reader

        let start = at 10L (_.ReadUInt32() >> int64)
        // The oldest header (12 bytes) keeps its bit count four bytes earlier.
        let bits = at (if at 14L (_.ReadUInt32() >> int64) = 12L then 24L else 28L) (_.ReadUInt16() >> int64)
        start + (int64 width * bits + 31L) / 32L * 4L * int64 height

    /// Bytes, colours side by side, as a picture of libvips'.
    let private overMemory (pixels: byte[]) width height bands =
        // The image over .NET's memory must be disposed of: what holds the memory does not let it go otherwise.
        use memory = NetVips.Image.NewFromMemory(pixels, width, height, bands, NetVips.Enums.BandFormat.Uchar)

        memory.Copy(
            interpretation =
                if bands < 3 then
                    NetVips.Enums.Interpretation.Bw
                else
                    NetVips.Enums.Interpretation.Srgb
        )

    /// A BMP's pixels; the header is looked at before anything is allocated.
    let private ofBmp source =
        use file = contents source
        let info = StbImageSharp.ImageInfo.FromStream file

        if not info.HasValue then
            refuse "it is no BMP of a known kind"

        checkSize info.Value.Width info.Value.Height

        if file.Length < bmpLength file info.Value.Width info.Value.Height then
            refuse "it is cut short"

        file.Position <- 0L

        let decoded =
            try
                StbImageSharp.ImageResult.FromStream(file, StbImageSharp.ColorComponents.Default)
            with e when not (e :? OutOfMemoryException) ->
                refuse $"its BMP data are damaged ({e.Message})"

        overMemory decoded.Data decoded.Width decoded.Height (int decoded.Comp)

    /// libvips remembers what it read by the file's name: a file that was replaced would be seen as it was.
    let private forgetful = lazy (NetVips.Cache.Max <- 0)

    let private load (options: NetVips.VOption) source =
        forgetful.Force()

        match source with
        | OnDisk path -> NetVips.Image.NewFromFile(path, failOn = NetVips.Enums.FailOn.Error, kwargs = options)
        | InMemory bytes -> NetVips.Image.NewFromBuffer(bytes, failOn = NetVips.Enums.FailOn.Error, kwargs = options)

    /// The camera's rotation: 1 for none, to 8.
    let private orientation (file: NetVips.Image) =
        if file.Contains "orientation" then
            match file.Get "orientation" with
            | :? int as orientation -> orientation
            | _ -> 1
        else
            1

    /// From so many pixels on, rows are used as they are decoded instead of after all of them: less memory, for a thread more. A rotation needs
    /// them all.
    let private isHuge (file: NetVips.Image) = int64 file.Width * int64 file.Height > 16_000_000L && orientation file <= 1

    /// A picture whose header is read and whose size is bearable; its pixels are decoded when they are asked for.
    let private openPicture bmp source =
        if bmp then
            ofBmp source
        else
            let file = load (NetVips.VOption()) source
            checkSize file.Width file.Height
            file

    /// Height and width after the camera's rotation was applied.
    let private uprightShape (file: NetVips.Image) =
        if orientation file >= 5 then
            struct (file.Width, file.Height)
        else
            struct (file.Height, file.Width)

    /// The same picture decoded at a fraction of its size, where its format can (JPEG by 2, 4 or 8, WebP by any), but so that each side
    /// keeps half as many pixels again as are wanted, for the resize to average. With it, the height and width that its pixels stand for: a JPEG's last block of
    /// pixels may be averaged over fewer.
    let private shrunk source (file: NetVips.Image) (struct (height: int, width: int)) =
        let struct (fullHeight, fullWidth) = uprightShape file
        let spare = min (float fullHeight / float height) (float fullWidth / float width) / 1.5

        let loader =
            match file.Get "vips-loader" with
            | :? string as name -> name
            | _ -> ""

        let reload (extend: NetVips.VOption -> unit) =
            let options = NetVips.VOption()

            if isHuge file then
                options.Add("access", NetVips.Enums.Access.Sequential)

            file.Dispose()
            extend options
            load options source

        if loader.StartsWith "jpegload" && spare >= 2.0 then
            let blocks =
                if spare >= 8.0 then 8
                elif spare >= 4.0 then 4
                else 2

            let file = reload _.Add("shrink", blocks)
            file, struct (float fullHeight / float blocks, float fullWidth / float blocks)
        else
            let same =
                if loader.StartsWith "webpload" && spare > 1.0 then
                    reload _.Add("scale", 1.0 / spare)
                elif isHuge file then
                    reload ignore
                else
                    file

            let struct (height, width) = uprightShape same
            same, struct (float height, float width)

    /// Full scale of a band format.
    let private fullScale (image: NetVips.Image) =
        match image.Format with
        | NetVips.Enums.BandFormat.Uchar -> 255.0f
        | NetVips.Enums.BandFormat.Ushort -> 65535.0f
        | _ -> 1.0f

    /// To 1 or 3 planes: alpha is laid on black, colour spaces become sRGB or grey.
    let private toChannels channels (image: NetVips.Image) =
        let flat = if image.HasAlpha() then image.Flatten() else image
        let deep = flat.Format = NetVips.Enums.BandFormat.Ushort

        if channels = 1 then
            if flat.Bands = 1 then
                flat
            else
                flat.Colourspace(
                    if deep then
                        NetVips.Enums.Interpretation.Grey16
                    else
                        NetVips.Enums.Interpretation.Bw
                )
        else if flat.Bands = 1 then
            flat.Bandjoin(flat, flat)
        else
            flat.Colourspace(
                if deep then
                    NetVips.Enums.Interpretation.Rgb16
                else
                    NetVips.Enums.Interpretation.Srgb
            )

    /// A decoded picture as planes of height × width; its pixels stand for as many as `span` says.
    let private toPlanes name channels scale (struct (height: int, width: int)) (span: struct (float * float)) (image: NetVips.Image) =
        let planes = Array.zeroCreate (channels * height * width)
        let problem reason = Error { Path = name; Reason = reason }

        let split (pixels: 'a[]) =
            if image.Height = height && image.Width = width then
                PlanesKernel.Split(ReadOnlySpan pixels, channels, scale, Span planes)
            else
                ResampleKernel.Split(
                    pixels,
                    channels,
                    struct (image.Height, image.Width),
                    span,
                    scale,
                    planes.AsMemory(),
                    struct (height, width)
                )

        if image.Bands <> channels then
            problem $"has {image.Bands} bands, which are neither grey nor colour"
        else
            let finite =
                match image.Format with
                | NetVips.Enums.BandFormat.Uchar -> split (image.WriteToMemory<byte>())
                | NetVips.Enums.BandFormat.Ushort -> split (image.WriteToMemory<uint16>())
                | _ ->
                    use floating = image.Cast(NetVips.Enums.BandFormat.Float)
                    split (floating.WriteToMemory<float32>())

            if finite then
                Ok(Image.ofArray channels height width planes)
            else
                problem "holds values that are no numbers (NaN or infinite)"

    let private headerOf name source =
        guard name (fun () ->
            use image = openPicture (isBmp source) source
            struct (image.Width, image.Height, image.Bands >= 3))

    /// Width, height and whether a picture has colour, from its header alone.
    let header (path: string) = headerOf path (OnDisk path)

    /// The pixels of a picture, from the header in its bytes alone.
    let pixelsOf name (bytes: byte[]) =
        headerOf name (InMemory bytes)
        |> Result.map (fun (struct (width, height, _)) -> int64 width * int64 height)

    /// More pixels than this are averaged in whole blocks before they are resized, as they are decoded: less memory. Four times the size asked for is left.
    let private bounded (struct (height: int, width: int)) (struct (ownHeight: float, ownWidth: float)) (image: NetVips.Image) =
        let blocks = int (min (ownHeight / float height) (ownWidth / float width) / 4.0)

        if isHuge image && blocks > 1 then
            let floating = image.Cast(NetVips.Enums.BandFormat.Float)
            floating.Shrink(blocks, blocks), struct (ownHeight / float blocks, ownWidth / float blocks)
        else
            image, struct (ownHeight, ownWidth)

    /// Decoded pixels to planes of the shape that is asked for, where they stand for so many pixels.
    let private finish channels (struct (height, width)) own name (fullHeight, fullWidth) (upright: NetVips.Image) =
        use coloured = toChannels channels upright
        let small, span = bounded (struct (height, width)) own coloured
        use small = small

        toPlanes name channels (1.0f / fullScale coloured) (struct (height, width)) span small
        |> Result.map (fun image ->
            {
                Image = image
                OriginalWidth = fullWidth
                OriginalHeight = fullHeight
            })

    let private readSource channels (shape: struct (int * int) -> struct (int * int)) name source =
        let decode () =
            let bmp = isBmp source
            let file = openPicture bmp source
            let struct (fullHeight, fullWidth) = uprightShape file
            let struct (height, width) = shape (struct (fullHeight, fullWidth))

            let file, own =
                if bmp then
                    file, struct (float fullHeight, float fullWidth)
                else
                    shrunk source file (struct (height, width))

            use file = file
            use upright = file.Autorot()
            finish channels (struct (height, width)) own name (fullHeight, fullWidth) upright

        guard name decode |> Result.bind id

    /// Reads a picture with 1 or 3 planes, resized with anti-aliasing to the height and width that `shape` makes of its own. EXIF rotation is
    /// applied first.
    let readTo channels shape (path: string) : Result<Picture, ImageProblem> = readSource channels shape path (OnDisk path)

    /// The same from the bytes of a file; `name` is what a problem calls it.
    let readBytes channels shape name (bytes: byte[]) : Result<Picture, ImageProblem> = readSource channels shape name (InMemory bytes)

    let private colourIn name source =
        match headerOf name source with
        | Ok(struct (_, _, true)) ->
            match readSource 3 (fun _ -> struct (64, 64)) name source with
            | Ok picture ->
                let plane c = (Image.plane c picture.Image).Pixels
                let differ a b = Array.exists2 (fun (a: float32) b -> abs (a - b) > 0.02f) a b
                differ (plane 0) (plane 1) || differ (plane 1) (plane 2)
            | Error _ -> false
        | _ -> false

    /// Whether a picture has three different planes: a grey camera's pictures are often stored as RGB. One that cannot be read has none.
    let hasColour path = colourIn path (OnDisk path)

    /// The same from the bytes of a file.
    let bytesHaveColour name (bytes: byte[]) = colourIn name (InMemory bytes)

    /// Reads a picture resized to size × size (0: left as it is).
    let read channels (size: int) path = readTo channels (fun own -> if size = 0 then own else struct (size, size)) path

    /// Reads a mask: grey, resized to what `shape` makes of its own shape and binarised at half.
    let readMask shape (path: string) =
        readTo 1 shape path
        |> Result.map (fun picture -> Image.map (fun v -> if v >= 0.5f then 1.0f else 0.0f) picture.Image)

    /// The light divided out of a picture that was read.
    let private relight (config: Config) (picture: Picture) =
        { picture with
            Image = ScoringKernel.DivideLight(config.Image.Light, picture.Image)
        }

    /// A picture made ready for the network: read, resized, the light divided out.
    let prepare (config: Config) channels path =
        readTo channels (Config.preparedShape config) path
        |> Result.map (relight config)

    /// The same from the bytes of a file.
    let prepareBytes (config: Config) channels name bytes =
        readBytes channels (Config.preparedShape config) name bytes
        |> Result.map (relight config)

    /// Rows without gaps between them: the buffer's own memory where libvips can be told to pass the gaps over, else a copy.
    let private rows (buffer: PixelBuffer) =
        let pixel = buffer.Bands * buffer.Depth

        if
            buffer.Stride % pixel = 0
            && buffer.Pixels.Length >= buffer.Stride * buffer.Height
        then
            struct (buffer.Pixels, buffer.Stride / pixel)
        else
            let row = buffer.Width * pixel
            let packed = Array.zeroCreate<byte>(row * buffer.Height)

            for y in 0 .. buffer.Height - 1 do
                buffer.Pixels.Span.Slice(y * buffer.Stride, row).CopyTo(Span(packed, y * row, row))

            struct (ReadOnlyMemory packed, buffer.Width)

    let private coloursOf (buffer: PixelBuffer) (whole: NetVips.Image) =
        if buffer.Bands = 1 then
            whole.Copy(
                interpretation =
                    if buffer.Depth = 2 then
                        NetVips.Enums.Interpretation.Grey16
                    else
                        NetVips.Enums.Interpretation.Bw
            )
        else
            let band (index: int) = whole.ExtractBand index

            let colours =
                if buffer.Swapped then
                    (band 2).Bandjoin(band 1, band 0)
                else
                    whole.ExtractBand(0, n = 3)

            colours.Copy(interpretation = NetVips.Enums.Interpretation.Srgb)

    /// A camera's pixels made ready for the network, as the same pixels in a PNG would be; nothing is copied before the resize unless the rows are oddly padded.
    let preparePixels (config: Config) channels name (buffer: PixelBuffer) =
        guard name (fun () ->
            checkSize buffer.Width buffer.Height
            let struct (pixels, pitch) = rows buffer
            use pin = pixels.Pin()

            let address =
                pin.Pointer
                |> NativeInterop.NativePtr.ofVoidPtr<byte>
                |> NativeInterop.NativePtr.toNativeInt

            let format =
                if buffer.Depth = 2 then
                    NetVips.Enums.BandFormat.Ushort
                else
                    NetVips.Enums.BandFormat.Uchar

            use padded =
                NetVips.Image.NewFromMemory(
                    address,
                    uint64 (pitch * buffer.Bands * buffer.Depth * buffer.Height),
                    pitch,
                    buffer.Height,
                    buffer.Bands,
                    format
                )

            use whole = padded.Crop(0, 0, buffer.Width, buffer.Height)
            use coloured = coloursOf buffer whole
            let shape = Config.preparedShape config (struct (buffer.Height, buffer.Width))
            finish channels shape (struct (float buffer.Height, float buffer.Width)) name (buffer.Height, buffer.Width) coloured)
        |> Result.bind id
        |> Result.map (relight config)

    /// A prepared picture, if the mask that says what is ignored is of its shape.
    let fits (ignore: Image | null) name (picture: Picture) =
        match ignore with
        | null -> Ok picture
        | mask when (mask.Height, mask.Width) = (picture.Image.Height, picture.Image.Width) -> Ok picture
        | _ ->
            Error
                {
                    Path = name
                    Reason =
                        $"its {picture.OriginalWidth}×{picture.OriginalHeight} pixels are not of the shape of the mask that says what to ignore"
                }

    let private toVips (image: Image) =
        let bytes = Array.zeroCreate<byte> image.Pixels.Length

        for c in 0 .. image.Channels - 1 do
            for i in 0 .. image.Area - 1 do
                let v = image.Pixels[c * image.Area + i]
                bytes[i * image.Channels + c] <- byte (max 0.0f (min 255.0f (round (255.0f * v))))

        overMemory bytes image.Width image.Height image.Channels

    /// An image of values in [0, 1] as the bytes of an 8-bit PNG.
    let toPng (image: Image) =
        use picture = toVips image
        picture.PngsaveBuffer()

    /// As the bytes of a JPEG, for the many thumbnails of a report.
    let toJpeg (image: Image) =
        use picture = toVips image
        picture.JpegsaveBuffer(q = 85)

    /// Resizes with anti-aliasing.
    let resize height width (image: Image) =
        ResampleKernel.Resize(image, height, width)
        |> Image.map (fun v -> max 0.0f (min 1.0f v))

    /// The smallest BMP: one grey pixel, bottom-up, 24 bits.
    let private bmpBytes =
        Array.concat
            [
                [|
                    byte 'B'
                    byte 'M'
                    58uy
                    0uy
                    0uy
                    0uy
                    0uy
                    0uy
                    0uy
                    0uy
                    54uy
                    0uy
                    0uy
                    0uy
                |]
                [|
                    40uy
                    0uy
                    0uy
                    0uy
                    1uy
                    0uy
                    0uy
                    0uy
                    1uy
                    0uy
                    0uy
                    0uy
                    1uy
                    0uy
                    24uy
                    0uy
                |]
                Array.zeroCreate 24
                [| 128uy; 128uy; 128uy; 0uy |]
            ]

    /// The formats, and whether this machine reads them: each is written to a file and read back.
    let formats () =
        let works (ending: string) =
            let file = Path.Combine(Path.GetTempPath(), $"fae-{Guid.NewGuid():N}{ending}")

            try
                if ending = ".bmp" then
                    File.WriteAllBytes(file, bmpBytes)
                else
                    use picture = toVips (Image.constant 1 16 16 0.5f)
                    picture.WriteToFile file

                read 1 0 file |> Result.isOk
            finally
                File.Delete file

        [
            "PNG", ".png"
            "JPEG", ".jpg"
            "TIFF", ".tif"
            "WebP", ".webp"
            "BMP", ".bmp"
        ]
        |> List.map (fun (name, ending) -> name, (guard ending (fun () -> works ending) = Ok true))
