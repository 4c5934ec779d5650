/// Faults as lines of text and exit codes.
namespace Fae.Cli

open Fae.Data

[<RequireQualifiedAccess>]
module Fault =
    /// 2 usage, 3 data, 4 model, 5 machine. (0: done. 1: --fail-on-anomaly found something.)
    let exitCode =
        function
        | Usage _ -> 2
        | Data _ -> 3
        | Model _ -> 4
        | Machine _ -> 5

    /// The most problems of a folder that are listed one by one.
    let private shown = 20

    let lines =
        function
        | Usage lines -> lines
        | Data problems ->
            let rest = problems.Length - shown

            (problems |> List.truncate shown |> List.map DataSet.explain)
            @ (if rest > 0 then [ $"… and {rest} more of the same kind" ] else [])
        | Model(path, reason) -> [ $"{path}: cannot be used as a model: {reason}" ]
        | Machine reason -> [ reason ]
