/// Pixels in a camera's memory.
namespace Fae.Imaging

#nowarn 9 // the address of pinned memory

open Fae.Core

[<RequireQualifiedAccess>]
module CameraBuffer =
    /// The buffer's memory and row length in pixels; a copy without padding if the padding is no multiple of a pixel.
    let private rows (buffer: PixelBuffer) =
        let pixel = buffer.Bands * buffer.Depth

        if buffer.Stride % pixel = 0 && buffer.Pixels.Length >= buffer.Stride * buffer.Height then
            struct (buffer.Pixels, buffer.Stride / pixel)
        else
            struct ((RawBuffer.packed id buffer).Pixels, buffer.Width)

    let private coloursOf (buffer: PixelBuffer) (whole: NetVips.Image) =
        let interpretation =
            match buffer.Bands, buffer.Depth with
            | 1, 1 -> NetVips.Enums.Interpretation.Bw
            | 1, _ -> NetVips.Enums.Interpretation.Grey16
            | _, 1 -> NetVips.Enums.Interpretation.Srgb
            | _ -> NetVips.Enums.Interpretation.Rgb16

        let band (index: int) = whole.ExtractBand index

        let ordered =
            if buffer.Bands = 1 then whole
            elif buffer.Swapped then (band 2).Bandjoin(band 1, band 0)
            else whole.ExtractBand(0, n = 3)

        ordered.Copy(interpretation = interpretation)

    /// The same range for values of so many bits: what is known of a buffer counts more than what its type says.
    let private asSaid (buffer: PixelBuffer) (settings: ValueSettings) =
        if buffer.Bits = 0 || buffer.Depth = 1 then
            settings
        else
            let low, high = ValueRange.ofPicture settings ValueKind.Byte
            let scale = float32 ((1 <<< buffer.Bits) - 1) / 255.0f
            { Bits = Some buffer.Bits; Range = Some(low * scale, high * scale) }

    /// A camera's pixels as planes, as the same pixels in a PNG would be read. Nothing is copied before the resize unless the row padding
    /// is no multiple of a pixel.
    let read (settings: ValueSettings) channels shape name (buffer: PixelBuffer) =
        Vips.guard name (fun () ->
            Vips.checkSize buffer.Width buffer.Height
            let struct (pixels, pitch) = rows buffer
            use pin = pixels.Pin()

            let address = pin.Pointer |> NativeInterop.NativePtr.ofVoidPtr<byte> |> NativeInterop.NativePtr.toNativeInt

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
            let target = shape (struct (buffer.Height, buffer.Width))

            Planes.ofVips
                None
                (asSaid buffer settings)
                channels
                target
                (struct (float buffer.Height, float buffer.Width))
                name
                (buffer.Height, buffer.Width)
                coloured)
        |> Result.bind id

    /// Some rows of a strip, at their own width and number.
    let rowsOf settings channels name buffer = read settings channels id name buffer
