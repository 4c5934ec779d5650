/// A served model for pictures that the program itself reads, not from requests.
namespace Fae.Server

open System.IO
open Fae.Detection
open Fae.Imaging

/// Thread-safe.
type LiveModel(models: ModelSet, slot: ModelSlot, log: InspectionLog) =
    /// The detector of now: the model's file may be replaced and its threshold changed meanwhile. Release the lease.
    /// Raises `InvalidDataException` if the file cannot be read.
    member _.Take() : ModelLease =
        match models.Take slot with
        | Ok lease -> lease
        | Error reason -> raise (InvalidDataException reason)

    /// Counts an inspection, shows it on the page for operators, and keeps it where there is a history. `seconds`: how long it took.
    member _.Add(detector: Detector, name: string, picture: Picture, finding: Finding, seconds: float) =
        log
            .Add(
                {
                    Model = slot.Name
                    Card = detector.Card
                    Calibration = detector.Calibration
                    Name = name
                    Picture = picture
                    Finding = finding
                    Seconds = seconds
                }
            )
            .GetAwaiter()
            .GetResult()
        |> ignore
