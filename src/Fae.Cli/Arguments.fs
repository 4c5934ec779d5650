/// The command line. The unions ARE the interface: help, parsing and errors follow from them.
namespace Fae.Cli

open Argu

[<RequireQualifiedAccess>]
type TrainArgs =
    | [<Unique>] Config of FILE: string
    | [<Mandatory; Unique>] Data of DIR: string
    | [<Mandatory; Unique>] Out of RUN: string
    | [<Unique>] Device of NAME: string
    | [<Unique>] Seed of N: int
    | [<Unique>] Steps of N: int
    | Set of KEY_VALUE: string
    | [<Unique>] Resume
    | [<Unique>] Textures of DIR: string
    | [<Unique>] Ignore of FILE: string
    | [<Unique>] Extend of RUN: string
    | [<Unique>] Smallest_Defect of PIXELS: int
    | [<Unique>] Budget of TIME: string
    | [<Unique>] Fast

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Config _ -> "the configuration (TOML); without one: a U-Net and a memory bank together, for a part that nobody has tuned"
            | Extend _ -> "instead of a configuration: a model with a memory bank, which new pictures of DATA are added to"
            | Data _ -> "the data set: MVTec layout, or a folder of good pictures"
            | Out _ -> "the run's folder; it will hold model.safetensors"
            | Device _ -> "auto, cpu, cuda or cuda:N"
            | Seed _ -> "overrides train.seed"
            | Steps _ -> "overrides train.steps"
            | Set _ -> "overrides any key of the configuration: --set corruption.curve_chance=0.3"
            | Resume -> "goes on from the run's checkpoint"
            | Textures _ -> "a folder of texture pictures (DTD, for instance) to paint defects with"
            | Ignore _ -> "a mask picture for the whole set: what is not black in it is ignored"
            | Budget _ -> "without a configuration: about how long it may take here, like 10m or 2h (30m); it sets train.steps"
            | Fast -> "without a configuration: a detector that inspects a picture in about 30 ms, at 256×256 pixels or as many"
            | Smallest_Defect _ -> "width in the pictures' pixels of the smallest defect to find, where image.size is auto"

[<RequireQualifiedAccess>]
type EvalArgs =
    | [<Mandatory; Unique>] Model of RUN: string
    | [<Mandatory; Unique>] Data of DIR: string
    | [<Unique>] Out of DIR: string
    | [<Unique>] Json of FILE: string
    | [<Unique>] False_Alarm of RATE: float
    | Set of KEY_VALUE: string
    | [<Unique>] Compare of FILE: string
    | [<Unique>] Device of NAME: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Model _ -> "a run's folder, or a model file"
            | Data _ -> "a data set with test pictures"
            | Compare _ ->
                "writes there how every way of scoring does on these labels; it changes nothing, and nothing should be chosen by it"
            | Out _ -> "writes report.html and eval.json there"
            | Json _ -> "writes the metrics there; - for standard output"
            | False_Alarm _ -> "the rate of good pictures called anomalous, by the held-out good ones"
            | Set _ -> "scores in another way: --set score.measure=ssim; thresholds are fitted anew on held-out good pictures"
            | Device _ -> "auto, cpu, cuda or cuda:N"

[<RequireQualifiedAccess>]
type InspectArgs =
    | [<Mandatory; Unique>] Model of RUN: string
    | [<MainCommand; Mandatory>] Paths of PATH: string list
    | [<Unique>] Out of DIR: string
    | [<Unique>] Json of FILE: string
    | [<Unique>] False_Alarm of RATE: float
    | [<Unique>] Fail_On_Anomaly
    | [<Unique>] Device of NAME: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Model _ -> "a run's folder, or a model file"
            | Paths _ -> "pictures, or folders of pictures (with the folders in them)"
            | Out _ -> "writes a heatmap for each picture there"
            | Json _ -> "writes the findings there; - for standard output"
            | False_Alarm _ -> "the rate of good pictures called anomalous, by the held-out good ones"
            | Fail_On_Anomaly -> "exits with 1 if anything anomalous was found"
            | Device _ -> "auto, cpu, cuda or cuda:N"

