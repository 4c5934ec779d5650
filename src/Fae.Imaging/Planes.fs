/// From a decoded libvips image to planes of floats in [0, 1].
namespace Fae.Imaging

open System
open Fae.Core
open Fae.Kernels

[<RequireQualifiedAccess>]
module internal Planes =
    /// A number of the metadata, or what is to be taken where there is none.
    let private number (name: string) otherwise (file: NetVips.Image) =
        if file.Contains name then
            match file.Get name with
            | :? int as number -> number
            | _ -> otherwise
        else
            otherwise

    /// The camera's rotation: 1 for none, to 8.
    let orientation (file: NetVips.Image) = number "orientation" 1 file

    /// Pages of a file after the first, or frames of an animation; and bands that were left out.
    let unread (file: NetVips.Image) =
        { FurtherPages = max 0 (number "n-pages" 1 file - 1); FurtherBands = number Vips.furtherBands 0 file }

    /// From so many pixels on, rows are used as they are decoded instead of after all of them: less memory, for a thread more. A rotation
    /// needs them all.
    let isHuge (file: NetVips.Image) = int64 file.Width * int64 file.Height > 16_000_000L && orientation file <= 1

    /// Whether a file's rows can be had one after the other: not those of an interlaced PNG, a progressive JPEG, a WebP, or a picture that
    /// is to be turned.
    let comesInRows (file: NetVips.Image) =
        let loader = Vips.loader file
        let isInterlaced = file.Contains "interlaced" || file.Contains "jpeg-multiscan"

        orientation file <= 1
        && not isInterlaced
        && [ "png"; "jpeg"; "tiff" ] |> List.exists (fun format -> loader.StartsWith(format, StringComparison.Ordinal))

    let kindOf (image: NetVips.Image) =
        match image.Format with
        | NetVips.Enums.BandFormat.Uchar -> ValueKind.Byte
        | NetVips.Enums.BandFormat.Ushort -> ValueKind.Word
        | _ -> ValueKind.Other

    /// The type of a picture's values; their lowest and highest, for which it is decoded twice, if they are not bytes.
    /// Values that are no numbers do not count.
    let valuesOf (image: NetVips.Image) =
        match kindOf image with
        | ValueKind.Byte -> { Kind = ValueKind.Byte; Lowest = 0.0f; Highest = 255.0f }
        | kind -> { Kind = kind; Lowest = float32 (image.Min()); Highest = float32 (image.Max()) }

    /// Black at 0 and white at 1, where the values do not begin at 0 or are of a type of their own.
    let levelled (low: float32, high: float32) (image: NetVips.Image) =
        if low = 0.0f && kindOf image <> ValueKind.Other then
            image.Copy(), 1.0f / high
        else
            use floating = image.Cast(NetVips.Enums.BandFormat.Float)
            let span = float high - float low
            floating.Linear([| 1.0 / span |], [| -float low / span |]), 1.0f

    /// To 1 or 3 planes: alpha is laid on black, colour spaces become sRGB or grey. Values of other types have no colour space: their mean
    /// is grey.
    let toChannels channels (image: NetVips.Image) =
        let flat = if image.HasAlpha() then image.Flatten() else image
        let deep = flat.Format = NetVips.Enums.BandFormat.Ushort

        if kindOf flat = ValueKind.Other then
            if channels = 1 && flat.Bands > 1 then flat.Bandmean()
            elif channels = 3 && flat.Bands = 1 then flat.Bandjoin(flat, flat)
            else flat
        elif channels = 1 then
            if flat.Bands = 1 then
                flat
            else
                flat.Colourspace(if deep then NetVips.Enums.Interpretation.Grey16 else NetVips.Enums.Interpretation.Bw)
        else if flat.Bands = 1 then
            flat.Bandjoin(flat, flat)
        else
            flat.Colourspace(if deep then NetVips.Enums.Interpretation.Rgb16 else NetVips.Enums.Interpretation.Srgb)

    /// A decoded picture as planes of height × width. `span`: the height and width that its pixels stand for.
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

    /// More pixels than this are averaged in whole blocks before they are resized, as they are decoded: less memory. Four times the size
    /// asked for is left.
    let private bounded (struct (height: int, width: int)) (struct (ownHeight: float, ownWidth: float)) (image: NetVips.Image) =
        let blocks = int (min (ownHeight / float height) (ownWidth / float width) / 4.0)

        if isHuge image && blocks > 1 then
            let floating = image.Cast(NetVips.Enums.BandFormat.Float)
            floating.Shrink(blocks, blocks), struct (ownHeight / float blocks, ownWidth / float blocks)
        else
            image, struct (ownHeight, ownWidth)

    /// Decoded pixels to planes of the requested shape, their values read as `settings` say; `own`: the height and width that they stand
    /// for. Where the pixels can be read once only, `again` opens the picture anew.
    let ofVips
        (again: (unit -> NetVips.Image) option)
        settings
        channels
        (struct (height, width))
        own
        name
        (fullHeight, fullWidth)
        (upright: NetVips.Image)
        =
        use coloured = toChannels channels upright
        let kind = kindOf coloured

        let values =
            match kind, again with
            | ValueKind.Byte, _ -> None
            | _, None -> Some(valuesOf coloured)
            | _, Some again ->
                let look (value: NetVips.Image -> float) =
                    use another = again ()
                    use coloured = toChannels channels another
                    float32 (value coloured)

                Some { Kind = kind; Lowest = look _.Min(); Highest = look _.Max() }

        let levelled, scale = levelled (ValueRange.ofPicture settings kind) coloured
        use levelled = levelled
        let small, span = bounded (struct (height, width)) own levelled
        use small = small

        toPlanes name channels scale (struct (height, width)) span small
        |> Result.map (fun image ->
            {
                Image = image
                OriginalWidth = fullWidth
                OriginalHeight = fullHeight
                Values = values
                Unread = unread upright
            })
