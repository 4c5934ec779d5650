/// The models of a server, and how many of their networks are in memory.
namespace Fae.Server

open System
open System.Runtime
open System.Runtime.InteropServices
open System.Threading

/// The memory of this process.
[<RequireQualifiedAccess>]
module private ProcessMemory =
    [<DllImport("libc", EntryPoint = "malloc_trim")>]
    extern int private mallocTrim(unativeint pad)

    /// What it holds, in bytes.
    let held () = Environment.WorkingSet

    /// Gives back what is not used.
    let trim () =
        GCSettings.LargeObjectHeapCompactionMode <- GCLargeObjectHeapCompactionMode.CompactOnce
        GC.Collect()
        GC.WaitForPendingFinalizers()

        // The C library keeps freed memory for itself otherwise.
        if OperatingSystem.IsLinux() then mallocTrim 0un |> ignore

/// More models may come while it serves. Thread-safe. With a limit, the networks that were not used for the longest time are let go while
/// the process holds more memory than that; the one that was used last stays.
type ModelSet(first: ModelSlot list, memoryLimit: int64 option) =
    /// What a network takes for each byte of its file, measured: its weights twice and the memory of its first picture.
    let networkPerFileByte = 8L

    let gate = obj ()
    let loading = obj ()
    let mutable models = first

    let rec trim (limit: int64) (slots: ModelSlot list) =
        match slots |> List.filter _.IsLoaded |> List.sortBy _.LastUsed with
        | oldest :: _ :: _ when ProcessMemory.held () > limit ->
            oldest.Unload()
            ProcessMemory.trim ()
            trim limit slots
        | _ -> ()

    let makeRoom (wanted: int64) =
        memoryLimit
        |> Option.iter (fun limit -> lock loading (fun () -> trim (limit - wanted) (Volatile.Read &models)))

    new(first) = new ModelSet(first, None)

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

    /// Whether networks may have to be let go: then none is read before it is needed.
    member _.IsLimited = memoryLimit.IsSome

    /// Takes the detector of a model, whose network is read if it is not in memory; release the lease. An error is a file that cannot be
    /// read.
    member set.Take(model: ModelSlot) : Result<ModelLease, string> =
        match model.TryTake() with
        | Some lease -> Ok lease
        | None ->
            let read =
                lock loading (fun () ->
                    if model.IsLoaded then
                        Ok()
                    else
                        makeRoom (model.FileBytes * networkPerFileByte)
                        model.Load())

            read |> Result.bind (fun () -> set.Take model)

    /// Lets networks go while the process holds more than it may.
    member _.Trim() = makeRoom 0L

    interface IDisposable with
        member set.Dispose() =
            for model in set.All do
                (model :> IDisposable).Dispose()
