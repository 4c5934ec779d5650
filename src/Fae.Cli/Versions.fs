/// fae --version.
namespace Fae.Cli

open System
open System.Reflection
open Fae.Imaging
open Fae.Training

[<RequireQualifiedAccess>]
module Versions =
    /// Version and commit, as the build wrote them: "0.1.0+c6105a1…".
    let private own () =
        let said =
            match Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>() with
            | null -> ""
            | attribute -> attribute.InformationalVersion

        match said.Split('+', 2) with
        | [| version; commit |] -> version, commit.Substring(0, min 12 commit.Length)
        | parts -> parts[0], "not known"

    let private libtorch () =
        match TorchLibraries.Folder with
        | null when not TorchLibraries.Any -> $"none; to train, name one in {TorchLibraries.Variable} or install fae-training"
        | null -> TorchLibraries.Wanted
        | folder ->
            let version = TorchLibraries.VersionIn folder |> Option.ofObj |> Option.defaultValue "of unknown version"
            $"{version} in {folder}"

    /// One fact a line.
    let lines () : string list =
        let version, commit = own ()
        let vips = [ for part in 0..2 -> NetVips.NetVips.Version part ] |> List.map string |> String.concat "."

        [
            $"fae {version}"
            $"commit        {commit}"
            $".NET          {Environment.Version}, {Platform.current ()}"
            $"ONNX Runtime  {Microsoft.ML.OnnxRuntime.OrtEnv.Instance().GetVersionString()}"
            $"libvips       {vips}"
            $"libtorch      {libtorch ()}"
        ]
