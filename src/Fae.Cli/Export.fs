/// fae export: a whole detector as one ONNX model, held to what the model itself said of its probes.
namespace Fae.Cli

open System
open System.Globalization
open System.IO
open Argu
open Fae.Detection

[<RequireQualifiedAccess>]
module Export =
    /// Scores may differ by so much of themselves: the rounding of two ways to compute the same.
    let private defaultTolerance = 1e-3

    /// HEIGHTxWIDTH, both at least 1.
    let private shape (text: string) =
        match
            text.ToLowerInvariant().Split 'x'
            |> Array.map (fun side -> Int32.TryParse(side, CultureInfo.InvariantCulture))
        with
        | [| (true, height); (true, width) |] when height > 0 && width > 0 -> Ok(struct (height, width))
        | _ ->
            Error(
                Usage
                    [
                        $"--camera {text}: write the height and the width of the camera's pictures in pixels: --camera 1024x2048"
                    ]
            )

    let private camera (args: ParseResults<ExportArgs>) =
        match args.TryGetResult ExportArgs.Camera with
        | None -> Ok(Nullable())
        | Some text -> shape text |> Result.map Nullable

    let private graph path (card: ModelCard) weights (camera: Nullable<struct (int * int)>) =
        try
            Ok(OnnxDetector.Export(card, weights, camera))
        with
        | :? NotSupportedException when card.Config.Image.Tile > 0 && not camera.HasValue ->
            Error(
                Usage
                    [
                        $"{path} looks at pictures in windows: say what the camera gives with --camera HEIGHTxWIDTH"
                    ]
            )
        | :? NotSupportedException as e -> Error(Model(path, e.Message))

    /// Asks the file about the model's probes, as whoever uses it will.
    let private replay (file: string) path (card: ModelCard) weights camera tolerance =
        let replays = OnnxDetector.Replays(File.ReadAllBytes file, card, weights, camera)

        for number, replay in Seq.indexed replays do
            let probe = replay.Probe

            Console.say
                $"probe {number + 1}, {probe.Width}×{probe.Height}: score {replay.Finding.Score:G6} (model {probe.Score:G6}), p {replay.Finding.PValue:F4} (model {probe.PValue:F4}), off by {replay.Deviation:E1}"

        let worst = replays |> Seq.map _.Deviation |> Seq.fold max 0.0

        if replays.Count = 0 then
            Console.warn $"{path} carries no probe pictures (it was made by an older Fae): what was written is not checked"
            Ok()
        elif worst <= tolerance then
            Console.say $"all within {tolerance} of the model's score"
            Ok()
        else
            Error(Model(path, $"its ONNX graph scores a probe {worst:E1} off, more than {tolerance}: nothing was written"))

    let run (args: ParseResults<ExportArgs>) : Result<int, Fault> =
        result {
            let path = ModelFile.PathOf(args.GetResult ExportArgs.Model)
            let target = args.GetResult ExportArgs.Onnx
            let tolerance = args.GetResult(ExportArgs.Tolerance, defaultValue = defaultTolerance)
            let! camera = camera args
            let! struct (card, weights) = Settings.modelFile path
            let! bytes = graph path card weights camera
            // Under another name until it has been checked.
            let trial = target + ".unchecked"

            try
                AtomicFile.Write(trial, fun stream -> stream.Write bytes)
                do! replay trial path card weights camera tolerance
                File.Move(trial, target, true)
                Console.say $"wrote {target}, {bytes.Length / 1024} KiB"
                return 0
            finally
                File.Delete trial
        }
