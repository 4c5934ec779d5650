/// The pictures of a training, read and prepared.
namespace Fae.Cli

open System
open System.IO
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Kernels
open Fae.Training

/// Counts pictures that were read, by any thread; every hundredth of them shows it.
type private PictureCounter(all: int, show: FitProgress -> unit) =
    let gate = obj ()
    let every = max 1 (all / 100)
    let mutable count = 0

    member _.One() =
        lock gate (fun () ->
            count <- count + 1

            if count = 1 || count % every = 0 then
                show (FitProgress("pictures", float count / float all)))

[<RequireQualifiedAccess>]
module Pictures =
    /// The working size in words.
    let scale (config: Config) =
        let size = config.Image.Size

        match InputGeometry.tiling config with
        | None ->
            let struct (height, width) = InputGeometry.wholeShape config
            let crops = InputGeometry.trainSide config
            let whole = $"{width}×{height}"
            if crops < max height width then $"{whole}, trained on {crops}×{crops}" else whole
        | Some tiling ->
            $"in tiles of {config.Image.Tile}×{config.Image.Tile} pixels seen at {size}×{size}, overlapping by {tiling.Overlap}"

    /// The scales of the memory banks, by the working pictures or tiles, if the configuration leaves them open.
    let private withBanks (config: Config) =
        let struct (height, width) = InputGeometry.seenShape config
        let scales = config.Network.BankScales |> Option.defaultValue (WorkingSize.bankScales height width)
        { config with Network = { config.Network with BankScales = Some scales } }

    /// How the values of the training pictures are read, if the configuration leaves it open; it is said where it is not the usual.
    let withValues (config: Config) paths =
        let values = PictureValues.settle config.Image.Values paths
        PictureValues.describe values |> Option.iter Console.say
        { config with Config.Image.Values = values }

    /// The good pictures of a folder, split as the configuration asks.
    let split (config: Config) data =
        let groups paths =
            let values = PictureValues.settle config.Image.Values paths
            PictureGroups.find { config with Config.Image.Values = values } paths

        DataSet.splitBy groups config.Train.HeldOut config.Train.Seed data |> Result.mapError Data

    /// Said where pictures are shrunk so much that smaller defects are lost.
    let private sayVisible resolution survey =
        let visible = WorkingSize.visibleDefect resolution survey

        if visible >= 8.0 then
            Console.say
                $"a defect must be about {visible:F0} pixels wide in these pictures to be seen; --smallest-defect PIXELS looks closer"

    /// What the configuration leaves to the good pictures before they are resized: the working size and its aspect ratio, the
    /// illumination correction, and whether the pictures are binary. `resolution` chooses how they are looked at, by the pixels of a
    /// prepared picture of which memory holds all, and what the pictures say.
    let surveyed (resolution: float -> PictureSurvey -> Resolution) (config: Config) channels (paths: string list) =
        let image, corruption = config.Image, config.Corruption
        // Pictures that are read in rows need not be held.
        let mostHeld =
            if PieceReader.suits { config with Config.Image.Tile = 1 } None paths then
                infinity
            else
                float ImageCache.DefaultCapacity / float (4 * channels * max 1 paths.Length)

        if image.Size > 0 && image.Aspect.IsSome && image.IlluminationSigma >= 0.0f && corruption.Binary.IsSome then
            Ok(withBanks config)
        else
            Survey.ofPictures image.Values channels paths
            |> Result.mapError Data
            |> Result.map (fun survey ->
                let size, tile, overlap =
                    if image.Size > 0 then
                        image.Size, image.Tile, image.Overlap
                    else
                        let chosen = resolution mostHeld survey
                        sayVisible chosen survey

                        match chosen with
                        | Resolution.Whole side -> side, image.Tile, image.Overlap
                        | Resolution.Tiles(side, tile) -> side, tile, tile / 4

                let binary = defaultArg corruption.Binary survey.IsBinary

                let sigma =
                    if image.IlluminationSigma >= 0.0f then
                        image.IlluminationSigma
                    else
                        WorkingSize.illumination size survey

                let found = binary && corruption.Binary.IsNone

                if found then
                    Console.say "the pictures have two levels: small defects are painted in the parts' own colours"

                if sigma > 0.0f && image.IlluminationSigma < 0.0f then
                    Console.say "the light varies more from picture to picture than the parts do: it is divided out"

                { config with
                    Image =
                        { image with
                            Size = size
                            Tile = tile
                            Overlap = overlap
                            Aspect = Some(defaultArg image.Aspect (float32 survey.Width / float32 survey.Height))
                            IlluminationSigma = sigma
                        }
                    Corruption = { (if found then Corruption.ofFineParts corruption else corruption) with Binary = Some binary }
                }
                |> withBanks)

    /// The pictures of some files, as many of them in memory as fit; pieces of them, of `capacity` values together, where some are too
    /// large to hold.
    let private cacheOf capacity (looked: unit -> unit) (config: Config) channels (ignore: Image option) paths =
        if PieceReader.suits config ignore paths then
            PieceReader.cache config channels capacity paths |> Result.mapError Data
        else
            ImageCache.Open(
                ImageCache.DefaultCapacity,
                (fun path ->
                    let image = ImagePreparation.ofFile config channels (Option.toObj ignore) path |> Result.map _.Image
                    looked ()
                    image),
                paths
            )
            |> Result.mapError Data

    /// Pictures that are trained on.
    let training config = cacheOf PieceReader.trainingCapacity ignore config

    /// Held-out good pictures.
    let heldOut config = cacheOf PieceReader.heldOutCapacity ignore config

    /// Reads all good pictures, training and held-out; all problems are returned at once.
    let caches clock config channels ignore (split: TrainingSplit) =
        let all = split.Training.Length + split.HeldOut.Length

        let read show =
            let counter = PictureCounter(all, show)
            let training = cacheOf PieceReader.trainingCapacity counter.One config channels ignore split.Training
            training, cacheOf PieceReader.heldOutCapacity counter.One config channels ignore split.HeldOut

        match Console.fitting clock TrainingStage.Pictures _.Done read with
        | Ok training, Ok heldOut ->
            if training.ArePieces then
                Console.say $"the pictures are too large to hold: {training.Count} pieces of them are trained on"
            elif training.Kept < training.Count then
                Console.say (
                    $"{training.Kept} of {training.Count} pictures stay in memory; the others are read from their files "
                    + "whenever training asks for them"
                )

            Ok(training, heldOut)
        | Error(Data some), Error(Data more) -> Error(Data(some @ more))
        | Error fault, _
        | _, Error fault -> Error fault

    /// The pictures that are neither trained on nor held out; no cache where there are none.
    let unused config channels ignore (split: TrainingSplit) =
        if split.Unused.IsEmpty then
            Ok []
        else
            heldOut config channels ignore split.Unused |> Result.map List.singleton

    /// About as many pictures are compared to find their symmetry.
    let private symmetrySample = 48

    /// The configuration with augmentation chosen by the symmetry of the good pictures; of large pictures the centre tile is used.
    let settled (config: Config) (pictures: ImageCache) =
        let middle (image: Image) =
            match InputGeometry.tiling config with
            | None -> image
            | Some tiling -> TileKernel.Crop(image, (image.Height - tiling.Side) / 2, (image.Width - tiling.Side) / 2, tiling.Side)

        let found = pictures.Some symmetrySample |> List.map middle |> Symmetry.ofImages

        let symmetry =
            if InputGeometry.isSquare config then
                found
            else
                { found with QuarterTurns = false; AnyRotation = false }

        let augment = Augment.settle symmetry config.Augment

        if augment <> config.Augment then Console.say (Symmetry.describe symmetry)

        { config with Augment = augment }

    /// The pictures of a texture folder, at the network's size.
    let textures (config: Config) channels (folder: string option) =
        match folder with
        | None -> Ok []
        | Some folder ->
            match ImageFolder.list folder with
            | [] -> Error(Data [ NoPictures folder ])
            | paths ->
                // They need not be of the values of the training pictures.
                let whole = { Config.ofBytes config with Config.Image.Tile = 0 }

                DataSet.readAll (ImagePreparation.ofFile whole channels null >> Result.map _.Image) paths
                |> Result.mapError Data

    /// The pretrained network that settings name.
    let backboneOf (features: FeatureSettings) =
        let path =
            match features.Backbone with
            | "resnet18" -> Path.Combine(AppContext.BaseDirectory, "backbones", "resnet18.onnx")
            | path -> path

        try
            Ok(Backbone.Read(path, features))
        with
        | :? InvalidDataException as e -> Error(Model(path, $"cannot be used as a backbone: {e.Message}"))
        | :? IOException
        | :? UnauthorizedAccessException as e -> Error(Model(path, $"cannot be read as a backbone: {e.Message}"))

    /// The pretrained network of a configuration that uses features; `None` of the others.
    let backbone (config: Config) =
        if NetworkGeometry.usesFeatures config.Network then
            backboneOf config.Features |> Result.map Some
        else
            Ok None

    /// The pictures that the network sees of each: the whole, or its tiles.
    let windows (config: Config) (pictures: Image seq) =
        match InputGeometry.tiling config with
        | None -> pictures
        | Some tiling ->
            pictures
            |> Seq.collect (fun image ->
                seq {
                    for top in Tiles.starts tiling image.Height do
                        for left in Tiles.starts tiling image.Width do
                            TileKernel.Crop(image, top, left, tiling.Side)
                })

    /// As many good pictures say how large the activations of the pretrained network become.
    let private calibrationSample = 32

    /// The pretrained network in the precision that the configuration wants, by what it answers to pictures that are trained on.
    let inPrecision (config: Config) channels (training: ImageCache) (backbone: Backbone) =
        match config.Features.Precision with
        | FeaturePrecision.Float32 -> backbone
        | FeaturePrecision.Int8 ->
            let window image = windows config [ image ] |> Seq.head
            let pictures = training.Some calibrationSample |> List.map window |> Array.ofList
            backbone.Quantised(channels, Array.ofList (NetworkGeometry.bankScales config.Network), pictures)

    /// How many `windows` pictures have. Without tiles none is read for that.
    let windowCount (config: Config) (number: int) (pictures: Image seq) =
        match InputGeometry.tiling config with
        | None -> number
        | Some tiling ->
            pictures
            |> Seq.sumBy (fun image -> (Tiles.starts tiling image.Height).Length * (Tiles.starts tiling image.Width).Length)

    /// The channels: as configured, else as the pictures have.
    let channels (config: Config) paths =
        match config.Image.Channels with
        | ChannelMode.Grey -> 1
        | ChannelMode.Colour -> 3
        | ChannelMode.Auto -> DataSet.channelsOf config.Image.Values paths
