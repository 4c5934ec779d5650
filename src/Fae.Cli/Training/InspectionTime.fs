/// How long a detector takes for a picture.
namespace Fae.Cli

open System.Diagnostics
open Fae.Core
open Fae.Detection

[<RequireQualifiedAccess>]
module InspectionTime =
    /// The median time from a prepared picture to its regions in milliseconds, one picture at a time; `None` without pictures.
    let median (detector: Detector) (prepared: Image list) =
        let once image =
            let clock = Stopwatch.StartNew()
            detector.Inspect([| image |]) |> ignore
            clock.Elapsed.TotalMilliseconds

        // The first pictures meet code that is not compiled yet.
        match prepared |> List.truncate 3 |> List.map once, prepared |> List.map once |> List.sort with
        | _, [] -> None
        | _, times -> Some times[times.Length / 2]
