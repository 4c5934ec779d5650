/// Where an inspection goes once it has its finding: metrics, history, live feed.
namespace Fae.Server

open System
open System.Text.Json
open System.Threading.Tasks
open Fae.Core
open Fae.Detection
open Fae.Imaging

/// A picture's finding, and what it was judged by.
[<NoComparison; NoEquality>]
type Inspected =
    {
        Model: string
        /// The detector's, with the threshold of that moment.
        Card: ModelCard
        Calibration: Calibration
        Name: string
        Picture: Picture
        Finding: Finding
        /// Since the picture arrived.
        Seconds: float
    }

/// Thread-safe.
type InspectionLog internal (telemetry: Telemetry, history: History option, feed: LiveFeed, warn: string -> unit) =
    let recordOf (one: Inspected) : Record =
        let prediction = one.Finding.Prediction

        {
            Id = 0L
            Time = DateTimeOffset.UtcNow
            Model = one.Model
            Fingerprint = one.Card.Fingerprint
            Name = one.Name
            Score = prediction.Score
            PValue = prediction.PValue
            Anomalous = prediction.Anomalous
            Width = one.Picture.OriginalWidth
            Height = one.Picture.OriginalHeight
            Regions = JsonSerializer.Serialize(Findings.RegionsJson(one.Picture, one.Finding), FaeJson.Compact)
            Mark = None
        }

    /// An inspection that cannot be kept is answered all the same.
    let keep record (views: Lazy<Views>) : Task<int64 option> =
        task {
            match history with
            | None -> return None
            | Some history ->
                try
                    let! id = history.Add(record, views.Value)
                    return Some id
                with :? Microsoft.Data.Sqlite.SqliteException as e ->
                    warn $"an inspection is not in the history: {e.Message}"
                    return None
        }

    /// Completes when the inspection is in the history: its number there, if it is, and its views.
    member _.Add(one: Inspected) : Task<struct (int64 option * Lazy<Views>)> =
        task {
            telemetry.Inspected(one.Model, one.Finding.Prediction, one.Seconds)
            let views = lazy InspectionViews.make one.Calibration.PixelThreshold one.Picture one.Finding
            let record = recordOf one
            let! id = keep record views
            feed.Add(id, record, one.Calibration.ImageThreshold, views)
            return struct (id, views)
        }
