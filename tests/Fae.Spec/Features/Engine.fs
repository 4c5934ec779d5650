/// The two engines that run a graph: ONNX Runtime and torch.
module Fae.Spec.Engine

open System.Collections.Generic
open Fae.Detection
open Fae.Training
open Microsoft.ML.OnnxRuntime
open TorchSharp

/// Some values of a graph, with their shapes, from its inputs: names, values, shapes.
type Run = OnnxGraph -> (string * float32[] * int64[]) list -> string list -> (float32[] * int64[]) list

let onnx: Run =
    fun graph inputs wanted ->
        use session = new InferenceSession(graph.ToModel "law")
        use options = new RunOptions()
        let values = [ for _, values, shape in inputs -> OrtValue.CreateTensorValueFromMemory(values, shape) ]

        try
            use outputs = session.Run(options, [| for name, _, _ in inputs -> name |], values, Array.ofList wanted)

            [
                for output in outputs -> output.GetTensorDataAsSpan<float32>().ToArray(), output.GetTensorTypeAndShape().Shape
            ]
        finally
            for value in values do
                value.Dispose()

/// What a graph computes of vectors (M, d) and a bank (K, d), value by value.
let ofVectors (engine: Run) (build: OnnxGraph -> string -> string -> string) (bank: float32[][]) (vectors: float32[][]) =
    let graph = OnnxGraph()
    let width = int64 bank[0].Length
    let input = graph.Input("vectors", Onnx.TensorProto.Types.DataType.Float, "m", width)
    let entries = graph.Weight(NamedArray("bank", [| int64 bank.Length; width |], Array.concat bank))
    graph.Output("output", Onnx.TensorProto.Types.DataType.Float, build graph input entries, "m", "n")
    let inputs = [ "vectors", Array.concat vectors, [| int64 vectors.Length; width |] ]
    engine graph inputs [ "output" ] |> List.head |> fst

let torch: Run =
    fun graph inputs wanted ->
        use _ = torch.NewDisposeScope()
        use engine = new TorchGraph(graph.Proto, torch.CPU, (fun _ -> null))
        let feeds = Dictionary()

        for name, values, shape in inputs do
            feeds[name] <- torch.tensor(values).reshape shape

        [
            for value in engine.Run(false, feeds, Array.ofList wanted) -> value.contiguous().data<float32>().ToArray(), value.shape
        ]
