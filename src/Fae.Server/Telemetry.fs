/// The server's metrics for Prometheus, and the latest scores of each model for the drift test.
namespace Fae.Server

open System.Collections.Generic
open System.IO
open System.Threading.Tasks
open Fae.Core
open Prometheus

/// The counts of one model since the start.
type private ModelCounts() =
    member val Inspected = 0L with get, set
    member val Anomalous = 0L with get, set
    /// The latest scores, for the drift test.
    member val Latest = Queue<float32>()

/// Thread-safe.
type Telemetry() =
    /// Number of latest scores in the drift test.
    let window = 500
    let gate = obj ()
    let counts = Dictionary<string, ModelCounts>()
    let registry = Metrics.NewCustomRegistry()
    let metrics = Metrics.WithCustomRegistry registry

    let ofModel = [| "model" |]
    let gauge (name: string) (help: string) (labels: string[]) = metrics.CreateGauge(name, help, labels)
    let counter (name: string) (help: string) (labels: string[]) = metrics.CreateCounter(name, help, labels)

    let histogram (name: string) (help: string) (bounds: float[]) =
        metrics.CreateHistogram(name, help, ofModel, HistogramConfiguration(Buckets = bounds))

    let requests = counter "fae_requests_total" "Requests answered, by status." [| "status" |]

    let seconds =
        histogram
            "fae_inspect_seconds"
            "Seconds from a picture's arrival to its prediction."
            [| 0.005; 0.01; 0.025; 0.05; 0.1; 0.25; 0.5; 1.0; 2.5; 5.0; 10.0; 30.0 |]

    let pValues =
        histogram "fae_p_value" "Conformal p-values; uniform for unchanged good parts." [| 0.001; 0.01; 0.05; 0.1; 0.25; 0.5; 0.75; 1.0 |]

    let anomalies = counter "fae_anomalies_total" "Pictures called anomalous." ofModel
    let distance = gauge "fae_drift_distance" "Kolmogorov-Smirnov distance of the latest scores from the held-out ones." ofModel
    let significance = gauge "fae_drift_significance" "Probability of a distance as large where nothing has changed." ofModel
    let alarm = gauge "fae_drift_alarm" "1 where that probability is below 0.001." ofModel
    let waiting = gauge "fae_waiting" "Pictures that wait for the network." [||]
    let reloads = counter "fae_model_reloads_total" "How often a model's file was replaced." ofModel

    let countsOf model =
        match counts.TryGetValue model with
        | true, found -> found
        | _ ->
            let fresh = ModelCounts()
            counts[model] <- fresh
            fresh

    let drift model heldOut =
        let latest = lock gate (fun () -> (countsOf model).Latest.ToArray())
        Drift.test heldOut latest

    /// A request was answered.
    member _.Answered(status: int) = requests.WithLabels(string status).Inc()

    /// A picture was inspected; `elapsed`: seconds since it arrived.
    member _.Inspected(model: string, prediction: Prediction, elapsed: float) =
        seconds.WithLabels(model).Observe elapsed
        pValues.WithLabels(model).Observe prediction.PValue
        anomalies.WithLabels(model).Inc(if prediction.Anomalous then 1.0 else 0.0)

        lock gate (fun () ->
            let counts = countsOf model
            counts.Inspected <- counts.Inspected + 1L

            if prediction.Anomalous then counts.Anomalous <- counts.Anomalous + 1L

            counts.Latest.Enqueue prediction.Score

            if counts.Latest.Count > window then counts.Latest.Dequeue() |> ignore)

    /// The counts of a model since the start.
    member _.Statistics(model: string, heldOut: float32[]) : StatisticsJson =
        let found = drift model heldOut

        lock gate (fun () ->
            let counts = countsOf model

            {
                Name = model
                Inspected = counts.Inspected
                Anomalous = counts.Anomalous
                Latest = counts.Latest.ToArray()
                DriftSignificance = found |> Option.map _.Significance |> Option.toNullable
                DriftAlarm = found |> Option.map (fun drift -> drift.Significance < Drift.alarm) |> Option.toNullable
            })

    /// The file of a model was replaced: its scores are not compared with those of the old one.
    member _.Replaced(model: string) =
        reloads.WithLabels(model).Inc()
        lock gate (fun () -> (countsOf model).Latest.Clear())

    /// Writes all metrics as Prometheus reads them, with the drift of each model against its held-out scores.
    member _.Write(models: (string * float32[]) list, queued: int, stream: Stream) : Task =
        waiting.Set(float queued)

        for model, heldOut in models do
            reloads.WithLabels(model).Inc 0.0

            match drift model heldOut with
            | Some drift ->
                distance.WithLabels(model).Set drift.Distance
                significance.WithLabels(model).Set drift.Significance
                alarm.WithLabels(model).Set(if drift.Significance < Drift.alarm then 1.0 else 0.0)
            | None -> ()

        registry.CollectAndExportAsTextAsync stream
