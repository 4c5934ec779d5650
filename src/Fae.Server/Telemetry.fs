/// What the server counts, in the text form that Prometheus reads.
namespace Fae.Server

open System
open System.Collections.Generic
open System.Globalization
open System.Text
open Fae.Core

/// A histogram with these upper bounds, in ascending order.
type private Histogram(bounds: float[]) =
    let counts = Array.zeroCreate<int64>(bounds.Length + 1)
    let mutable sum = 0.0

    member _.Add(value: float) =
        let at =
            bounds
            |> Array.tryFindIndex (fun bound -> value <= bound)
            |> Option.defaultValue bounds.Length

        counts[at] <- counts[at] + 1L
        sum <- sum + value

    /// Upper bound and how many lie at or below it; the last bound is infinite.
    member _.Cumulative =
        Array.zip (Array.append bounds [| infinity |]) (counts |> Array.scan (+) 0L |> Array.tail)

    member _.Sum = sum

/// What is counted of one model.
type private Tally() =
    member val Seconds = Histogram [| 0.005; 0.01; 0.025; 0.05; 0.1; 0.25; 0.5; 1.0; 2.5; 5.0; 10.0; 30.0 |]
    member val PValues = Histogram [| 0.001; 0.01; 0.05; 0.1; 0.25; 0.5; 0.75; 1.0 |]
    member val Anomalies = 0L with get, set
    /// The latest scores, for the drift.
    member val Latest = Queue<float32>()

/// Thread-safe.
type Telemetry() =
    /// Scores that the drift looks at.
    let window = 500
    let gate = obj ()
    let statuses = Dictionary<int, int64>()
    let tallies = SortedDictionary<string, Tally>(StringComparer.Ordinal)

    let tally model =
        match tallies.TryGetValue model with
        | true, found -> found
        | _ ->
            let fresh = Tally()
            tallies[model] <- fresh
            fresh

    /// A request was answered.
    member _.Answered(status: int) =
        lock gate (fun () ->
            let before =
                match statuses.TryGetValue status with
                | true, count -> count
                | _ -> 0L

            statuses[status] <- before + 1L)

    /// A picture was inspected, so many seconds after it came.
    member _.Inspected(model: string, verdict: Verdict, seconds: float) =
        lock gate (fun () ->
            let tally = tally model
            tally.Seconds.Add seconds
            tally.PValues.Add verdict.PValue

            if verdict.Anomalous then
                tally.Anomalies <- tally.Anomalies + 1L

            tally.Latest.Enqueue verdict.Score

            if tally.Latest.Count > window then
                tally.Latest.Dequeue() |> ignore)

    /// How many pictures were inspected, how many of them are anomalous, and the latest scores.
    member _.Counted(model: string) =
        lock gate (fun () ->
            let tally = tally model
            struct (snd (Array.last tally.Seconds.Cumulative), tally.Anomalies, tally.Latest.ToArray()))

    /// The scores of a model are not compared with those of another file under its name.
    member _.Replaced(model: string) = lock gate (fun () -> (tally model).Latest.Clear())

    /// Whether the latest pictures look like the held-out ones.
    member _.Drift(model: string, heldOut: float32[]) =
        let latest = lock gate (fun () -> (tally model).Latest.ToArray())
        Drift.test heldOut latest

    /// Everything, with the drift of each model against its held-out scores, how many pictures wait, and how often models were replaced.
    member telemetry.Write(models: (string * float32[] * int) list, waiting: int) =
        let text = StringBuilder()

        let invariant (value: float) =
            if Double.IsPositiveInfinity value then
                "+Inf"
            else
                value.ToString("R", CultureInfo.InvariantCulture)

        let line (name: string) (labels: string) (value: string) =
            text.Append(name).Append(labels).Append(' ').Append(value).Append('\n')
            |> ignore

        let about (name: string) (kind: string) (help: string) = text.Append($"# HELP {name} {help}\n# TYPE {name} {kind}\n") |> ignore
        let escaped (model: string) = model.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n")
        let ofModel (model: string) = $"{{model=\"{escaped model}\"}}"

        let histogram name help (value: Tally -> Histogram) =
            about name "histogram" help

            for pair in tallies do
                let h = value pair.Value

                for bound, count in h.Cumulative do
                    line (name + "_bucket") $"{{model=\"{escaped pair.Key}\",le=\"{invariant bound}\"}}" (string count)

                line (name + "_sum") (ofModel pair.Key) (invariant h.Sum)
                line (name + "_count") (ofModel pair.Key) (string (snd (Array.last h.Cumulative)))

        let drifts =
            models
            |> List.map (fun (model, heldOut, _) -> model, telemetry.Drift(model, heldOut))

        lock gate (fun () ->
            about "fae_requests_total" "counter" "Requests answered, by status."

            for pair in statuses do
                line "fae_requests_total" $"{{status=\"{pair.Key}\"}}" (string pair.Value)

            histogram "fae_inspect_seconds" "Seconds from a picture's arrival to its verdict." _.Seconds
            histogram "fae_p_value" "Conformal p-values; of unchanged good parts they are uniform." _.PValues
            about "fae_anomalies_total" "counter" "Pictures called anomalous."

            for pair in tallies do
                line "fae_anomalies_total" (ofModel pair.Key) (string pair.Value.Anomalies)

            about "fae_drift_distance" "gauge" "Kolmogorov-Smirnov distance of the latest scores from the held-out ones."
            about "fae_drift_significance" "gauge" "Odds of a distance as large where nothing has changed."
            about "fae_drift_alarm" "gauge" "1 where those odds are below 0.001."

            for model, drift in drifts do
                match drift with
                | Some drift ->
                    line "fae_drift_distance" (ofModel model) (invariant drift.Distance)
                    line "fae_drift_significance" (ofModel model) (invariant drift.Significance)
                    line "fae_drift_alarm" (ofModel model) (if drift.Significance < Drift.alarm then "1" else "0")
                | None -> ()

            about "fae_waiting" "gauge" "Pictures that wait for the network."
            line "fae_waiting" "" (string waiting)
            about "fae_model_reloads_total" "counter" "How often a model's file was replaced."

            for model, _, reloads in models do
                line "fae_model_reloads_total" (ofModel model) (string reloads))

        text.ToString()
