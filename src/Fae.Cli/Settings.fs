/// From the command line's words to checked settings, images and models.
namespace Fae.Cli

open System.IO
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Engine
open Fae.Kernels

[<RequireQualifiedAccess>]
module Settings =
    let private pair (text: string) =
        match text.IndexOf '=' with
        | at when at > 0 -> Ok(text.Substring(0, at).Trim(), Config.parse (text.Substring(at + 1)))
        | _ -> Error [ $"--set {text}: write --set key=value" ]

    /// A number of things that there must be at least one of.
    let positive name count =
        if count > 0 then
            Ok()
        else
            Error(Usage [ $"{name} {count}: must be at least 1" ])

    /// The words of a list with commas between.
    let words (text: string) =
        text.Split(
            ',',
            System.StringSplitOptions.RemoveEmptyEntries
            ||| System.StringSplitOptions.TrimEntries
        )
        |> List.ofArray

    /// What tells a file's bytes from all others, in hexadecimal.
    let fileDigest (path: string) =
        use file = File.OpenRead path
        System.Convert.ToHexString(System.Security.Cryptography.SHA256.HashData file)

    /// What tells a text from every other, in hexadecimal.
    let digest (text: string) =
        System.Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes text))

    /// A configuration file.
    let configFile (path: string) =
        ConfigFile.read path
        |> Result.mapError (List.map (fun line -> $"{path}: {line}") >> Usage)

    /// `--set` pairs, all that is wrong at once.
    let overrides (texts: string list) =
        let parsed = List.map pair texts

        let wrong =
            parsed
            |> List.collect (function
                | Error lines -> lines
                | Ok _ -> [])

        if List.isEmpty wrong then
            Ok(
                parsed
                |> List.choose (function
                    | Ok pair -> Some pair
                    | Error _ -> None)
            )
        else
            Error(Usage wrong)

    let apply pairs config =
        Config.apply pairs config
        |> Result.bind Config.check
        |> Result.mapError (List.map Config.explain >> Usage)

    /// A configuration file with what the command line overrides.
    let config (path: string) (texts: string list) (seed: int option) (steps: int option) =
        result {
            let! fromFile = configFile path

            let! pairs = overrides texts
            let whole key value = value |> Option.map (fun n -> key, Whole(int64 n)) |> Option.toList
            return! apply (pairs @ whole "train.seed" seed @ whole "train.steps" steps) fromFile
        }

    /// At what size pictures are looked at, in words.
    let scale (config: Config) =
        let size = config.Image.Size

        match Config.tiling config with
        | None -> $"{size}×{size}"
        | Some tiling ->
            $"in tiles of {config.Image.Tile}×{config.Image.Tile} pixels seen at {size}×{size}, overlapping by {tiling.Overlap}"

    /// Reads a picture for the network; where a mask says what is ignored, the picture must have its shape.
    let prepare (config: Config) channels (ignore: Image option) path =
        ImageFile.prepare config channels path
        |> Result.bind (ImageFile.fits (Option.toObj ignore) path)

    /// The pictures of some files, as many of them in memory as fit.
    let gallery (config: Config) channels ignore paths =
        Gallery.Open(Gallery.DefaultRoom, prepare config channels ignore >> Result.map _.Image, paths)
        |> Result.mapError Data

    /// Pictures that symmetry is asked of, about.
    let private asked = 48

    /// The configuration with what it leaves to the good pictures settled by them; of large pictures their middles are asked.
    let settled (config: Config) (pictures: Gallery) =
        let middle (image: Image) =
            match Config.tiling config with
            | None -> image
            | Some tiling -> TileKernel.Crop(image, (image.Height - tiling.Side) / 2, (image.Width - tiling.Side) / 2, tiling.Side)

        let symmetry = pictures.Some asked |> List.map middle |> Symmetry.ofImages
        let augment = Augment.settle symmetry config.Augment

        if augment <> config.Augment then
            Console.say (Symmetry.describe symmetry)

        { config with Augment = augment }

    /// The user's own settings, for all that they do on this machine.
    let private ownSettings =
        Path.Combine(
            System.Environment.GetFolderPath(
                System.Environment.SpecialFolder.ApplicationData,
                System.Environment.SpecialFolderOption.DoNotVerify
            ),
            "fae",
            "settings.toml"
        )

    /// The folder of a libtorch other than the one beside the program: FAE_LIBTORCH, or `libtorch` in the user's settings.
    let private ownLibtorch () =
        match System.Environment.GetEnvironmentVariable TorchLibraries.Variable with
        | NonNull folder when folder <> "" -> Ok(Some folder)
        | _ when File.Exists ownSettings -> ConfigFile.own ownSettings |> Result.mapError Usage
        | _ -> Ok None

    /// Takes libtorch from where the user said; before whatever needs it.
    let libtorch () =
        result {
            match! ownLibtorch () with
            | Some folder when isNull TorchLibraries.Folder ->
                match TorchLibraries.Use folder with
                | null -> ()
                | problem -> return! Error(Machine problem)

                match TorchLibraries.Foreign with
                | null -> ()
                | version ->
                    let apart =
                        $"the libtorch in {TorchLibraries.Folder} is {version}, TorchSharp was built for {TorchLibraries.Wanted}"

                    match Rehearsal.Problem() with
                    | null -> Console.warn $"{apart}; a small training with it goes well"
                    | problem ->
                        return!
                            Error(
                                Machine
                                    $"{apart}, and the two do not work together: {problem}; take a libtorch of version {TorchLibraries.Wanted}"
                            )
            | _ -> ()
        }

    let device (name: string option) =
        result {
            do! libtorch ()

            if not TorchLibraries.Any then
                return!
                    Error(
                        Machine
                            $"this Fae carries no libtorch; name one in {TorchLibraries.Variable}: an unpacked libtorch, or the folder torch/lib of a PyTorch wheel"
                    )

            return!
                match TorchRuntime.Find(defaultArg name "auto") with
                | null, problem -> Error(Machine problem)
                | device, _ -> Ok device
        }

    /// Where a detector works: null, the CPU, without libtorch, or the device of that name.
    let detectingDevice (name: string option) : Result<TorchSharp.torch.Device | null, Fault> =
        match name with
        | Some "cpu" -> Ok null
        | _ ->
            result {
                do! libtorch ()

                if (name = None || name = Some "auto") && not TorchLibraries.HasCuda then
                    return null
                else
                    let! device = device name

                    return
                        (if device.``type`` = TorchSharp.DeviceType.CPU then
                             null
                         else
                             device)
            }

    let private orFault path read =
        try
            Ok(read ())
        with
        | :? InvalidDataException as e -> Error(Model(path, e.Message))
        | :? IOException
        | :? System.UnauthorizedAccessException as e -> Error(Model(path, e.Message))

    /// What a model file holds.
    let modelFile (path: string) = orFault path (fun () -> ModelFile.Read path)

    /// A run's folder or a model file, opened.
    let detector (deviceName: string option) (run: string) : Result<Detector, Fault> =
        result {
            let path = ModelFile.PathOf run
            let! struct (card, weights) = modelFile path
            let! device = detectingDevice deviceName
            return! orFault path (fun () -> Reconstructor.DetectorOf(card, weights, device, Console.warn))
        }

    /// The good pictures that the model was not trained on, prepared for it; they must be at hand in the data set's folder.
    let heldOut (data: string) (detector: Detector) =
        let card = detector.Card
        let paths = card.HeldOut |> Seq.map (fun name -> Path.Combine(data, name)) |> List.ofSeq
        gallery card.Config card.Channels (Option.ofObj card.Ignore) paths

    /// The pictures of a texture folder, at the network's size.
    let textures (config: Config) channels (folder: string option) =
        match folder with
        | None -> Ok []
        | Some folder ->
            match ImageFile.list folder with
            | [] -> Error(Data [ NoPictures folder ])
            | paths ->
                let whole = { config with Config.Image.Tile = 0 }

                DataSet.readAll (ImageFile.prepare whole channels >> Result.map _.Image) paths
                |> Result.mapError Data

    /// The channels of a configuration: what it says, else what the pictures have.
    let channels (config: Config) paths =
        if config.Image.Channels > 0 then
            config.Image.Channels
        else
            DataSet.channelsOf paths

    /// A calibration at another false-alarm rate; where too few good pictures are held out to promise it, `advice` says what to do.
    let promised (advice: string) (rate: float) calibration =
        Calibration.atRate rate calibration
        |> Result.mapError (function
            | TooFewImages(held, smallest) ->
                Usage
                    [
                        $"--false-alarm {rate}: {held} held-out good pictures can promise no less than {smallest:F4}; {advice}"
                    ]
            | RateOutOfRange _ -> Usage [ $"--false-alarm {rate}: must lie between 0 and 1" ])

    /// The detector at another false-alarm rate, if one is asked for.
    let atRate (rate: float option) (detector: Detector) =
        match rate with
        | None -> Ok detector
        | Some rate ->
            promised "train with more pictures or a larger train.held_out" rate detector.Calibration
            |> Result.map detector.With
