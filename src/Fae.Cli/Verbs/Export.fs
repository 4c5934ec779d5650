/// fae export: a whole detector as one ONNX model, compared with the model on its self-check pictures.
namespace Fae.Cli

open System
open System.Globalization
open System.IO
open Argu
open Fae.Data
open Fae.Detection
open FsToolkit.ErrorHandling

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
        | _ -> Error(Usage [ $"--camera {text}: write the height and the width of the camera's pictures in pixels: --camera 1024x2048" ])

    let private camera (args: ParseResults<ExportArgs>) =
        match args.TryGetResult ExportArgs.Camera with
        | None -> Ok(Nullable())
        | Some text -> shape text |> Result.map Nullable

    let private graph path (card: ModelCard) weights (camera: Nullable<struct (int * int)>) =
        try
            Ok(OnnxDetector.Export(card, weights, camera))
        with
        | :? NotSupportedException when card.Config.Image.Tile > 0 && not camera.HasValue ->
            Error(Usage [ $"{path} splits pictures into tiles: give the camera's shape with --camera HEIGHTxWIDTH" ])
        | :? NotSupportedException as e -> Error(Model(path, e.Message))

    /// Compares the file with the model on the self-check pictures.
    let private selfCheck (file: string) path (card: ModelCard) weights camera tolerance =
        let results = OnnxDetector.CheckExport(File.ReadAllBytes file, card, weights, camera)

        for number, result in Seq.indexed results do
            let picture = result.Picture

            Console.say (
                $"self-check {number + 1}, {picture.Width}×{picture.Height}: score {result.Finding.Score:G6} (model "
                + $"{picture.Score:G6}), p {result.Finding.PValue:F4} (model {picture.PValue:F4}), deviation "
                + $"{result.Deviation:E1}"
            )

        let worst = results |> Seq.map _.Deviation |> Seq.fold max 0.0

        if results.Count = 0 then
            Console.warn $"{path} has no self-check pictures: what was written is not checked"
            Ok()
        elif worst <= tolerance then
            Console.say $"all within {tolerance} of the model's score"
            Ok()
        else
            Error(Model(path, $"its ONNX graph deviates by {worst:E1} on a self-check picture, more than {tolerance}: nothing was written"))

    let run (args: ParseResults<ExportArgs>) : Result<int, Fault> =
        result {
            let path = ModelFile.PathOf(args.GetResult ExportArgs.Model)
            let target = args.GetResult ExportArgs.Onnx
            let tolerance = args.GetResult(ExportArgs.Tolerance, defaultValue = defaultTolerance)
            let! camera = camera args
            let! struct (card, weights) = Models.modelFile path
            let! bytes = graph path card weights camera
            // Under another name until it has been checked.
            let trial = target + ".unchecked"

            try
                AtomicFile.Write(trial, fun stream -> stream.Write bytes)
                do! selfCheck trial path card weights camera tolerance
                File.Move(trial, target, true)
                Console.say $"wrote {target}, {bytes.Length / 1024} KiB"
                return 0
            finally
                File.Delete trial
        }
