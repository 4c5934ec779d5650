/// Pictures of many requests through one network: a bounded queue, a few at a time.
namespace Fae.Server

open System
open System.Collections.Generic
open System.Diagnostics
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks
open Fae.Core
open Fae.Detection

/// A prepared picture that waits for its finding.
[<NoComparison; NoEquality>]
type private Job =
    {
        ModelLease: ModelLease
        Detector: Detector
        Image: Image
        Finding: TaskCompletionSource<Finding>
        Given: CancellationToken
    }

/// `room`: pictures that may wait; `together`: those that the network gets at once, at most.
type Inspector(room: int, together: int) =
    let queue =
        Channel.CreateBounded<Job>(BoundedChannelOptions(room, SingleReader = true, FullMode = BoundedChannelFullMode.Wait))

    // For readiness: the time since which there is work and none of it was finished.
    let clock = Stopwatch.StartNew()
    let mutable under = 0
    let mutable since = 0.0

    let begun () =
        lock clock (fun () ->
            if under = 0 then since <- clock.Elapsed.TotalSeconds
            under <- under + 1)

    let ended () =
        lock clock (fun () ->
            under <- under - 1
            since <- clock.Elapsed.TotalSeconds)

    let finish (jobs: Job list) =
        let detector = (List.head jobs).Detector

        try
            try
                let findings = detector.Inspect(jobs |> List.map _.Image |> Array.ofList)

                for job, finding in Seq.zip jobs findings do
                    job.Finding.TrySetResult finding |> ignore
            with e ->
                for job in jobs do
                    job.Finding.TrySetException e |> ignore
        finally
            for job in jobs do
                job.ModelLease.Release()

    /// Cancelled jobs are released without work.
    let wanted (job: Job) =
        if job.Given.IsCancellationRequested then
            job.Finding.TrySetCanceled() |> ignore
            job.ModelLease.Release()
            false
        else
            true

    /// Pictures of one detector and one shape go together.
    let inspect (jobs: List<Job>) =
        for _, jobs in jobs |> Seq.filter wanted |> Seq.groupBy (fun job -> struct (job.Detector, job.Image.Height, job.Image.Width)) do
            finish (List.ofSeq jobs)

    let working = DrainQueue.start queue.Reader together inspect

    /// Something that a picture needs, like decoding, begins; dispose of the result when it has ended.
    member _.Work() : IDisposable =
        begun ()

        { new IDisposable with
            member _.Dispose() = ended ()
        }

    /// Seconds since which there was work and none was finished; 0 where there is none.
    member _.StuckFor = lock clock (fun () -> if under = 0 then 0.0 else clock.Elapsed.TotalSeconds - since)

    /// Pictures that wait.
    member _.Waiting = queue.Reader.Count

    /// The finding of a picture by the lease's detector, or `None` if the queue is full. The lease is released in either case.
    member _.TryInspect(lease: ModelLease, detector: Detector, image: Image, stop: CancellationToken) : Task<Finding> option =
        let finding = TaskCompletionSource<Finding>(TaskCreationOptions.RunContinuationsAsynchronously)

        let job = { ModelLease = lease; Detector = detector; Image = image; Finding = finding; Given = stop }

        if queue.Writer.TryWrite job then
            Some(finding.Task.WaitAsync stop)
        else
            lease.Release()
            None

    /// Accepts nothing more and finishes what is queued.
    member _.Close() : Task =
        queue.Writer.TryComplete() |> ignore
        working
