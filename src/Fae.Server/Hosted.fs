/// A model that serves while its file may be replaced: the old detector lives until the last picture that was prepared for it is done.
namespace Fae.Server

open System
open System.IO
open System.Threading
open Fae.Detection

/// A detector and the pictures that still need it.
type Lease(detector: Detector, stamp: struct (int64 * int64)) =
    let gate = obj ()
    let mutable users = 0
    let mutable retired = false

    member _.Detector = detector

    /// Size and time of the file that it was read from.
    member _.Stamp = stamp

    /// One more picture needs it; false if it is gone already.
    member _.TryTake() =
        lock gate (fun () ->
            if retired && users = 0 then
                false
            else
                users <- users + 1
                true)

    member _.GiveBack() =
        lock gate (fun () ->
            users <- users - 1

            if retired && users = 0 then
                detector.Dispose())

    /// Nobody new will need it.
    member _.Retire() =
        lock gate (fun () ->
            if not retired then
                retired <- true

                if users = 0 then
                    detector.Dispose())

/// A named model, and the file that it is read from. `load` reads a detector or says why it cannot.
type Hosted private (name: string, path: string, load: string -> Result<Detector, string>, first: Lease) =
    let mutable current = first
    let mutable refused = struct (0L, 0L)
    let mutable reloads = 0

    static let stampOf path =
        let info = FileInfo path

        if info.Exists then
            Some(struct (info.Length, info.LastWriteTimeUtc.Ticks))
        else
            None

    static member Open(name: string, path: string, load) : Result<Hosted, string> =
        match stampOf path with
        | None -> Error $"{path}: there is no such model"
        | Some stamp ->
            load path
            |> Result.map (fun detector -> new Hosted(name, path, load, Lease(detector, stamp)))

    member _.Name = name

    /// How often it was replaced.
    member _.Reloads = reloads

    /// The detector of now, for what is known of it; to inspect with one, take it.
    member _.Current = (Volatile.Read &current).Detector

    /// The detector of now, taken; give it back.
    member hosted.Take() : Lease =
        let lease = Volatile.Read &current
        if lease.TryTake() then lease else hosted.Take()

    /// Reads the file again if it was replaced. One that cannot be read is refused, once, and the old detector goes on.
    member _.Refresh() : Result<bool, string> =
        match stampOf path with
        | Some stamp when stamp <> current.Stamp && stamp <> refused ->
            match load path with
            | Ok detector ->
                let old = current
                Volatile.Write(&current, Lease(detector, stamp))
                old.Retire()
                reloads <- reloads + 1
                Ok true
            | Error reason ->
                refused <- stamp
                Error reason
        | _ -> Ok false

    interface IDisposable with
        member _.Dispose() = current.Retire()
