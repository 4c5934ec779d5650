/// Files that cannot be used as a backbone.
module Fae.Tests.BackboneTests

open System.IO
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Tests.Helpers
open Onnx
open Google.Protobuf

let private file = packagedBackbone
let private settings = Config.defaults.Features

/// A tiny network: a convolution of so many channels, and what is made of it.
let private tiny channels (more: GraphProto -> unit) =
    let graph = GraphProto(Name = "tiny")
    let weight = TensorProto(Name = "w", DataType = 1)
    weight.Dims.Add [| 2L; int64 channels; 3L; 3L |]
    weight.FloatData.Add [| for i in 0 .. 18 * channels - 1 -> 0.1f * float32 (i % 5) |]
    graph.Initializer.Add weight
    let node = NodeProto(OpType = "Conv", Name = "conv")
    node.Input.Add [| "image"; "w" |]
    node.Output.Add "features"
    graph.Node.Add node
    more graph
    let model = ModelProto(IrVersion = 8L, Graph = graph)
    model.OpsetImport.Add(OperatorSetIdProto(Version = 17L))
    model.ToByteArray()

let private own taps = { settings with Taps = taps; Stages = [ 1 ] }

let private refused name (bytes: unit -> byte[]) taps (words: string) =
    test name {
        let problem =
            try
                Backbone.Cut(bytes (), own taps) |> ignore
                ""
            with :? InvalidDataException as e ->
                e.Message

        Expect.stringContains problem words "one line"
        Expect.isFalse (problem.Contains '\n') problem
    }

let bad =
    testList
        "A backbone that cannot be used is one line"
        [
            refused "without the tap" (fun () -> tiny 3 ignore) [ "stage_9" ] "it has no value 'stage_9'"
            refused "with another number of channels" (fun () -> tiny 4 ignore) [ "features" ] "does not run on a picture of three channels"
            refused
                "cut in half"
                (fun () -> Array.truncate 300_000 (File.ReadAllBytes file))
                settings.Taps
                "no ONNX model, or a part of one"
            refused "not ONNX" (fun () -> [| 1uy .. 200uy |]) [ "features" ] "no ONNX model"
            refused
                "with an operation of a fixed size"
                (fun () ->
                    tiny 3 (fun graph ->
                        let node = NodeProto(OpType = "Reshape", Name = "flatten")
                        node.Input.Add [| "features"; "shape" |]
                        node.Output.Add "flat"
                        graph.Node.Add node))
                [ "flat" ]
                "its operation Reshape"
            refused
                "with a stage that is no map"
                (fun () ->
                    tiny 3 (fun graph ->
                        let node = NodeProto(OpType = "GlobalAveragePool", Name = "pool")
                        node.Input.Add "features"
                        node.Output.Add "pooled"
                        graph.Node.Add node))
                [ "pooled" ]
                "is no map of features"
            test "a file of 2 GB is refused before it is read" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "large.onnx")
                    using (File.Create path) (fun stream -> stream.SetLength(1L <<< 31))

                    Expect.throwsC (fun () -> Backbone.Read(path, settings) |> ignore) (fun e ->
                        Expect.stringContains e.Message "MB" e.Message))
            }
        ]
