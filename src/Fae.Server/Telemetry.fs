/// The server's metrics for Prometheus, and the latest scores of each model for the drift test.
namespace Fae.Server

open System.Collections.Generic
open System.IO
open System.Threading.Tasks
open Fae.Core
open Prometheus

/// Thread-safe.
type Telemetry() =
    let gate = obj ()
    /// The latest scores of each model, for the drift test.
    let latest = Dictionary<string, Queue<float32>>()
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
    let loadedModels = gauge "fae_models_loaded" "Models whose networks are in memory." [||]
    let info = gauge "fae_model_info" "1 for the version of a model that serves." [| "model"; "fingerprint"; "version" |]

    let version =
        match System.Reflection.Assembly.GetExecutingAssembly().GetName().Version with
        | NonNull version -> version.ToString 3
        | Null -> ""

    let reloads = counter "fae_model_reloads_total" "How often a model's file was replaced." ofModel

    /// Call it under the lock.
    let latestOf model =
        match latest.TryGetValue model with
        | true, found -> found
        | _ ->
            let fresh = Queue()
            latest[model] <- fresh
            fresh

    let scoresOf model = lock gate (fun () -> (latestOf model).ToArray())

    /// A model serves: its counters are there from the start, at 0, and its gauge says which version it is.
    member _.Serves(model: string, fingerprint: string) =
        seconds.WithLabels model |> ignore
        pValues.WithLabels model |> ignore
        anomalies.WithLabels(model).Inc 0.0
        reloads.WithLabels(model).Inc 0.0

        for labels in info.GetAllLabelValues() do
            if labels[0] = model then info.RemoveLabelled labels

        info.WithLabels(model, fingerprint, version).Set 1.0

    /// A request was answered.
    member _.Answered(status: int) = requests.WithLabels(string status).Inc()

    /// A picture was inspected; `elapsed`: seconds since it arrived.
    member _.Inspected(model: string, prediction: Prediction, elapsed: float) =
        seconds.WithLabels(model).Observe elapsed
        pValues.WithLabels(model).Observe prediction.PValue
        anomalies.WithLabels(model).Inc(if prediction.Anomalous then 1.0 else 0.0)

        lock gate (fun () ->
            let scores = latestOf model
            scores.Enqueue prediction.Score

            if scores.Count > Drift.window then scores.Dequeue() |> ignore)

    /// The counts of a model since the start.
    member _.Statistics(model: string, heldOut: float32[]) : StatisticsJson =
        let scores = scoresOf model
        let found = Drift.test heldOut scores

        {
            Name = model
            // Read before Inspected, which is counted first, so that it is never larger.
            Anomalous = int64 (anomalies.WithLabels(model).Value)
            Inspected = pValues.WithLabels(model).Count
            Latest = scores
            DriftSignificance = found |> Option.map _.Significance |> Option.toNullable
            DriftAlarm = found |> Option.map _.IsAlarm |> Option.toNullable
        }

    /// Whether the latest scores of a model differ from the held-out ones.
    member _.DriftAlarm(model: string, heldOut: float32[]) =
        Drift.test heldOut (scoresOf model) |> Option.map _.IsAlarm |> Option.defaultValue false

    /// The file of a model was replaced: its scores are not compared with those of the old one.
    member telemetry.Replaced(model: string, fingerprint: string) =
        telemetry.Serves(model, fingerprint)
        reloads.WithLabels(model).Inc()
        lock gate (fun () -> (latestOf model).Clear())

    /// Writes all metrics as Prometheus reads them, with the drift of each model against its held-out scores.
    member _.Write(models: (string * float32[]) list, loaded: int, queued: int, stream: Stream) : Task =
        waiting.Set(float queued)
        loadedModels.Set(float loaded)

        for model, heldOut in models do
            match Drift.test heldOut (scoresOf model) with
            | Some drift ->
                distance.WithLabels(model).Set drift.Distance
                significance.WithLabels(model).Set drift.Significance
                alarm.WithLabels(model).Set(if drift.IsAlarm then 1.0 else 0.0)
            // Too few scores: the file was replaced. The values of the old model must not stay.
            | None ->
                for gauge in [ distance; significance; alarm ] do
                    gauge.RemoveLabelled model

        registry.CollectAndExportAsTextAsync stream
