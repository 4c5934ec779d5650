/// The settings of a run as records. `Config` holds all of them.
namespace Fae.Core

/// Channels of the images that the network sees.
[<RequireQualifiedAccess>]
type ChannelMode =
    /// As the training pictures have.
    | Auto
    | Grey
    | Colour

type ImageSettings =
    {
        /// Side in pixels of the square that pictures are resized to, or the shorter side where `Aspect` is not 1. 0: still to be chosen
        /// by the training pictures.
        Size: int
        /// Width over height of the resized pictures. `None`: the median of the training pictures, still to be found.
        Aspect: float32 option
        Channels: ChannelMode
        /// How the values of the pictures' files are read.
        Values: ValueSettings
        /// Sigma in pixels of the illumination correction; 0: none; below 0: still to be chosen by the training pictures.
        IlluminationSigma: float32
        /// Training sees random square crops of this side; 0: whole pictures.
        Crop: int
        /// Large pictures are split into square tiles of this many of their own pixels, each resized to size × size; 0: no tiles.
        Tile: int
        /// Overlap of neighbouring tiles, in the picture's own pixels.
        Overlap: int
    }

/// `None`: chosen by the symmetry of the good pictures.
type AugmentSettings =
    {
        FlipHorizontal: bool option
        FlipVertical: bool option
        QuarterTurns: bool option
        /// Largest rotation in degrees, for half of the pictures; padded by reflection.
        Rotate: float32 option
        /// Largest shift as a fraction of the side; padded by reflection.
        Shift: float32
        /// Largest change of brightness gain and offset, as a fraction.
        Brightness: float32
    }

[<RequireQualifiedAccess>]
module AugmentSettings =
    /// The largest rotation in degrees of parts that may lie at any angle.
    let anyAngle = 180.0f

/// The noise of equation (3).
type NoiseSettings =
    {
        /// Standard deviation, in units of the image range [0, 1].
        Sigma: float32
        /// σ is drawn from U(0, Sigma) for each image.
        RandomSigma: bool
        /// The target gets the same noise (FAE); false: it stays clean (DAE).
        OnTarget: bool
    }

/// The architecture of a network.
[<RequireQualifiedAccess>]
type NetworkKind =
    /// The paper's: a U-Net with a dilated bottleneck.
    | UNet
    /// Encoder and decoder without skip connections: AE, DAE, RCAE.
    | Autoencoder
    /// The same with latents drawn from N(μ, σ²): VAE.
    | Variational
    /// VQ-VAE with an autoregressive prior: LSR.
    | Quantised
    /// Self-attention over patches: InTra.
    | Transformer
    /// Encoder, generator and critic: f-AnoGAN.
    | Adversarial
    /// A reconstructive autoencoder and a discriminative U-Net: DRAEM.
    | Discriminative
    /// An encoder with a classifier and Gaussian densities: CutPaste.
    | Classifier
    /// A memory bank of features of a pretrained network: PatchCore.
    | MemoryBank
    /// A discriminator of features of a pretrained network and the same with noise: SimpleNet.
    | SimpleNet
    /// The same discriminator of normal features, of the hardest ones near them, and of corrupted pictures': GLASS.
    | Glass
    /// A student that decodes the teacher's features from a bottleneck: RD++.
    | ReverseDistillation
    /// Normalising flows of features at three scales: MSFlow.
    | MsFlow
    /// A memory bank of which position and neighbourhood allow a part at each place: PNI.
    | Pni
    /// Reconstruction of selected features and a discriminator of the residuals: RealNet.
    | RealNet

/// A U-Net's anomaly map from features of a pretrained network, φ.
[<RequireQualifiedAccess>]
type Perceptual =
    | None
    /// Σ over stages of 1 − cosine between features of x and of f(x).
    | Distance
    /// A small network that learns the corruption's mask from the squared differences of the features.
    | Discriminator
    /// The distance of φ(x) to a memory bank of good pictures, at one scale or several: PatchCore beside the U-Net.
    | MemoryBank

