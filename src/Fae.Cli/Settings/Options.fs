/// Checked values from the command line: lists, counts, and configurations with their overrides.
namespace Fae.Cli

open Fae.Core
open Fae.Data
open Fae.Detection
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module Options =
    /// A number of things that there must be at least one of.
    let positive name count = if count > 0 then Ok() else Error(Usage [ $"{name} {count}: must be at least 1" ])

    /// A number within limits, both allowed.
    let between low high name (value: int) =
        if value >= low && value <= high then
            Ok()
        else
            Error(Usage [ $"{name} {value}: must be from {low} to {high}" ])

    /// A port to listen on; 0 lets the system choose one.
    let port name value = between 0 65535 name value |> Result.map (fun () -> value)

    /// A number of seconds, which may be none.
    let seconds name (value: float) =
        if value >= 0.0 && System.Double.IsFinite value then
            Ok()
        else
            Error(Usage [ $"{name} {value}: must be a number of seconds" ])

    /// A number of megabytes, in bytes.
    let megabytes name (count: int option) : Result<int64 option, Fault> =
        match count with
        | None -> Ok None
        | Some count -> positive name count |> Result.map (fun () -> Some(int64 count <<< 20))

    /// The words of a list with commas between.
    let words (text: string) =
        text.Split(',', System.StringSplitOptions.RemoveEmptyEntries ||| System.StringSplitOptions.TrimEntries)
        |> List.ofArray

    /// A configuration file.
    let configFile (path: string) = ConfigFile.read path |> Result.mapError (List.map (fun line -> $"{path}: {line}") >> Usage)

    /// The pairs of `--set`, or all that are malformed.
    let overrides (texts: string list) =
        match texts |> List.map ConfigText.ParsePair |> partition with
        | pairs, [] -> Ok pairs
        | _, lines -> Error(Usage lines)

    let apply (pairs: (string * Setting) list) config = ConfigText.Apply(pairs, config) |> Result.mapError Usage

    /// A configuration with the command line's overrides.
    let overridden (texts: string list) (seed: int option) (steps: int option) config =
        result {
            let! pairs = overrides texts
            let whole key value = value |> Option.map (fun n -> key, Whole(int64 n)) |> Option.toList
            return! apply (pairs @ whole "train.seed" seed @ whole "train.steps" steps) config
        }
