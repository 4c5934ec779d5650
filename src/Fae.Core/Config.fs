/// The one description of a run: every number that a user can set, with its name, range and meaning. The table below is the
/// interface; reading, printing, overriding and checking all follow from it.
namespace Fae.Core

type ImageSettings =
    {
        /// Pictures are resized to size × size.
        Size: int
        /// 1 grey, 3 colour, 0: as the training pictures are.
        Channels: int
        /// Sigma in pixels of the light that is divided out; 0: none.
        Light: float32
        /// Training looks at random squares of this side; 0: whole pictures.
        Crop: int
        /// Pictures are looked at in squares of this many of their own pixels, each resized to size × size; 0: whole.
        Tile: int
        /// By how many of the picture's own pixels such squares overlap.
        Overlap: int
    }

type AugmentSettings =
    {
        /// `None`: as the good pictures say (Symmetry).
        FlipHorizontal: bool option
        FlipVertical: bool option
        QuarterTurns: bool option
        /// Rotation by up to this many degrees, for half of the pictures, padded by reflection; `None`: as the good pictures say.
        Rotate: float32 option
        /// Shift by up to this fraction of the side, padded by reflection.
        Shift: float32
        /// Brightness gain and offset by up to this fraction.
        Brightness: float32
    }

/// What a network is built like.
[<RequireQualifiedAccess>]
type NetworkKind =
    /// The paper's: a U-Net with a dilated bottleneck.
    | UNet
    /// An encoder and a decoder with nothing in between but `latent` planes: AE, DAE, RCAE.
    | Autoencoder
    /// The same, the planes drawn from normals whose mean and variance the encoder gives: VAE.
    | Variational
    /// The same, the planes replaced by the nearest of a list of codes, and improbable codes by probable ones: LSR.
    | Quantised
    /// Patches that attend to each other: InTra.
    | Transformer
    /// A generator, an encoder into its latent space, and a critic: fast AnoGAN.
    | Adversarial
    /// An autoencoder that repairs, and a U-Net that marks what was repaired: DRAEM.
    | Discriminative
    /// Features that tell corrupted from clean, and a Gaussian density over them: CutPaste.
    | Classifier

type NetworkSettings =
    {
        Kind: NetworkKind
        /// Planes, codes or features of the narrowest place, for all kinds but `UNet`.
        Latent: int
        /// Side of a transformer's patches in pixels.
        Patch: int
        /// The picture is inpainted: for each of these numbers of cells along a side, every set of cells is removed once and filled in by the network; the
        /// mean over the numbers is the answer. Empty: the network sees the picture as it is.
        Removal: int list
        /// Into how many sets the cells are divided.
        RemovalSets: int
        /// Space-to-depth factor at the entry (1, 2 or 4): the network works at 1/fold of the size, without losing a pixel.
        Fold: int
        /// Channels of the first level; each level below has twice as many.
        Width: int
        /// Levels with a skip connection.
        Depth: int
        /// Dilations of the bottleneck, stacked.
        Dilations: int list
        /// f(x) = x + g(x) instead of f(x) = g(x).
        Residual: bool
    }

/// What is minimised besides the two-term objective: L = L_λ + Σ weight · term.
type ObjectiveSettings =
    {
        /// 1 − SSIM between reconstruction and target.
        Ssim: float32
        /// 1 − GMS at four sizes.
        Gms: float32
        /// ‖J_f‖²_F per value, estimated by random probes (RCAE).
        Contraction: float32
        /// What the network asks for itself: divergence, code loss, critic, classification.
        Own: float32
    }

/// What a network computes in while it learns; its weights, their moments and the statistics of batch normalisation are 32-bit floats always.
[<RequireQualifiedAccess>]
type Precision =
    | Float32
    /// Seven bits of a 32-bit float's fraction, all of its range: no loss needs scaling.
    | BFloat16

type TrainSettings =
    {
        Steps: int
        Batch: int
        LearningRate: float32
        /// λ of the two-term objective.
        Lambda: float32
        HeldOut: float32
        Seed: int
        ValidateEvery: int
        Precision: Precision
    }

/// What scoring uses; `None` means: chosen after training on synthetic defects.
type ScoreSettings =
    {
        Measure: Measure option
        FilterSize: int option
        FilterPasses: int option
        Reduction: string option
        Top: float32
        Frame: int option
        ByMedian: bool option
        /// The network looks at each picture in at most so many of the views that its augmentation allows.
        Views: int
    }

