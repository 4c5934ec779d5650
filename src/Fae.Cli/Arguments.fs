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
type WatchArgs =
    | [<MainCommand; Mandatory; Unique>] Folder of IN: string
    | [<Mandatory; Unique>] Model of RUN: string
    | [<Mandatory; Unique>] Out of DIR: string
    | [<Unique>] Move
    | [<Unique>] False_Alarm of RATE: float
    | [<Unique>] Mqtt of BROKER: string
    | [<Unique>] Mqtt_User of NAME: string
    | [<Unique>] Mqtt_Password_File of FILE: string
    | [<Unique>] Mqtt_Ca of FILE: string
    | [<Unique>] Mqtt_Certificate of FILE: string
    | [<Unique>] Mqtt_Client_Id of ID: string
    | [<Unique>] Mqtt_Status of TOPIC: string
    | [<Unique>] Journal_Megabytes of SIZE: float
    | [<Unique>] Settle of SECONDS: float
    | [<Unique>] Once
    | [<Unique>] Log of FORMAT: string
    | [<Unique>] Device of NAME: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Folder _ -> "the folder to watch, with the folders in it"
            | Model _ -> "a run's folder, or a model file"
            | Out _ -> "inspections.jsonl, a line for each picture, and the heatmaps go there"
            | Move -> "moves what was inspected into OUT/good, OUT/anomalous or OUT/unreadable"
            | False_Alarm _ -> "the rate of good pictures called anomalous, by the held-out good ones"
            | Mqtt _ -> "sends each line to an MQTT broker as well: HOST[:PORT]/TOPIC, or mqtts://HOST[:PORT]/TOPIC for TLS"
            | Mqtt_User _ -> "the user's name at the broker"
            | Mqtt_Password_File _ -> "a file whose first line is the password at the broker"
            | Mqtt_Ca _ -> "certificates (PEM) of the authorities that sign the broker's; else those of this machine"
            | Mqtt_Certificate _ -> "a certificate with its key (PEM) that this program shows to the broker"
            | Mqtt_Client_Id _ -> "this program's client id at the broker (a random one)"
            | Mqtt_Status _ -> "a topic that holds \"online\" or, by the last will, \"offline\""
            | Journal_Megabytes _ -> "inspections.jsonl is set aside under a name with the time when it gets larger (100)"
            | Settle _ -> "how long a file must have kept its size and time before it counts as written (0.5)"
            | Log _ -> "messages as plain lines, as text with time and level, or as json, a line each (plain)"
            | Once -> "ends when everything that is there was inspected"
            | Device _ -> "auto, cpu, cuda or cuda:N"

[<RequireQualifiedAccess>]
type ServeArgs =
    | [<Mandatory; Unique>] Model of RUNS: string
    | [<Unique>] Port of N: int
    | [<Unique>] Bind of ADDRESS: string
    | [<Unique>] Keys of FILE: string
    | [<Unique>] Queue of N: int
    | [<Unique>] Batch of N: int
    | [<Unique>] History of FILE: string
    | [<Unique>] Keep of N: int
    | [<Unique>] Keep_Days of N: int
    | [<Unique>] Max_Megabytes of N: int
    | [<Unique>] Max_Megapixels of N: int
    | [<Unique>] Timeout of SECONDS: int
    | [<Unique>] Drain of SECONDS: int
    | [<Unique>] Certificate of FILE: string
    | [<Unique>] Certificate_Key of FILE: string
    | [<Unique>] Cors of ORIGINS: string
    | [<Unique>] Allow_Host of NAMES: string
    | [<Unique>] Path_Base of PATH: string
    | [<Unique>] Behind_Proxy
    | [<Unique>] Log of FORMAT: string
    | [<Unique>] Device of NAME: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Model _ -> "a run's folder or a model file, PATH or NAME=PATH, or several with commas between; the first one is the default"
            | Port _ -> "the port (8080; 0 for any that is free)"
            | Bind _ -> "the address to listen at (127.0.0.1: this machine alone)"
            | Keys _ -> "a file of lines HASH [NAME [ROLE]]: SHA-256 of an API key (printf %s KEY | sha256sum), role engineer or operator"
            | Queue _ -> "pictures that may wait; requests beyond are answered 429 (64)"
            | Batch _ -> "pictures that the network gets at once, at most (8)"
            | History _ ->
                "keeps what was inspected in this SQLite file, where people can mark verdicts that are wrong; fae calibrate uses the marks"
            | Keep _ -> "inspections in the history, at most; marked ones stay (10000)"
            | Keep_Days _ -> "days that they are kept, at most; marked ones stay (90)"
            | Max_Megabytes _ -> "the largest body (32)"
            | Max_Megapixels _ -> "the largest picture (100)"
            | Timeout _ -> "seconds after which a request is given up (30)"
            | Drain _ -> "seconds in which /ready says 503 and requests are still answered, after the server was asked to stop (0)"
            | Certificate _ -> "serves over TLS: a certificate in PEM, with its key in the same file or in --certificate-key"
            | Certificate_Key _ -> "the certificate's private key, PEM"
            | Cors _ -> "other sites whose pages may use the server, like https://line.example, with commas between"
            | Allow_Host _ -> "names under which a server without keys may be asked besides localhost, with commas between"
            | Path_Base _ -> "the path under which a proxy serves it, like /fae"
            | Log _ -> "messages as plain lines, as text with time and level, or as json, a line each (plain)"
            | Behind_Proxy -> "believes a proxy on this machine who asked: X-Forwarded-For, -Proto and -Host"
            | Device _ -> "auto, cpu, cuda or cuda:N"

[<RequireQualifiedAccess>]
type CorruptArgs =
    | [<Mandatory; Unique>] Config of FILE: string
    | [<Mandatory; Unique>] Data of DIR: string
    | [<Mandatory; Unique>] Out of DIR: string
    | [<Unique>] Count of N: int
    | [<Unique>] Seed of N: int
    | Set of KEY_VALUE: string
    | [<Unique>] Textures of DIR: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Config _ -> "the configuration (TOML)"
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
type HealthArgs =
    | [<MainCommand; Mandatory; Unique>] Url of URL: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Url _ -> "the server's address, like http://127.0.0.1:8080"

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
type CalibrateArgs =
    | [<Mandatory; Unique>] Model of RUN: string
    | [<Mandatory; Unique>] From of FILE: string
    | [<Unique>] False_Alarm of RATE: float
    | [<Unique>] Out of FILE: string

    interface IArgParserTemplate with
        member arg.Usage =
            match arg with
            | Model _ -> "a run's folder, or a model file"
            | From _ -> "the history that fae serve kept, with what people marked"
            | False_Alarm _ -> "the rate of good pictures called anomalous (the model's own)"
            | Out _ -> "where the calibrated model goes (in the model's place; the old one stays beside it as previous.safetensors)"

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
            | Health _ -> "says whether a server is ready"
            | Demo_Data _ -> "makes the demo data set"
            | Version -> "says which Fae, .NET, ONNX Runtime, libvips and libtorch this is"

[<RequireQualifiedAccess; CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module Arguments =
    /// Options whose values are numbers with a point.
    let reals = [ "--false-alarm"; "--settle"; "--tolerance"; "--journal-megabytes" ]
