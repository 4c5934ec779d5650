/// Sizes that follow from the settings: of the network's input, of tiles, of training crops.
namespace Fae.Core

[<RequireQualifiedAccess>]
module NetworkGeometry =
    /// Whether the network looks at pictures by features of a pretrained backbone alone, and reconstructs nothing.
    let isOnFeatures (network: NetworkSettings) =
        match network.Kind with
        | NetworkKind.MemoryBank
        | NetworkKind.SimpleNet
        | NetworkKind.Glass
        | NetworkKind.ReverseDistillation
        | NetworkKind.MsFlow
        | NetworkKind.Pni
        | NetworkKind.RealNet -> true
        | NetworkKind.UNet
        | NetworkKind.Autoencoder
        | NetworkKind.Variational
        | NetworkKind.Quantised
        | NetworkKind.Transformer
        | NetworkKind.Adversarial
        | NetworkKind.Discriminative
        | NetworkKind.Classifier -> false

    /// Whether the network uses features of a pretrained backbone.
    let usesFeatures network = isOnFeatures network || network.Perceptual <> Perceptual.None

    /// Sides of the input must be multiples of this.
    let stride (network: NetworkSettings) =
        if isOnFeatures network then 1
        elif network.Kind = NetworkKind.Transformer then network.Patch
        else network.SpaceToDepth <<< network.Depth

    /// Whether memory banks are fitted beside a network that is trained by gradient steps; and the settings of that network alone.
    let hasBankBeside (network: NetworkSettings) = network.Perceptual = Perceptual.MemoryBank

    let withoutBank (network: NetworkSettings) = { network with Perceptual = Perceptual.None }

    /// The scales of the pictures that the memory banks see.
    let bankScales (network: NetworkSettings) = if hasBankBeside network then defaultArg network.BankScales [ 1.0f ] else [ 1.0f ]

    /// The network with these of its memory banks, counted from 1.
    let withBanks (kept: int list) (network: NetworkSettings) =
        let scales = bankScales network

        match kept with
        | [] -> { withoutBank network with BankScales = Some [ 1.0f ] }
        | _ -> { network with BankScales = Some [ for number in kept -> scales[number - 1] ] }

    /// How many anomaly maps the network predicts itself, as planes after the reconstruction, for the measures "anomaly_map",
    /// "anomaly_map_2" and so on.
    let anomalyMaps (network: NetworkSettings) =
        if hasBankBeside network then
            (bankScales network).Length
        elif
            usesFeatures network
            || network.Kind = NetworkKind.Adversarial
            || network.Kind = NetworkKind.Discriminative
            || network.Kind = NetworkKind.Classifier
        then
            1
        else
            0

    let private ownMeasures network = List.map AnomalyMap [ 1 .. anomalyMaps network ]

    /// The difference measures that scoring chooses from.
    let measures (network: NetworkSettings) = if isOnFeatures network then ownMeasures network else Difference.all @ ownMeasures network

    /// The measures of the combined scoring: a difference of values, one of local structure, one of gradients, and the network's own maps.
    let combined (network: NetworkSettings) = [ Mse; Ssim; Gms ] @ ownMeasures network

    /// Whether the network is fitted to all good pictures in one pass, without gradient steps.
    let isFittedInOnePass (network: NetworkSettings) = network.Kind = NetworkKind.MemoryBank

    /// Patches of a good picture that enter the choice of a memory bank, where nobody says how many pictures do.
    let private patchesOfPicture = 10

    /// How many of so many good pictures show a memory bank what is normal.
    let bankPictures (network: NetworkSettings) (number: int) =
        min number (defaultArg network.BankPictures (max 1 (network.BankCap / patchesOfPicture)))

    /// Whether features of the pretrained network are compared with a memory bank and with nothing else.
    let hasBank network = isFittedInOnePass network || hasBankBeside network

[<RequireQualifiedAccess>]
module InputGeometry =
    /// Height and width of a whole picture at the working size: the shorter side is `image.size`, the longer one a multiple of the
    /// network's stride.
    let wholeShape config =
        let image = config.Image
        let stride = NetworkGeometry.stride config.Network
        let aspect = float (defaultArg image.Aspect 1.0f)
        let longer = max image.Size (stride * int (round (float image.Size * max aspect (1.0 / aspect) / float stride)))
        if aspect > 1.0 then struct (image.Size, longer) else struct (longer, image.Size)

    /// Height and width of what the network sees at once: a tile, or the whole picture.
    let seenShape config =
        if config.Image.Tile > 0 then
            struct (config.Image.Size, config.Image.Size)
        else
            wholeShape config

    /// Whether what the network sees is square, so that it may be turned by a quarter.
    let isSquare config =
        let struct (height, width) = seenShape config
        height = width

    let private allowedViews config =
        let allowed = Option.defaultValue false
        let augment = config.Augment

        View.allowed (allowed augment.FlipHorizontal) (allowed augment.FlipVertical) (isSquare config && allowed augment.QuarterTurns)

    /// The views of test-time augmentation, for a configuration whose augmentation is settled.
    let views config = allowedViews config |> List.truncate config.Score.Views

    /// So many good pictures show themselves what is normal (docs/method/experiments.md).
    let private enoughForBank = 100

    /// Views that a bank is fitted to without being asked: each takes the time of an inspection.
    let private mostForBank = 400

    /// Parts that lie at any angle are hardly twice in one position: of those, more.
    let private viewsOfTurned, mostOfTurned = 4, 1000

    /// The views of each of so many good pictures that enter a memory bank.
    let bankViews config (number: int) =
        let automatic () =
            if number < enoughForBank then
                mostForBank / max 1 number
            elif config.Augment.Rotate = Some AugmentSettings.anyAngle then
                mostOfTurned / number |> min viewsOfTurned |> max 1
            else
                1

        allowedViews config |> List.truncate (Option.defaultWith automatic config.Network.BankViews)

    /// The tiles of a large picture, in pixels of the prepared picture; `None`: no tiles.
    let tiling config =
        let image = config.Image

        if image.Tile = 0 then
            None
        else
            Some { Side = image.Size; Overlap = image.Overlap * image.Size / image.Tile }

    /// Height and width of a prepared picture: those of `wholeShape`, or, with tiles, its own shape scaled so that a tile is size × size.
    /// A side that is shorter than a tile is stretched to one.
    let preparedShape config (struct (height: int, width: int)) =
        let image = config.Image
        let scaled (side: int) = max image.Size (int (round (float side * float image.Size / float image.Tile)))
        if image.Tile = 0 then wholeShape config else struct (scaled height, scaled width)

    /// Side of a training image.
    let trainSide config =
        if config.Image.Crop > 0 then
            min config.Image.Crop config.Image.Size
        else
            config.Image.Size