type CalibrationSettings =
    {
        FalseAlarm: float32
        PixelFalseAlarm: float32
    }

type Config =
    {
        Image: ImageSettings
        Augment: AugmentSettings
        Corruption: CorruptionSettings
        NoiseSigma: float32
        NoiseVaries: bool
        /// The target has the same noise (FAE); false: it is clean (DAE).
        NoiseKept: bool
        Network: NetworkSettings
        Objective: ObjectiveSettings
        Train: TrainSettings
        Score: ScoreSettings
        Calibration: CalibrationSettings
    }

/// A value as a configuration file or `--set` gives it.
type Setting =
    | Whole of int64
    | Real of float
    | Flag of bool
    | Text of string
    | Wholes of int64 list

type ConfigError =
    | UnknownKey of key: string * nearest: string
    | WrongType of key: string * wanted: string * found: string
    | OutOfRange of key: string * wanted: string * found: string

/// One row of the table.
[<NoComparison; NoEquality>]
type Field =
    {
        Key: string
        Meaning: string
        Wanted: string
        Get: Config -> Setting
        Set: Setting -> Config -> Result<Config, ConfigError>
    }

[<RequireQualifiedAccess>]
module Config =
    let defaults =
        {
            Image =
                {
                    Size = 256
                    Channels = 0
                    Light = 0.0f
                    Crop = 0
                    Tile = 0
                    Overlap = 64
                }
            Augment =
                {
                    FlipHorizontal = None
                    FlipVertical = None
                    QuarterTurns = None
                    Rotate = None
                    Shift = 0.0f
                    Brightness = 0.0f
                }
            Corruption = Corruption.defaults
            NoiseSigma = 0.05f
            NoiseVaries = true
            NoiseKept = true
            Objective =
                {
                    Ssim = 0.0f
                    Gms = 0.0f
                    Contraction = 0.0f
                    Own = 1.0f
                }
            Network =
                {
                    Kind = NetworkKind.UNet
                    Latent = 16
                    Patch = 16
                    Removal = []
                    RemovalSets = 3
                    Fold = 2
                    Width = 24
                    Depth = 2
                    Dilations = [ 1; 2; 4; 8; 16; 32 ]
                    Residual = true
                }
            Train =
                {
                    Steps = 3000
                    Batch = 8
                    LearningRate = 0.002f
                    Lambda = 0.5f
                    HeldOut = 0.05f
                    Seed = 0
                    ValidateEvery = 500
                    Precision = Precision.Float32
                }
            Score =
                {
                    Measure = None
                    FilterSize = None
                    FilterPasses = None
                    Reduction = None
                    Top = 0.005f
                    Frame = None
                    ByMedian = None
                    Views = 4
                }
            Calibration =
                {
                    FalseAlarm = 0.05f
                    PixelFalseAlarm = 0.001f
                }
        }

    let private invariant = System.Globalization.CultureInfo.InvariantCulture

    /// Without an exponent where no digit is lost.
    let private decimalText (r: float) =
        let plain = r.ToString("0.###############", invariant)

        if System.Double.Parse(plain, invariant) = r then
            plain
        else
            r.ToString("R", invariant)

    let show =
        function
        | Whole n -> string n
        | Real r -> decimalText r
        | Flag true -> "true"
        | Flag false -> "false"
        | Text text -> "\"" + text + "\""
        | Wholes list -> "[" + System.String.Join(", ", list) + "]"

    let private wrong key wanted found = Error(WrongType(key, wanted, show found))

    /// A kind of value: what a person is told it must be, how it is shown, and what settings it takes (of a key, of which was wanted what).
    [<NoComparison; NoEquality>]
    type private Kind<'v> =
        {
            Wanted: string
            Show: 'v -> Setting
            Take: string -> string -> Setting -> Result<'v, ConfigError>
        }

    let private field key meaning wanted get set =
        {
            Key = key
            Meaning = meaning
            Wanted = wanted
            Get = get
            Set = set
        }

    let private entry kind key meaning (get: Config -> 'v) (set: 'v -> Config -> Config) =
        field key meaning kind.Wanted (get >> kind.Show) (fun setting config ->
            kind.Take key kind.Wanted setting |> Result.map (fun value -> set value config))

    let private wholeKind wanted low high (accept: int -> bool) =
        {
            Wanted = $"{wanted} from {low} to {high}"
            Show = int64 >> Whole
            Take =
                fun key wanted setting ->
                    match setting with
                    | Whole n when n >= int64 low && n <= int64 high && accept (int n) -> Ok(int n)
                    | Whole _ -> Error(OutOfRange(key, wanted, show setting))
                    | _ -> wrong key wanted setting
        }

    let private anyWhole low high = wholeKind "a whole number" low high (fun _ -> true)

    let private realKind (low: float) (high: float) =
        let take setting (value: float) key wanted =
            if value >= low && value <= high then
                Ok(float32 value)
            else
                Error(OutOfRange(key, wanted, show setting))

        {
            Wanted = $"a number from {show (Real low)} to {show (Real high)}"
            // Through its shortest decimal that reads back as the same bits: 0.05f shows as 0.05.
            Show = fun (value: float32) -> Real(System.Double.Parse(value.ToString("R", invariant), invariant))
            Take =
                fun key wanted setting ->
                    match setting with
                    | Real r -> take setting r key wanted
                    | Whole n -> take setting (float n) key wanted
                    | _ -> wrong key wanted setting
        }

    let private flagKind =
        {
            Wanted = "true or false"
            Show = Flag
            Take =
                fun key wanted setting ->
                    match setting with
                    | Flag value -> Ok value
                    | _ -> wrong key wanted setting
        }

    let private wordKind words =
        {
            Wanted = words |> List.map (fun word -> $"\"{word}\"") |> String.concat ", "
            Show = Text
            Take =
                fun key wanted setting ->
                    match setting with
                    | Text text when List.contains text words -> Ok text
                    | Text _ -> Error(OutOfRange(key, wanted, show setting))
                    | _ -> wrong key wanted setting
        }

    let private auto = "auto"

    /// "auto", or a value of the kind.
    let private orAuto kind =
        {
            Wanted = $"\"{auto}\" or {kind.Wanted}"
            Show =
                function
                | Some value -> kind.Show value
                | None -> Text auto
            Take =
                fun key wanted setting ->
                    match setting with
                    | Text text when text = auto -> Ok None
                    | _ -> kind.Take key wanted setting |> Result.map Some
        }

    let private whole key low high meaning get set = entry (anyWhole low high) key meaning get set
    let private real key low high meaning get set = entry (realKind low high) key meaning get set

    let private corruption key low high meaning get set =
        real ("corruption." + key) low high meaning (fun c -> get c.Corruption) (fun v c ->
            { c with
                Corruption = set v c.Corruption
            })

    /// One of some named cases.
    let private caseKind (cases: (string * 'a) list) =
        let words = wordKind (List.map fst cases)

        {
            Wanted = words.Wanted
            Show = fun value -> Text(cases |> List.find (fun (_, case) -> case = value) |> fst)
            Take =
                fun key wanted setting ->
                    words.Take key wanted setting
                    |> Result.map (fun word -> List.find (fun (name, _) -> name = word) cases |> snd)
        }

    let private wholesKind most low high =
        {
            Wanted = $"a list of at most {most} whole numbers from {low} to {high}"
            Show = List.map int64 >> Wholes
            Take =
                fun key wanted setting ->
                    match setting with
                    | Wholes list when
                        list |> List.forall (fun n -> n >= int64 low && n <= int64 high)
                        && list.Length <= most
                        ->
                        Ok(List.map int list)
                    | Wholes _ -> Error(OutOfRange(key, wanted, show setting))
                    | _ -> wrong key wanted setting
        }

    /// Words for what is computed in.
    let private precisions = [ "float32", Precision.Float32; "bfloat16", Precision.BFloat16 ]

    /// Words for the kinds of networks.
    let kinds =
        [
            "unet", NetworkKind.UNet
            "autoencoder", NetworkKind.Autoencoder
            "variational", NetworkKind.Variational
            "quantised", NetworkKind.Quantised
            "transformer", NetworkKind.Transformer
            "adversarial", NetworkKind.Adversarial
            "discriminative", NetworkKind.Discriminative
            "classifier", NetworkKind.Classifier
        ]

    let private measures =
        let words =
            Difference.named
            |> List.map (fun measure -> "\"" + Difference.name measure + "\"")

        String.concat ", " ("\"auto\"" :: words)
        + ", or a weighted sum like \"0.5*mse + 2*ssim\""

    /// The whole table, in the order in which a file prints it.
    let fields =
        [
            whole "image.size" 32 2048 "side in pixels to which pictures are resized" _.Image.Size (fun v c ->
                { c with Config.Image.Size = v })
            field
                "image.channels"
                "1 grey, 3 colour, 0 as the training pictures are"
                "0, 1 or 3"
                (fun c -> Whole(int64 c.Image.Channels))
                (fun setting c ->
                    match setting with
                    | Whole(0L | 1L | 3L as n) -> Ok { c with Config.Image.Channels = int n }
                    | Whole _ -> Error(OutOfRange("image.channels", "0, 1 or 3", show setting))
                    | _ -> wrong "image.channels" "0, 1 or 3" setting)
            real "image.light" 0.0 512.0 "sigma in pixels of the light that is divided out, 0 for none" _.Image.Light (fun v c ->
                { c with Config.Image.Light = v })
            whole "image.crop" 0 2048 "side of the random squares that training sees, 0 for whole pictures" _.Image.Crop (fun v c ->
                { c with Config.Image.Crop = v })
            whole
                "image.tile"
                0
                65536
                "large pictures are looked at in squares of this many of their own pixels, each resized to size × size; 0: the whole picture is resized"
                _.Image.Tile
                (fun v c -> { c with Config.Image.Tile = v })
            whole
                "image.overlap"
                0
                32768
                "pixels of the picture by which such squares overlap; their answers are blended there"
                _.Image.Overlap
                (fun v c -> { c with Config.Image.Overlap = v })
            entry
                (orAuto flagKind)
                "augment.flip_horizontal"
                "mirror left to right, half the time; auto: if the good pictures allow it"
                _.Augment.FlipHorizontal
                (fun v c ->
                    { c with
                        Config.Augment.FlipHorizontal = v
                    })
            entry
                (orAuto flagKind)
                "augment.flip_vertical"
                "mirror top to bottom, half the time; auto: if the good pictures allow it"
                _.Augment.FlipVertical
                (fun v c ->
                    { c with
                        Config.Augment.FlipVertical = v
                    })
            entry
                (orAuto flagKind)
                "augment.quarter_turns"
                "turn by 0, 90, 180 or 270 degrees; auto: if the good pictures allow it"
                _.Augment.QuarterTurns
                (fun v c ->
                    { c with
                        Config.Augment.QuarterTurns = v
                    })
            entry
                (orAuto (realKind 0.0 180.0))
                "augment.rotate"
                "degrees by up to which half of the pictures are rotated; auto: 180 if the good pictures allow it"
                _.Augment.Rotate
                (fun v c -> { c with Config.Augment.Rotate = v })
            real "augment.shift" 0.0 0.5 "shift by up to this fraction of the side" _.Augment.Shift (fun v c ->
                { c with Config.Augment.Shift = v })
            real "augment.brightness" 0.0 0.9 "change brightness by up to this fraction" _.Augment.Brightness (fun v c ->
                { c with Config.Augment.Brightness = v })
            entry
                (caseKind Corruption.families)
                "corruption.family"
                "whose corruptions are drawn: the paper's occlusions, removed cells (RIAD), pasted pieces (CutPaste), clouds of texture (DRAEM)"
                _.Corruption.Family
                (fun v c -> { c with Config.Corruption.Family = v })
            whole "corruption.cells_min" 2 1024 "removed cells: fewest along a side" _.Corruption.CellsMin (fun v c ->
                { c with
                    Config.Corruption.CellsMin = v
                })
            whole "corruption.cells_max" 2 1024 "removed cells: most along a side" _.Corruption.CellsMax (fun v c ->
                { c with
                    Config.Corruption.CellsMax = v
                })
            whole "corruption.cell_sets" 2 64 "removed cells: one in so many" _.Corruption.CellSets (fun v c ->
                { c with
                    Config.Corruption.CellSets = v
                })
            whole "corruption.max_count" 1 64 "occlusions in one image, at most" _.Corruption.MaxCount (fun v c ->
                { c with
                    Config.Corruption.MaxCount = v
                })
            corruption "clean_chance" 0.0 1.0 "odds of an image without occlusion" _.CleanChance (fun v c -> { c with CleanChance = v })
            corruption "curve_chance" 0.0 1.0 "odds of a thin curve against an ellipse" _.CurveChance (fun v c ->
                { c with CurveChance = v })
            corruption "radius_min" 0.001 0.5 "smallest radius of ellipses, in sides" _.RadiusMin (fun v c -> { c with RadiusMin = v })
            corruption "radius_max" 0.001 0.5 "largest radius of ellipses, in sides" _.RadiusMax (fun v c -> { c with RadiusMax = v })
            corruption "elastic" 0.0 2.0 "elastic deformation of ellipses, in radii" _.Elastic (fun v c -> { c with Elastic = v })
            corruption "length_min" 0.01 2.0 "shortest curve, in sides" _.LengthMin (fun v c -> { c with LengthMin = v })
            corruption "length_max" 0.01 2.0 "longest curve, in sides" _.LengthMax (fun v c -> { c with LengthMax = v })
            corruption "width_min" 0.001 0.2 "thinnest curve, in sides" _.WidthMin (fun v c -> { c with WidthMin = v })
            corruption "width_max" 0.001 0.2 "widest curve, in sides" _.WidthMax (fun v c -> { c with WidthMax = v })
            corruption "opaque_chance" 0.0 1.0 "odds of full opacity" _.OpaqueChance (fun v c -> { c with OpaqueChance = v })
            corruption "opacity_min" 0.01 1.0 "least opacity of the others" _.OpacityMin (fun v c -> { c with OpacityMin = v })
            corruption "hard_chance" 0.0 1.0 "odds of a hard edge" _.HardChance (fun v c -> { c with HardChance = v })
            corruption "softness_max" 0.0 0.5 "widest soft edge, in sides" _.SoftnessMax (fun v c -> { c with SoftnessMax = v })
            corruption "plain_weight" 0.0 1000.0 "odds of plain colours" _.PlainWeight (fun v c -> { c with PlainWeight = v })
            corruption "texture_weight" 0.0 1000.0 "odds of procedural textures" _.TextureWeight (fun v c -> { c with TextureWeight = v })
            corruption "patch_weight" 0.0 1000.0 "odds of patches of other pictures" _.PatchWeight (fun v c -> { c with PatchWeight = v })
            corruption "shade_weight" 0.0 1000.0 "odds of the surface itself, darker or lighter" _.ShadeWeight (fun v c ->
                { c with ShadeWeight = v })
            corruption "own_chance" 0.0 1.0 "odds that a plain colour or texture takes the parts' own colours" _.OwnChance (fun v c ->
                { c with OwnChance = v })
            corruption "jitter_chance" 0.0 1.0 "odds that a patch gets another contrast and brightness" _.JitterChance (fun v c ->
                { c with JitterChance = v })
            real "noise.sigma" 0.0 1.0 "standard deviation of the noise on input and target" _.NoiseSigma (fun v c ->
                { c with NoiseSigma = v })
            entry flagKind "noise.varies" "draw the deviation from U(0, sigma) for each image" _.NoiseVaries (fun v c ->
                { c with NoiseVaries = v })
            entry
                flagKind
                "noise.kept"
                "the target keeps the noise, equation (3); false: it is clean, as for a denoising autoencoder"
                _.NoiseKept
                (fun v c -> { c with NoiseKept = v })
            entry (caseKind kinds) "network.kind" "what the network is built like; docs/methods.md" _.Network.Kind (fun v c ->
                { c with Config.Network.Kind = v })
            whole "network.latent" 1 1024 "planes, codes or features of the narrowest place; not for \"unet\"" _.Network.Latent (fun v c ->
                { c with Config.Network.Latent = v })
            whole "network.patch" 2 64 "side of a transformer's patches" _.Network.Patch (fun v c -> { c with Config.Network.Patch = v })
            entry
                (wholesKind 8 2 1024)
                "network.removal"
                "inpainting: cells along a side; for each of these numbers every set of cells is removed once and filled in"
                _.Network.Removal
                (fun v c -> { c with Config.Network.Removal = v })
            whole "network.removal_sets" 2 64 "inpainting: into how many sets the cells are divided" _.Network.RemovalSets (fun v c ->
                { c with
                    Config.Network.RemovalSets = v
                })
            field "network.fold" "space-to-depth factor at the entry" "1, 2 or 4" (fun c -> Whole(int64 c.Network.Fold)) (fun setting c ->
                match setting with
                | Whole(1L | 2L | 4L as n) -> Ok { c with Config.Network.Fold = int n }
                | Whole _ -> Error(OutOfRange("network.fold", "1, 2 or 4", show setting))
                | _ -> wrong "network.fold" "1, 2 or 4" setting)
            whole "network.width" 4 512 "channels of the first level" _.Network.Width (fun v c -> { c with Config.Network.Width = v })
            whole "network.depth" 1 5 "levels with a skip connection" _.Network.Depth (fun v c -> { c with Config.Network.Depth = v })
            entry (wholesKind 16 1 64) "network.dilations" "dilations of the bottleneck, stacked" _.Network.Dilations (fun v c ->
                { c with Config.Network.Dilations = v })
            entry flagKind "network.residual" "f(x) = x + g(x) instead of g(x)" _.Network.Residual (fun v c ->
                { c with Config.Network.Residual = v })
            real "objective.ssim" 0.0 1000.0 "weight of 1 − SSIM to the target" _.Objective.Ssim (fun v c ->
                { c with Config.Objective.Ssim = v })
            real "objective.gms" 0.0 1000.0 "weight of 1 − GMS to the target, at four sizes" _.Objective.Gms (fun v c ->
                { c with Config.Objective.Gms = v })
            real "objective.contraction" 0.0 1000.0 "weight of the network's squared Jacobian per value" _.Objective.Contraction (fun v c ->
                { c with
                    Config.Objective.Contraction = v
                })
            real "objective.own" 0.0 1000.0 "weight of what the network asks for itself; docs/methods.md" _.Objective.Own (fun v c ->
                { c with Config.Objective.Own = v })
            whole "train.steps" 1 10_000_000 "optimiser steps" _.Train.Steps (fun v c -> { c with Config.Train.Steps = v })
            whole "train.batch" 1 1024 "images a step" _.Train.Batch (fun v c -> { c with Config.Train.Batch = v })
            real "train.learning_rate" 1e-7 1.0 "peak learning rate of Adam" _.Train.LearningRate (fun v c ->
                { c with Config.Train.LearningRate = v })
            real "train.lambda" 0.0 1.0 "weight of corrupted against uncorrupted pixels" _.Train.Lambda (fun v c ->
                { c with Config.Train.Lambda = v })
            real "train.held_out" 0.01 0.5 "fraction of the good pictures held out" _.Train.HeldOut (fun v c ->
                { c with Config.Train.HeldOut = v })
            whole "train.seed" 0 System.Int32.MaxValue "where all randomness flows from" _.Train.Seed (fun v c ->
                { c with Config.Train.Seed = v })
            whole "train.validate_every" 1 10_000_000 "steps between validations" _.Train.ValidateEvery (fun v c ->
                { c with
                    Config.Train.ValidateEvery = v
                })
            entry
                (caseKind precisions)
                "train.precision"
                "what the U-Nets compute in while they learn; weights stay 32-bit floats. bfloat16 is for GPUs"
                _.Train.Precision
                (fun v c -> { c with Config.Train.Precision = v })
            field
                "score.measure"
                "the difference map"
                measures
                (fun c ->
                    c.Score.Measure
                    |> Option.map Difference.name
                    |> Option.defaultValue auto
                    |> Text)
                (fun setting c ->
                    let set measure =
                        Ok
                            { c with
                                Config.Score.Measure = measure
                            }

                    match setting with
                    | Text text when text = auto -> set None
                    | Text text ->
                        match Difference.tryParse text with
                        | Some measure -> set (Some measure)
                        | None -> Error(OutOfRange("score.measure", measures, show setting))
                    | _ -> wrong "score.measure" measures setting)
            entry
                (orAuto (wholeKind "an odd number" 1 255 (fun k -> k % 2 = 1)))
                "score.filter_size"
                "size k of the mean filter"
                _.Score.FilterSize
                (fun v c -> { c with Config.Score.FilterSize = v })
            entry (orAuto (anyWhole 0 64)) "score.filter_passes" "passes n of the mean filter" _.Score.FilterPasses (fun v c ->
                { c with Config.Score.FilterPasses = v })
            entry
                (orAuto (wordKind [ "sum"; "max"; "top" ]))
                "score.reduction"
                "how the map becomes one score"
                _.Score.Reduction
                (fun v c -> { c with Config.Score.Reduction = v })
            real "score.top" 0.00001 1.0 "fraction of the pixels that \"top\" averages" _.Score.Top (fun v c ->
                { c with Config.Score.Top = v })
            entry (orAuto (anyWhole 0 256)) "score.frame" "outermost pixels left out of the score" _.Score.Frame (fun v c ->
                { c with Config.Score.Frame = v })
            entry
                (orAuto flagKind)
                "score.by_median"
                "divide the score by the picture's own median heatmap value"
                _.Score.ByMedian
                (fun v c -> { c with Config.Score.ByMedian = v })
            whole
                "score.views"
                1
                8
                "the picture is looked at in up to so many mirrored and turned views, those that augmentation allows, and the answers averaged"
                _.Score.Views
                (fun v c -> { c with Config.Score.Views = v })
            real "calibration.false_alarm" 0.0001 0.5 "good images called anomalous" _.Calibration.FalseAlarm (fun v c ->
                { c with
                    Config.Calibration.FalseAlarm = v
                })
            real
                "calibration.pixel_false_alarm"
                0.0000001
                0.5
                "good pixels above the pixel threshold"
                _.Calibration.PixelFalseAlarm
                (fun v c ->
                    { c with
                        Config.Calibration.PixelFalseAlarm = v
                    })
        ]

    /// Levenshtein's distance, for "did you mean".
    let private distance (a: string) (b: string) =
        let first = Array.init (b.Length + 1) id

        let row (above: int[]) i =
            let next = Array.zeroCreate (b.Length + 1)
            next[0] <- i + 1

            for j in 1 .. b.Length do
                let change = above[j - 1] + (if a[i] = b[j - 1] then 0 else 1)
                next[j] <- min change (1 + min above[j] next[j - 1])

            next

        (List.fold row first [ 0 .. a.Length - 1 ])[b.Length]

    /// The known key that is nearest to what was typed.
    let nearest key = (fields |> List.minBy (fun field -> distance key field.Key)).Key

    /// Sets one key; an unknown key, a wrong type and a number out of range are errors.
    let set key setting config =
        match fields |> List.tryFind (fun field -> field.Key = key) with
        | Some field -> field.Set setting config
        | None -> Error(UnknownKey(key, nearest key))

    /// Applies all settings; all that is wrong is returned at once.
    let apply (settings: (string * Setting) list) config =
        let step (config, errors) (key, setting) =
            match set key setting config with
            | Ok next -> next, errors
            | Error error -> config, error :: errors

        match List.fold step (config, []) settings with
        | config, [] -> Ok config
        | _, errors -> Error(List.rev errors)

    /// The value of `--set key=value` as it would be read from a file.
    let parse (text: string) =
        let text = text.Trim()
        let culture = System.Globalization.CultureInfo.InvariantCulture
        let isWhole, n = System.Int64.TryParse(text, culture)
        let isReal, r = System.Double.TryParse(text, culture)

        if isWhole then
            Whole n
        elif isReal then
            Real r
        elif text = "true" then
            Flag true
        elif text = "false" then
            Flag false
        elif text.StartsWith '[' && text.EndsWith ']' then
            let parts =
                text.Trim('[', ']').Split(',', System.StringSplitOptions.RemoveEmptyEntries)
                |> Array.map (fun part -> System.Int64.TryParse(part.Trim(), culture))

            if Array.forall (fun struct (ok, _) -> ok) (parts |> Array.map (fun (ok, n) -> struct (ok, n))) then
                Wholes(parts |> Array.map snd |> List.ofArray)
            else
                Text text
        else
            Text(text.Trim '"')

    /// The views in which a detector of this (settled) configuration looks at a picture.
    let views config =
        let allowed = Option.defaultValue false
        let augment = config.Augment

        View.allowed (allowed augment.FlipHorizontal) (allowed augment.FlipVertical) (allowed augment.QuarterTurns)
        |> List.truncate config.Score.Views

    /// The windows in which a large picture is looked at, in pixels of the picture made ready for the network; `None`: it is looked at whole.
    let tiling config =
        let image = config.Image

        if image.Tile = 0 then
            None
        else
            Some
                {
                    Side = image.Size
                    Overlap = image.Overlap * image.Size / image.Tile
                }

    /// Height and width of a picture made ready for the network: size × size, or, in tiles, its own shape with each tile size × size. A side
    /// that is shorter than a tile is stretched to one.
    let preparedShape config (struct (height: int, width: int)) =
        let image = config.Image

        let scaled (side: int) =
            if image.Tile = 0 then
                image.Size
            else
                max image.Size (int (round (float side * float image.Size / float image.Tile)))

        struct (scaled height, scaled width)

    /// Whether a network of these settings marks anomalies itself: its answer has one plane more than the picture, for the measure "own".
    let marks (network: NetworkSettings) =
        match network.Kind with
        | NetworkKind.Adversarial
        | NetworkKind.Discriminative
        | NetworkKind.Classifier -> true
        | NetworkKind.UNet
        | NetworkKind.Autoencoder
        | NetworkKind.Variational
        | NetworkKind.Quantised
        | NetworkKind.Transformer -> false

    /// Sides must be multiples of this.
    let stride (network: NetworkSettings) =
        match network.Kind with
        | NetworkKind.Transformer -> network.Patch
        | _ -> network.Fold <<< network.Depth

    /// The side of what training sees: a multiple of the network's stride is needed.
    let trainSide config =
        if config.Image.Crop > 0 then
            min config.Image.Crop config.Image.Size
        else
            config.Image.Size

    /// What no single key can say: sides that the network cannot halve often enough, ranges upside down.
    let check config =
        let stride = stride config.Network

        let multiple key side =
            if side % stride = 0 then
                None
            else
                Some(OutOfRange(key, $"a multiple of {stride} (network.fold · 2^network.depth, or network.patch)", string side))

        let ordered low high (a: float32) (b: float32) =
            if a <= b then
                None
            else
                Some(OutOfRange(low, $"at most '{high}'", show (Real(float a))))

        let corruption = config.Corruption

        let problems =
            [
                multiple "image.size" config.Image.Size
                multiple "image.crop" config.Image.Crop
                (if config.Image.Tile > 0 && 2 * config.Image.Overlap > config.Image.Tile then
                     Some(OutOfRange("image.overlap", "at most half of image.tile", string config.Image.Overlap))
                 else
                     None)
                ordered "corruption.radius_min" "corruption.radius_max" corruption.RadiusMin corruption.RadiusMax
                ordered "corruption.length_min" "corruption.length_max" corruption.LengthMin corruption.LengthMax
                ordered "corruption.width_min" "corruption.width_max" corruption.WidthMin corruption.WidthMax
                (if corruption.CellsMin <= corruption.CellsMax then
                     None
                 else
                     Some(OutOfRange("corruption.cells_min", "at most 'corruption.cells_max'", string corruption.CellsMin)))
                (match config.Score.Measure with
                 | Some measure when Difference.usesOwn measure && not (marks config.Network) ->
                     Some(OutOfRange("score.measure", "another than \"own\", which this kind of network has not", Difference.name measure))
                 | _ -> None)
                (if
                     corruption.PlainWeight
                     + corruption.TextureWeight
                     + corruption.PatchWeight
                     + corruption.ShadeWeight
                         >
                         0.0f
                 then
                     None
                 else
                     Some(OutOfRange("corruption.plain_weight", "positive, or one of the other three weights", "0")))
            ]
            |> List.choose id

        if List.isEmpty problems then Ok config else Error problems

    /// The configuration as a TOML file, with every meaning as a comment.
    let toToml config =
        let section (key: string) = key.Substring(0, key.IndexOf '.')

        fields
        |> List.groupBy (fun field -> section field.Key)
        |> List.map (fun (name, fields) ->
            let lines =
                fields
                |> List.map (fun field -> $"{field.Key.Substring(name.Length + 1)} = {show (field.Get config)} # {field.Meaning}")

            String.concat "\n" ($"[{name}]" :: lines))
        |> String.concat "\n\n"

    /// The table for people: docs/configuration.md is this text.
    let toMarkdown () =
        let row field = $"| `{field.Key}` | `{show (field.Get defaults)}` | {field.Wanted} | {field.Meaning} |"

        [
            "# Every key of a configuration"
            ""
            "A configuration is a TOML file; what it leaves out has its default. `--set key=value` overrides any key by its dotted name."
            "This table is printed from the code (`Fae.Core/Config.fs`); a test holds it to it."
            ""
            "| key | default | may be | meaning |"
            "| --- | --- | --- | --- |"
        ]
        @ List.map row fields
        |> String.concat "\n"

    let explain =
        function
        | UnknownKey(key, nearest) -> $"unknown key '{key}'; did you mean '{nearest}'?"
        | WrongType(key, wanted, found) -> $"'{key}' is {found}, but must be {wanted}"
        | OutOfRange(key, wanted, found) -> $"'{key}' is {found}, which is out of range; it must be {wanted}"