type NetworkSettings =
    {
        Kind: NetworkKind
        /// The anomaly map of a U-Net from features.
        Perceptual: Perceptual
        /// Latent channels, codes or features; for all kinds but `UNet`.
        Latent: int
        /// Patch side of a transformer in pixels.
        Patch: int
        /// Inpainting (RIAD): cells along a side. For each number every set of cells is masked once and inpainted; the results are
        /// averaged. Empty: the network sees the whole picture.
        InpaintGrids: int list
        /// Number of disjoint sets that the cells are split into.
        InpaintSets: int
        /// Space-to-depth factor at the input: 1, 2 or 4.
        SpaceToDepth: int
        /// Channels of the first level; each level below has twice as many.
        Width: int
        /// Levels with a skip connection.
        Depth: int
        /// Dilations of the bottleneck blocks.
        Dilations: int list
        /// f(x) = x + g(x) instead of f(x) = g(x).
        Residual: bool
        /// Entries of a memory bank.
        BankSize: int
        /// Patches of good pictures from which a memory bank is chosen, at most.
        BankCap: int
        /// Good pictures whose patches enter a memory bank, at most, evenly chosen. None: a tenth of `BankCap`.
        BankPictures: int option
        /// Beside a U-Net: the scales of the pictures that a memory bank each sees; 1 is the working size. None: by the working size.
        BankScales: float32 list option
        /// Mirrored and rotated views of each good picture that enter a memory bank, at most, of those that augmentation allows. None:
        /// more than one of few pictures alone.
        BankViews: int option
        /// Distances to a memory bank are divided by what is usual at their place.
        BankPlaces: bool
    }

/// The order of the channels of a pretrained network's input.
[<RequireQualifiedAccess>]
type ChannelOrder =
    | Rgb
    | Bgr

/// The number type that a pretrained network computes in.
[<RequireQualifiedAccess>]
type FeaturePrecision =
    | Float32
    /// `Quantisation`: activations as bytes, weights as 7-bit numbers.
    | Int8

/// The pretrained network whose features some methods use.
type FeatureSettings =
    {
        /// "resnet18", the one that comes with the program, or the path of an ONNX file.
        Backbone: string
        /// The values of its graph that are the outputs of its stages 1, 2, ….
        Taps: string list
        /// The stages that are used, counted from 1; the largest map first.
        Stages: int list
        Order: ChannelOrder
        /// What is subtracted from each channel, in the network's order, and by what it is then divided; pictures are in [0, 1].
        Mean: float32 list
        Deviation: float32 list
        /// Patch embeddings have the vectors of each stage at unit length, `Embedding.ofUnitStages`.
        UnitLength: bool
        Precision: FeaturePrecision
    }

/// Loss terms besides the two-term objective: L = L_λ + Σ weight · term.
type ObjectiveSettings =
    {
        /// 1 − SSIM between reconstruction and target.
        Ssim: float32
        /// 1 − GMS at four scales.
        Gms: float32
        /// ‖J_f‖²_F per value, estimated along random directions (RCAE).
        Contraction: float32
        /// The network's own loss: KL divergence, code loss, critic, classification.
        Auxiliary: float32
    }

/// The number type of the forward pass in training. Weights and optimiser state are always 32-bit floats.
[<RequireQualifiedAccess>]
type Precision =
    | Float32
    /// No loss scaling is needed: it has the range of 32-bit floats.
    | BFloat16

type TrainSettings =
    {
        Steps: int
        Batch: int
        LearningRate: float32
        /// λ of the two-term objective.
        Lambda: float32
        /// Fraction of the good pictures that is held out, at least. None: a twentieth, up to 1,000.
        HeldOut: float32 option
        /// Which good pictures show the same part: "auto" by their looks, "none", or a regular expression over file names.
        Groups: string
        /// Good pictures that `Outliers.outside` finds are not trained on.
        DropOutliers: bool
        Seed: int
        ValidateEvery: int
        Precision: Precision
    }

/// How scores are computed. `None`: chosen after training on synthetic defects.
type ScoreSettings =
    {
        Measure: Measure option
        FilterSize: int option
        FilterPasses: int option
        Reduction: ReductionKind option
        /// Fraction of the pixels for `ReductionKind.Top`.
        TopFraction: float32
        Border: int option
        NormaliseByMedian: bool option
        /// Test-time augmentation: at most this many of the views that augmentation allows.
        Views: int
    }

type CalibrationSettings =
    {
        /// Rate of good images called anomalous. None: `Conformal.usualRate`, or the smallest that the held-out pictures can promise.
        FalseAlarm: float32 option
        /// Rate of good pixels called anomalous.
        PixelFalseAlarm: float32
    }

type Config =
    {
        Image: ImageSettings
        Augment: AugmentSettings
        Corruption: CorruptionSettings
        Noise: NoiseSettings
        Network: NetworkSettings
        Features: FeatureSettings
        Objective: ObjectiveSettings
        Train: TrainSettings
        Score: ScoreSettings
        Calibration: CalibrationSettings
    }
