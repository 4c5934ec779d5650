/// `--onnx MODEL [N HEIGHT WIDTH CHANNELS]`: runs an exported graph for the Python sample, where onnxruntime for Python cannot be
/// installed.
module Fae.Tests.OnnxRun

open System
open System.IO
open System.Text.Json
open Fae.Detection
open Microsoft.ML.OnnxRuntime

let private about (model: string) =
    use session = new InferenceSession(model)
    let channels = session.InputMetadata["images"].Dimensions[3]
    JsonSerializer.Serialize {| channels = channels; metadata = session.ModelMetadata.CustomMetadataMap |}

let run (model: string) (shape: int list) =
    match shape with
    | [ count; height; width; channels ] ->
        use input = Console.OpenStandardInput()
        use pixels = new MemoryStream()
        input.CopyTo pixels
        use detector = new OnnxDetector(File.ReadAllBytes model)
        let found = detector.Inspect(pixels.ToArray(), count, height, width, channels)[0]
        printfn $"{JsonSerializer.Serialize {| score = found.Score; p_value = found.PValue; anomalous = found.Anomalous |}}"
    | _ -> printfn $"{about model}"

    0
