/// Every way in which a verb can fail, and the exit code that it ends with.
namespace Fae.Cli

open Fae.Data

type Fault =
    | Usage of string list
    | Data of DataProblem list
    | Model of path: string * reason: string
    | Machine of string

[<RequireQualifiedAccess>]
module Fault =
    /// 2 usage, 3 data, 4 model, 5 machine. (0 is done; 1 says that --fail-on-anomaly found something.)
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
            @ (if rest > 0 then
                   [ $"… and {rest} more of the same kind" ]
               else
                   [])
        | Model(path, reason) -> [ $"{path}: cannot be used as a model: {reason}" ]
        | Machine reason -> [ reason ]

/// `result { … }`: goes on while all is well.
type ResultBuilder() =
    member _.Bind(result, f) = Result.bind f result
    member _.Return x = Ok x
    member _.ReturnFrom(result: Result<'a, 'e>) = result
    member _.Zero() = Ok()
    member _.Delay(rest: unit -> Result<'a, 'e>) = rest
    member _.Run(rest: unit -> Result<'a, 'e>) = rest ()
    member _.Combine(first: Result<unit, 'e>, rest: unit -> Result<'a, 'e>) = Result.bind rest first

    member _.TryFinally(rest: unit -> Result<'a, 'e>, after: unit -> unit) =
        try
            rest ()
        finally
            after ()

    member _.Using(resource: 'r :> System.IDisposable, body: 'r -> Result<'a, 'e>) = using resource body

[<AutoOpen>]
module ResultSyntax =
    let result = ResultBuilder()

    /// What f gives for each, in order, or the first failure.
    let traverse (f: 'a -> Result<'b, 'e>) (items: 'a list) =
        (Ok [], items)
        ||> List.fold (fun all item -> Result.bind (fun all -> f item |> Result.map (fun one -> one :: all)) all)
        |> Result.map List.rev
