/// `result { … }`, and many results at once.
namespace Fae.Data

/// `result { … }`: stops at the first error.
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

    /// The values and the errors of many results, each in order.
    let partition (results: Result<'a, 'e> seq) =
        let values, errors = ResizeArray(), ResizeArray()

        for result in results do
            match result with
            | Ok value -> values.Add value
            | Error error -> errors.Add error

        List.ofSeq values, List.ofSeq errors
