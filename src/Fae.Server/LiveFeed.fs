/// What was inspected lately, for those who watch a line: a bounded memory and a bounded queue for each viewer.
namespace Fae.Server

open System
open System.Collections.Generic
open System.Threading.Channels

/// An inspection as viewers see it.
[<NoComparison; NoEquality>]
type LiveInspection =
    {
        /// 1, 2, … since the start of the server.
        Number: int64
        /// The history's number, where there is a history.
        Id: int64 option
        Record: Record
        /// The image threshold that it was judged by.
        Threshold: float32
        /// Made on first use.
        Views: Lazy<Views>
    }

/// What viewers are told.
[<NoComparison; NoEquality>]
type LiveEvent =
    | Inspected of LiveInspection
    /// A model's file was replaced or its threshold changed: its name, its fingerprint, and who did it, if that is known.
    | Changed of model: string * fingerprint: string * who: string option
    /// Counts and drift are to be shown anew.
    | Clock

/// Counts since a shift began.
type ShiftCounts = { Since: DateTimeOffset; Inspected: int64; Anomalous: int64 }

[<RequireQualifiedAccess>]
module Shift =
    /// The latest start of a shift that is not after `now`, local time of day. Without starts: midnight.
    let startOf (starts: TimeOnly list) (now: DateTimeOffset) : DateTimeOffset =
        let starts = if starts.IsEmpty then [ TimeOnly.MinValue ] else starts
        let today = now.Date

        [
            for day in [ today; today.AddDays -1.0 ] do
                for start in starts -> DateTimeOffset(day + start.ToTimeSpan(), now.Offset)
        ]
        |> List.filter (fun start -> start <= now)
        |> List.max

/// Thread-safe. `kept`: the latest inspections whose pictures stay, and the latest anomalous ones besides.
type LiveFeed(kept: int, shifts: TimeOnly list, before: DateTimeOffset -> struct (int64 * int64)) =
    /// Events that wait for one viewer; of more the oldest are dropped, so that a slow viewer costs nothing.
    static let mostWaiting = 64

    let gate = obj ()
    let latest = Queue<LiveInspection>()
    let anomalous = Queue<LiveInspection>()
    let viewers = HashSet<Channel<LiveEvent>>()
    let mutable number = 0L

    let countsFrom since =
        let struct (inspected, bad) = before since
        { Since = since; Inspected = inspected; Anomalous = bad }

    let mutable counts = countsFrom (Shift.startOf shifts DateTimeOffset.Now)

    let keep (queue: Queue<LiveInspection>) one =
        queue.Enqueue one
        if queue.Count > kept then queue.Dequeue() |> ignore

    let tell event =
        for viewer in viewers do
            viewer.Writer.TryWrite event |> ignore

    /// Under the lock.
    let turn () =
        let since = Shift.startOf shifts DateTimeOffset.Now
        if since > counts.Since then counts <- { Since = since; Inspected = 0L; Anomalous = 0L }

    /// An inspection that was answered.
    member _.Add(id: int64 option, record: Record, threshold: float32, views: Lazy<Views>) =
        lock gate (fun () ->
            turn ()
            number <- number + 1L
            let one = { Number = number; Id = id; Record = record; Threshold = threshold; Views = views }
            keep latest one

            if record.Anomalous then keep anomalous one

            counts <-
                { counts with
                    Inspected = counts.Inspected + 1L
                    Anomalous = counts.Anomalous + (if record.Anomalous then 1L else 0L)
                }

            tell (Inspected one))

    member _.Change(model: string, fingerprint: string, who: string option) = lock gate (fun () -> tell (Changed(model, fingerprint, who)))

    /// To be called every few seconds: viewers then know that the server lives.
    member _.Tick() = lock gate (fun () -> tell Clock)

    /// Since the shift began.
    member _.Counts =
        lock gate (fun () ->
            turn ()
            counts)

    /// What is kept, the oldest first, and a reader of all that comes after it. Dispose of the result when the viewer has gone.
    member _.Subscribe() : struct (LiveInspection list * ChannelReader<LiveEvent> * IDisposable) =
        let channel =
            Channel.CreateBounded<LiveEvent>(BoundedChannelOptions(mostWaiting, FullMode = BoundedChannelFullMode.DropOldest))

        let leave =
            { new IDisposable with
                member _.Dispose() = lock gate (fun () -> viewers.Remove channel |> ignore)
            }

        lock gate (fun () ->
            viewers.Add channel |> ignore
            let kept = Seq.append anomalous latest |> Seq.distinctBy _.Number |> Seq.sortBy _.Number |> List.ofSeq
            struct (kept, channel.Reader, leave))

    /// An inspection whose pictures are still kept.
    member _.TryFind(number: int64) : LiveInspection option =
        lock gate (fun () -> Seq.append latest anomalous |> Seq.tryFind (fun one -> one.Number = number))

    /// How many watch.
    member _.Viewers = lock gate (fun () -> viewers.Count)