[<RequireQualifiedAccess>]
type CorruptArgs =
    | [<Unique>] Config of FILE: string
    | [<Mandatory; Unique>] Data of DIR: string
    | [<Mandatory; Unique>] Out of DIR: string
    | [<Unique>] Count of N: int
    | [<Unique>] Seed of N: int
    | Set of KEY_VALUE: string
    | [<Unique>] Textures of DIR: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Config _ -> "the configuration (TOML); without one as fae train chooses it"
            | Data _ -> "the data set"
            | Out _ -> "writes contact sheets there: clean, mask, corrupted"
            | Count _ -> "how many samples (24)"
            | Seed _ -> "overrides train.seed"
            | Set _ -> "overrides any key of the configuration"
            | Textures _ -> "a folder of texture pictures to paint defects with"

[<RequireQualifiedAccess>]
type ProbeArgs =
    | [<Mandatory; Unique>] Model of RUN: string
    | [<Mandatory; Unique>] Data of DIR: string
    | [<Unique>] Out of DIR: string
    | [<Unique>] Json of FILE: string
    | [<Unique>] Count of N: int
    | [<Unique>] Probes of N: int
    | [<Unique>] Device of NAME: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Model _ -> "a run's folder, or a model file"
            | Data _ -> "the data set that it was trained on: its held-out good pictures are probed"
            | Out _ -> "writes probe.html and probe.json there"
            | Json _ -> "writes the estimates there; - for standard output"
            | Count _ -> "how many of the held-out pictures, at most (8)"
            | Probes _ -> "random directions, and draws of the noise, for each picture (4)"
            | Device _ -> "auto, cpu, cuda or cuda:N"

[<RequireQualifiedAccess>]
type DoctorArgs =
    | [<Unique>] Json of FILE: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Json _ -> "writes the findings there; - for standard output"

[<RequireQualifiedAccess>]
type DemoDataArgs =
    | [<Mandatory; Unique>] Out of DIR: string
    | [<Unique>] Seed of N: int

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Out _ -> "where the data set goes"
            | Seed _ -> "of the parts and the defects (0)"

[<RequireQualifiedAccess>]
type ReproduceArgs =
    | [<Mandatory; Unique>] Data of DIR: string
    | [<Mandatory; Unique>] Out of DIR: string
    | [<Unique>] Categories of A_B: string
    | [<Unique>] Methods of A_B: string
    | [<Unique>] Seeds of K: int
    | [<Unique>] Ablate of A_B: string
    | [<Unique>] Budget of WORD: string
    | [<Unique>] Resume
    | [<Unique>] Configs of DIR: string
    | [<Unique>] Textures of DIR: string
    | [<Unique>] Device of NAME: string
    | [<Unique>] Slurm
    | [<Unique>] Partition of P: string
    | [<EqualsAssignmentOrSpaced>] Sbatch of OPTION: string
    | [<Unique; Hidden>] Cell of I: int
    | [<Unique>] Collect

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Data _ -> "a folder of data sets, one for each category, in MVTec's layout"
            | Out _ -> "where the models, the tables and the figures go"
            | Categories _ -> "some of the categories: bottle,carpet (all that are there)"
            | Methods _ -> "methods to run: fae, or fae,sdc,draem, or all (fae)"
            | Seeds _ -> "models of each kind, with the seeds 0 to K − 1 (1)"
            | Ablate _ -> "what to leave out, each beside the whole: noise, curves, opacity, texture, some of them, or none (none)"
            | Budget _ -> "smoke, short or full: what is spent on each model (full)"
            | Resume -> "goes on where an earlier call was stopped; what is finished is not trained again"
            | Configs _ -> "a folder with CATEGORY.toml files, instead of those that come with Fae"
            | Textures _ -> "a folder of texture pictures (DTD, for instance) to paint defects with"
            | Device _ -> "auto, cpu, cuda or cuda:N"
            | Slurm -> "submits one Slurm job array, a task for each model, and a job that collects; the folder must be shared by the nodes"
            | Partition _ -> "the partition of the jobs"
            | Sbatch _ -> "handed to sbatch as it is: --sbatch=--gres=gpu:1"
            | Cell _ -> "trains and evaluates model number I alone"
            | Collect -> "trains nothing: writes the tables and figures of what is finished"

