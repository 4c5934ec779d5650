/// A model that serves while its file may be replaced: the old detector lives until the last picture that was prepared for it is done.
namespace Fae.Server

open System
open System.Threading
open Fae.Core
open Fae.Detection
open Fae.Imaging

/// A detector and the pictures that still need it.
type ModelLease(detector: Detector, stamp: struct (int64 * int64)) =
    let gate = obj ()
    let mutable users = 0
    let mutable retired = false
    let mutable current = detector

    /// With the threshold that was set last.
    member _.Detector = Volatile.Read &current

    /// Pictures from now on are judged at this false-alarm rate.
    member _.SetFalseAlarm(rate: float) : Result<Calibration, CalibrationError> =
        Calibration.atRate rate detector.Calibration
        |> Result.map (fun calibration ->
            Volatile.Write(&current, detector.With calibration)
            calibration)

    /// Size and time of the file that it was read from.
    member _.Stamp = stamp

    /// Registers a user; false if it was disposed of.
    member _.TryTake() =
        lock gate (fun () ->
            if retired && users = 0 then
                false
            else
                users <- users + 1
                true)

    member _.Release() =
        lock gate (fun () ->
            users <- users - 1

            if retired && users = 0 then detector.Dispose())

    /// Disposes of the detector when its last user releases it.
    member _.Retire() =
        lock gate (fun () ->
            if not retired then
                retired <- true

                if users = 0 then detector.Dispose())

/// A named model and its file. `load` reads a detector.
type ModelSlot private (name: string, path: string, load: string -> Result<Detector, string>, first: ModelLease) =
    let mutable current = first
    let mutable refused = struct (0L, 0L)
    let mutable reloads = 0

    static let stampOf = Files.stamp

    static member Open(name: string, path: string, load) : Result<ModelSlot, string> =
        match stampOf path with
        | None -> Error $"{path}: there is no such model"
        | Some stamp -> load path |> Result.map (fun detector -> new ModelSlot(name, path, load, ModelLease(detector, stamp)))

    member _.Name = name

    /// Number of reloads.
    member _.Reloads = reloads

    /// The current detector, for its metadata; to inspect, take a lease.
    member _.Current = (Volatile.Read &current).Detector

    /// Pictures from now on are judged at this false-alarm rate, until the file is replaced.
    member _.SetFalseAlarm(rate: float) : Result<Calibration, CalibrationError> = (Volatile.Read &current).SetFalseAlarm rate

    /// Takes the current detector; release the lease.
    member hosted.Take() : ModelLease =
        let lease = Volatile.Read &current
        if lease.TryTake() then lease else hosted.Take()

    /// Reloads the file if it was replaced. A file that cannot be read is refused once, and the old detector stays.
    member _.Refresh() : Result<bool, string> =
        match stampOf path with
        | Some stamp when stamp <> current.Stamp && stamp <> refused ->
            match load path with
            | Ok detector ->
                let old = current
                Volatile.Write(&current, ModelLease(detector, stamp))
                old.Retire()
                reloads <- reloads + 1
                Ok true
            | Error reason ->
                refused <- stamp
                Error reason
        | _ -> Ok false

    interface IDisposable with
        member _.Dispose() = current.Retire()

/// The models of a server; more may come while it serves. Thread-safe.
type ModelSet(first: ModelSlot list) =
    let gate = obj ()
    let mutable models = first

    /// In the order in which they came; the first is the default.
    member _.All: ModelSlot list = Volatile.Read &models

    member set.TryFind(name: string) : ModelSlot option = set.All |> List.tryFind (fun model -> model.Name = name)

    /// Adds a model, unless there is one of its name.
    member set.Add(model: ModelSlot) : bool =
        lock gate (fun () ->
            if (set.TryFind model.Name).IsSome then
                false
            else
                Volatile.Write(&models, models @ [ model ])
                true)

    interface IDisposable with
        member set.Dispose() =
            for model in set.All do
                (model :> IDisposable).Dispose()
