/// A model that serves while its file may be replaced: the old detector lives until the last picture that was prepared for it is done.
namespace Fae.Server

open System
open System.Diagnostics
open System.Threading
open Fae.Core
open Fae.Detection
open Fae.Imaging

/// How model files are read; an error is one line.
[<NoComparison; NoEquality>]
type ModelReader =
    {
        /// What is known of a model, without its network.
        Card: string -> Result<ModelCard, string>
        Detector: string -> Result<Detector, string>
    }

/// A model file's content without its network, and its threshold of now.
type ModelVersion(card: ModelCard, stamp: struct (int64 * int64)) =
    let mutable calibration = card.Calibration

    member _.Card = card

    /// With the threshold that was set last.
    member _.Calibration = Volatile.Read &calibration

    /// Size and time of the file that it was read from.
    member _.Stamp = stamp

    /// Pictures from now on are judged at this false-alarm rate.
    member _.SetFalseAlarm(rate: float) : Result<Calibration, CalibrationError> =
        Calibration.atRate rate card.Calibration
        |> Result.map (fun changed ->
            Volatile.Write(&calibration, changed)
            changed)

/// A detector and the pictures that still need it.
type ModelLease(version: ModelVersion, detector: Detector) =
    let gate = obj ()
    let mutable users = 0
    let mutable retired = false
    let mutable current = detector

    member _.Version = version

    /// With the threshold that was set last.
    member _.Detector =
        lock gate (fun () ->
            if not (obj.ReferenceEquals(current.Calibration, version.Calibration)) then
                current <- detector.With version.Calibration

            current)

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

/// A named model and its file. Its network may be let go, and is read again when it is needed.
type ModelSlot private (name: string, path: string, reader: ModelReader, first: ModelVersion, firstLease: ModelLease | null) =
    let mutable version = first
    let mutable loaded = firstLease
    let mutable refused = struct (0L, 0L)
    let mutable used = Stopwatch.GetTimestamp()

    let retire (lease: ModelLease | null) =
        match lease with
        | null -> ()
        | lease -> lease.Retire()

    /// Opens a model; `withNetwork` false: its network is read for the first picture.
    static member Open(name: string, path: string, reader: ModelReader, withNetwork: bool) : Result<ModelSlot, string> =
        match Files.stamp path with
        | None -> Error $"{path}: there is no such model"
        | Some stamp when withNetwork ->
            reader.Detector path
            |> Result.map (fun detector ->
                let version = ModelVersion(detector.Card, stamp)
                new ModelSlot(name, path, reader, version, ModelLease(version, detector)))
        | Some stamp ->
            reader.Card path
            |> Result.map (fun card -> new ModelSlot(name, path, reader, ModelVersion(card, stamp), null))

    member _.Name = name

    /// What is known of it.
    member _.Version = Volatile.Read &version

    /// Whether its network is in memory.
    member _.IsLoaded = not (isNull (Volatile.Read &loaded))

    /// The length of its file.
    member _.FileBytes =
        let struct (bytes, _) = (Volatile.Read &version).Stamp
        bytes

    /// When it was used last, as `Stopwatch.GetTimestamp` counts.
    member _.LastUsed = Volatile.Read &used

    /// Takes the detector, if it is in memory; release the lease.
    member slot.TryTake() : ModelLease option =
        Volatile.Write(&used, Stopwatch.GetTimestamp())

        match Volatile.Read &loaded with
        | null -> None
        | lease when lease.TryTake() -> Some lease
        // It was replaced or let go at this moment.
        | _ -> slot.TryTake()

    /// Reads the network. Not to be called by two threads at once.
    member _.Load() : Result<unit, string> =
        reader.Detector path
        |> Result.map (fun detector ->
            // If the file was replaced, `Refresh` says so at its next turn; until then the lease has the new file's own version.
            let known = Volatile.Read &version
            let isSame = known.Card.Fingerprint = detector.Card.Fingerprint
            let its = if isSame then known else ModelVersion(detector.Card, known.Stamp)
            Volatile.Write(&loaded, ModelLease(its, detector)))

    /// Lets the network go; pictures that need it are finished.
    member _.Unload() = Interlocked.Exchange(&loaded, null) |> retire

    /// Reads the file again if it was replaced. A file that cannot be read is refused once, and the old detector stays. A network that is
    /// not in memory is not read.
    member slot.Refresh() : Result<bool, string> =
        let replace (fresh: ModelVersion) (lease: ModelLease | null) =
            Volatile.Write(&version, fresh)
            Interlocked.Exchange(&loaded, lease) |> retire
            Ok true

        match Files.stamp path with
        | Some stamp when stamp <> version.Stamp && stamp <> refused ->
            let replaced =
                if slot.IsLoaded then
                    reader.Detector path
                    |> Result.bind (fun detector ->
                        let fresh = ModelVersion(detector.Card, stamp)
                        replace fresh (ModelLease(fresh, detector)))
                else
                    reader.Card path |> Result.bind (fun card -> replace (ModelVersion(card, stamp)) null)

            replaced
            |> Result.mapError (fun reason ->
                refused <- stamp
                reason)
        | _ -> Ok false

    interface IDisposable with
        member slot.Dispose() = slot.Unload()