[<RequireQualifiedAccess>]
type ExportArgs =
    | [<Mandatory; Unique>] Model of RUN: string
    | [<Mandatory; Unique>] Onnx of FILE: string
    | [<Unique>] Camera of HEIGHTxWIDTH: string
    | [<Unique>] Tolerance of SHARE: float

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Model _ -> "a run's folder, or a model file"
            | Onnx _ -> "the ONNX model: batches of pictures in bytes to scores, p-values, verdicts, heatmaps and reconstructions"
            | Camera _ -> "the shape of the camera's pictures, for models that look at them in windows; others take pictures of any shape"
            | Tolerance _ -> "largest relative difference of the scores of the self-check pictures (0.001)"

type Arguments =
    | [<CliPrefix(CliPrefix.None)>] Train of ParseResults<TrainArgs>
    | [<CliPrefix(CliPrefix.None)>] Eval of ParseResults<EvalArgs>
    | [<CliPrefix(CliPrefix.None)>] Inspect of ParseResults<InspectArgs>
    | [<CliPrefix(CliPrefix.None)>] Watch of ParseResults<WatchArgs>
    | [<CliPrefix(CliPrefix.None)>] Serve of ParseResults<ServeArgs>
    | [<CliPrefix(CliPrefix.None)>] Calibrate of ParseResults<CalibrateArgs>
    | [<CliPrefix(CliPrefix.None)>] Export of ParseResults<ExportArgs>
    | [<CliPrefix(CliPrefix.None)>] Corrupt of ParseResults<CorruptArgs>
    | [<CliPrefix(CliPrefix.None)>] Probe of ParseResults<ProbeArgs>
    | [<CliPrefix(CliPrefix.None)>] Reproduce of ParseResults<ReproduceArgs>
    | [<CliPrefix(CliPrefix.None)>] Doctor of ParseResults<DoctorArgs>
    | [<CliPrefix(CliPrefix.None)>] Studio of ParseResults<StudioArgs>
    | [<CliPrefix(CliPrefix.None)>] Password of ParseResults<PasswordArgs>
    | [<CliPrefix(CliPrefix.None)>] Health of ParseResults<HealthArgs>
    | [<CliPrefix(CliPrefix.None)>] Demo_Data of ParseResults<DemoDataArgs>
    | Version

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Train _ -> "makes a detector from a folder of good pictures"
            | Eval _ -> "measures a detector on labelled test pictures, with a report"
            | Inspect _ -> "judges pictures: score, p-value, verdict, regions, heatmap"
            | Watch _ -> "inspects every picture that appears in a folder, once"
            | Serve _ -> "detectors behind HTTP, with a page to try them"
            | Calibrate _ -> "new thresholds from what people marked in a server's history"
            | Export _ -> "a whole detector as one ONNX model, for programs in any language"
            | Corrupt _ -> "shows what training sees"
            | Probe _ ->
                "measures on a trained network what the paper's theorem is about: how near it is to the identity, what the noise costs"
            | Reproduce _ -> "the paper's tables, ablations and figures from your own copy of the data, beside the published numbers"
            | Doctor _ -> "says what this machine can run, and what to do about what is missing"
            | Studio _ -> "makes detectors in the browser: projects, pictures, trainings, publishing"
            | Password _ -> "lets a person sign in at a server, with a password"
            | Health _ -> "says whether a server is ready"
            | Demo_Data _ -> "makes the demo data set"
            | Version -> "says which Fae, .NET, ONNX Runtime, libvips and libtorch this is"

[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Arguments =
    /// Options whose values are numbers with a point.
    let reals = [ "--false-alarm"; "--settle"; "--tolerance"; "--journal-megabytes" ]
