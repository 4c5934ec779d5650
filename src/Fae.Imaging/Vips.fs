/// What the decoders share: calls of libvips with failures as values, limits, and images over .NET's memory.
namespace Fae.Imaging

open System
open System.IO

/// Where a picture's bytes are.
type internal ImageSource =
    | OnDisk of path: string
    | InMemory of byte[]

[<RequireQualifiedAccess>]
module Vips =
    /// More pixels than this are refused before they are decoded.
    let maxPixels = 400_000_000L

    /// Sends the warnings of libvips and GLib here instead of to the terminal.
    let routeWarnings (log: string -> unit) =
        for domain, level in [ "VIPS", NetVips.Enums.LogLevelFlags.Warning; "GLib-GObject", NetVips.Enums.LogLevelFlags.Critical ] do
            NetVips.Log.SetLogHandler(domain, level, (fun _ _ message -> log message)) |> ignore

    /// What libvips says, in words: the first line of it names a function, the next ones what it found.
    let private reasonOf (message: string) =
        match message.Split('\n') |> Array.map _.Trim() |> Array.filter ((<>) "") |> List.ofArray with
        | first :: rest when first.StartsWith "unable to call VipsForeignLoad" || first.StartsWith "unable to write to memory" ->
            let details = if rest.IsEmpty then "" else $" ({rest.Head})"
            $"the file is damaged or cut off{details}"
        | first :: _ -> first
        | [] -> "the file is damaged or cut off"

    let internal guard path (work: unit -> 'a) =
        let problem reason = Error { Path = path; Reason = if ImageFolder.isUnreachable path then ImageFolder.unreachable else reason }

        try
            Ok(work ())
        with
        | :? NetVips.VipsException as e -> problem ("cannot be read: " + reasonOf e.Message)
        | :? IOException
        | :? UnauthorizedAccessException as e -> problem e.Message

    let internal refuse (reason: string) = raise (NetVips.VipsException reason)

    let internal checkSize (width: int) (height: int) =
        if int64 width * int64 height > maxPixels then
            refuse $"it has {width}×{height} pixels, more than the {maxPixels / 1_000_000L} million allowed"

    let internal contents (source: ImageSource) : Stream =
        match source with
        | OnDisk path -> File.OpenRead path
        | InMemory bytes -> new MemoryStream(bytes, false)

    /// Bytes, colours side by side, as a picture of libvips'.
    let internal ofBytes (pixels: byte[]) width height bands =
        // The image over .NET's memory must be disposed of: what holds the memory does not let it go otherwise.
        use memory = NetVips.Image.NewFromMemory(pixels, width, height, bands, NetVips.Enums.BandFormat.Uchar)

        memory.Copy(interpretation = if bands < 3 then NetVips.Enums.Interpretation.Bw else NetVips.Enums.Interpretation.Srgb)

    /// The cache of libvips is off: it is keyed by file names, and would return the old content of a replaced file.
    let private forgetful = lazy (NetVips.Cache.Max <- 0)

    /// The loaders of the formats that are read. libvips has others (SVG, GIF, PDF, …), of which a small file can take gigabytes.
    let private loaders = [ "Png"; "Jpeg"; "Tiff"; "Webp" ]

    /// Refuses a file of another format, by its content.
    let private checkFormat source =
        let loader: string | null =
            match source with
            | OnDisk path -> NetVips.Image.FindLoad path
            | InMemory bytes -> NetVips.Image.FindLoadBuffer bytes

        match loader with
        | null -> refuse "it is no PNG, JPEG, TIFF, BMP or WebP file"
        | name when loaders |> List.exists (fun format -> name.StartsWith("VipsForeignLoad" + format, StringComparison.Ordinal)) -> ()
        | _ -> refuse "it is of a format that is not read; use PNG, JPEG, TIFF, BMP or WebP"

    /// The name of libvips' loader that read a file; empty for pictures of memory.
    let internal loader (file: NetVips.Image) =
        match file.Get "vips-loader" with
        | :? string as name -> name
        | _ -> ""

    /// The metadata's name for bands that were left out.
    let internal furtherBands = "fae-further-bands"

    /// Infrared, a mask or a height map beside colours is no transparency: it would darken the colours. It is left out and counted.
    let private withoutFurtherBand source (image: NetVips.Image) =
        let isTiff = (loader image).StartsWith("tiff", StringComparison.Ordinal)

        let isAlpha () =
            use stream = contents source
            TiffBands.hasAlpha stream

        if isTiff && image.HasAlpha() && not (isAlpha ()) then
            use whole = image
            use colours = whole.ExtractBand(0, n = whole.Bands - 1)
            colours.Mutate(fun copy -> copy.Set(NetVips.GValue.GIntType, furtherBands, 1))
        else
            image

    /// Refuses a JPEG file whose scans would keep the decoder busy; nothing can end libjpeg in the middle of them.
    let private checkScans source (image: NetVips.Image) =
        if (loader image).StartsWith("jpeg", StringComparison.Ordinal) && image.Contains "interlaced" then
            let bytes =
                match source with
                | OnDisk path -> File.ReadAllBytes path
                | InMemory bytes -> bytes

            if JpegScans.count (ReadOnlyMemory bytes) > JpegScans.most then
                refuse $"it has more than {JpegScans.most} scans; photographs have about ten"

    let internal load (options: NetVips.VOption) source =
        forgetful.Force()

        // A file that is not there, or cut off, has its own message.
        match source with
        | OnDisk path when not (File.Exists path) -> ()
        | InMemory bytes when bytes.Length = 0 -> ()
        | _ -> checkFormat source

        let image =
            match source with
            | OnDisk path -> NetVips.Image.NewFromFile(path, failOn = NetVips.Enums.FailOn.Error, kwargs = options)
            | InMemory bytes -> NetVips.Image.NewFromBuffer(bytes, failOn = NetVips.Enums.FailOn.Error, kwargs = options)

        try
            checkScans source image
            withoutFurtherBand source image
        with _ ->
            image.Dispose()
            reraise ()

    /// A picture that is read once, from its first row to its last.
    let internal loadInRows source =
        let options = NetVips.VOption()
        options.Add("access", NetVips.Enums.Access.Sequential)
        load options source
