/// A configuration: settings applied to it, checked, and printed.
namespace Fae.Core

[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Config =
    let defaults = Defaults.config

    /// What `fae train` does without a configuration, for a part that nobody has looked at: a U-Net by the defaults, memory banks
    /// of pretrained features beside it, and the maps of both combined, because no measure is the best on every part.
    let automatic =
        { defaults with
            Image = { defaults.Image with Size = 0; Aspect = None; Crop = 256; IlluminationSigma = -1.0f }
            Network =
                { defaults.Network with
                    Perceptual = Perceptual.MemoryBank
                    BankScales = None
                    BankViews = None
                    BankPlaces = true
                }
            Features = { defaults.Features with UnitLength = true }
            Score = { defaults.Score with Measure = Some Difference.combined; Views = 1 }
        }

    /// The same with pretrained features in eight bits, for a detector that is fast.
    let automaticFast = { automatic with Config.Features.Precision = FeaturePrecision.Int8 }

    /// The same for pictures of bytes, 0 black and 255 white.
    let ofBytes (config: Config) = { config with Config.Image.Values = ValueRange.byType }

    /// The table of all settings, in the order in which a file prints them. Reading, printing, overriding and
    /// docs/reference/configuration.md follow from it.
    let fields = ImageFields.all @ CorruptionFields.all @ NetworkFields.all @ TrainFields.all @ ScoreFields.all

    /// Levenshtein's distance, for "did you mean".
    let private distance (a: string) (b: string) =
        let row (above: int[]) i =
            let next = Array.zeroCreate (b.Length + 1)
            next[0] <- i + 1

            for j in 1 .. b.Length do
                let change = above[j - 1] + (if a[i] = b[j - 1] then 0 else 1)
                next[j] <- min change (1 + min above[j] next[j - 1])

            next

        (List.fold row (Array.init (b.Length + 1) id) [ 0 .. a.Length - 1 ])[b.Length]

    /// The known key that is nearest to what was typed.
    let nearest key = (fields |> List.minBy (fun field -> distance key field.Key)).Key

    /// Sets one key; an unknown key, a wrong type and a number out of range are errors.
    let set key setting config =
        match fields |> List.tryFind (fun field -> field.Key = key) with
        | Some field -> field.Set setting config
        | None -> Error(UnknownKey(key, nearest key))

    /// Applies all settings; all errors are returned at once.
    let apply (settings: (string * Setting) list) config =
        let step (config, errors) (key, setting) =
            match set key setting config with
            | Ok next -> next, errors
            | Error error -> config, error :: errors

        match List.fold step (config, []) settings with
        | config, [] -> Ok config
        | _, errors -> Error(List.rev errors)

    let private problem key wanted found = Some(OutOfRange(key, wanted, found))

    let private checkSides config =
        let stride = NetworkGeometry.stride config.Network

        let multiple key side =
            if side % stride = 0 then
                None
            else
                problem key $"a multiple of {stride} (network.space_to_depth · 2^network.depth, or network.patch)" (string side)

        [
            match config.Image.Values.Range with
            | Some(low, high) when low >= high -> problem "image.range" "a lower and a higher number" $"[{low}, {high}]"
            | _ -> None
            multiple "image.size" config.Image.Size
            multiple "image.crop" config.Image.Crop
            if config.Image.Tile > 0 && 2 * config.Image.Overlap > config.Image.Tile then
                problem "image.overlap" "at most half of image.tile" (string config.Image.Overlap)
        ]

    let private checkCorruption (corruption: CorruptionSettings) =
        let ordered low high (a: float32) (b: float32) =
            if a <= b then
                None
            else
                problem low $"at most '{high}'" (Setting.show (Setting.ofFloat32 a))

        let weights = corruption.PlainWeight + corruption.TextureWeight + corruption.PatchWeight + corruption.ShadeWeight

        [
            ordered "corruption.radius_min" "corruption.radius_max" corruption.RadiusMin corruption.RadiusMax
            ordered "corruption.length_min" "corruption.length_max" corruption.LengthMin corruption.LengthMax
            ordered "corruption.width_min" "corruption.width_max" corruption.WidthMin corruption.WidthMax
            if corruption.CellsMin > corruption.CellsMax then
                problem "corruption.cells_min" "at most 'corruption.cells_max'" (string corruption.CellsMin)
            if not (weights > 0.0f) then
                problem "corruption.plain_weight" "positive, or one of the other three weights" "0"
        ]

    let private checkMeasure config =
        match config.Score.Measure with
        | Some measure when Difference.anomalyMaps measure |> Set.exists (fun n -> n > NetworkGeometry.anomalyMaps config.Network) ->
            problem "score.measure" "a measure of anomaly maps that this network predicts" (Difference.name measure)
        | Some measure when measure = Difference.combined && NetworkGeometry.isOnFeatures config.Network ->
            problem "score.measure" "\"anomaly_map\": a network on features has no other map" (Difference.name measure)
        | _ -> None

    /// A border of half the picture would leave nothing to score.
    let private checkBorder config =
        match config.Score.Border with
        | Some border when config.Image.Tile = 0 && config.Image.Size > 0 && 2 * border >= config.Image.Size ->
            problem "score.border" $"less than half of image.size, {config.Image.Size / 2}" (string border)
        | _ -> None

    let private checkFeatures config =
        let features = config.Features
        let last = features.Taps.Length

        if NetworkGeometry.usesFeatures config.Network && (features.Stages.IsEmpty || List.max features.Stages > last) then
            problem "features.stages" $"a list of numbers from 1 to {last}, the number of features.taps" (string features.Stages)
        else
            None

    let private checkPrecision config =
        let network = config.Network

        if config.Features.Precision = FeaturePrecision.Int8 && not (NetworkGeometry.hasBank network) then
            problem "features.precision" "\"float32\", or a memory bank, which no gradient passes" "int8"
        else
            None

    let private checkPerceptual config =
        let network = config.Network

        if network.Perceptual <> Perceptual.None && not (network.Kind = NetworkKind.UNet && network.InpaintGrids.IsEmpty) then
            problem "network.perceptual" "\"none\", or network.kind \"unet\" without network.inpaint_grids" "another network's"
        else
            None

    /// Checks what concerns several keys; all errors are returned at once.
    let check config =
        match
            List.choose
                id
                (checkSides config
                 @ checkCorruption config.Corruption
                 @ [
                     checkMeasure config
                     checkBorder config
                     checkFeatures config
                     checkPrecision config
                     checkPerceptual config
                 ])
        with
        | [] -> Ok config
        | problems -> Error problems

    let private bySection () =
        let section (key: string) = key.Substring(0, key.IndexOf '.')
        fields |> List.groupBy (fun field -> section field.Key)

    let private toml line config =
        bySection ()
        |> List.map (fun (name, fields) -> String.concat "\n" ($"[{name}]" :: List.map (line name config) fields))
        |> String.concat "\n\n"

    let private assignment (section: string) config field = $"{field.Key.Substring(section.Length + 1)} = {Setting.show (field.Get config)}"

    /// The configuration as TOML.
    let toToml config = toml assignment config

    /// The configuration as TOML, with every meaning as a comment.
    let toCommentedToml config = toml (fun name config field -> $"{assignment name config field} # {field.Meaning}") config

    /// The table of all settings in Markdown: docs/reference/configuration.md.
    let toMarkdown () =
        let cell (text: string) = text.Replace("|", "\\|")
        let row field = $"| `{field.Key}` | `{Setting.show (field.Get defaults)}` | {cell field.Wanted} | {cell field.Meaning} |"

        [
            "# Configuration"
            ""
            "A configuration is a TOML file. Keys that are left out have their defaults."
            "`--set key=value` overrides any key by its dotted name."
            "This page is printed from the code (`src/Fae.Core/Settings/Fields.fs`); a test compares them."
            ""
            "| key | default | values | meaning |"
            "| --- | --- | --- | --- |"
        ]
        @ List.map row fields
        |> String.concat "\n"
