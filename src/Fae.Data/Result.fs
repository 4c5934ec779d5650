/// Many results at once. `result { … }` is FsToolkit's.
namespace Fae.Data

[<AutoOpen>]
module Results =
    /// The values and the errors of many results, each in order.
    let partition (results: Result<'a, 'e> seq) =
        let values, errors = ResizeArray(), ResizeArray()

        for result in results do
            match result with
            | Ok value -> values.Add value
            | Error error -> errors.Add error

        List.ofSeq values, List.ofSeq errors
