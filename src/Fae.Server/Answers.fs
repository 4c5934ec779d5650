/// The JSON of every answer but that of one picture, which is InspectionJson. OpenApi makes the description of them.
namespace Fae.Server

open System
open System.Collections.Generic
open System.Text.Json.Serialization
open Fae.Detection

[<NoComparison>]
type ErrorJson = { Error: string }

/// One entry of GET /v1/models.
[<NoComparison>]
type ModelJson =
    {
        Name: string
        Size: int
        Tile: int
        Channels: int
        Scoring: string
        ThresholdImage: float32
        ThresholdPixel: float32
        Fingerprint: string
        FalseAlarm: float
        /// Scores of the held-out good pictures, ascending.
        HeldOut: float32[]
        /// Whether its network is in memory; else it is read for the next picture.
        Loaded: bool
    }

/// One entry of GET /v1/statistics: since the start of the server.
[<NoComparison>]
type StatisticsJson =
    {
        Name: string
        Inspected: int64
        Anomalous: int64
        /// The latest scores, the oldest first.
        Latest: float32[]
        /// Left out while there are too few scores to test.
        DriftSignificance: Nullable<float>
        DriftAlarm: Nullable<bool>
    }

/// An inspection of the history.
[<NoComparison>]
type RecordJson =
    {
        Id: int64
        Time: string
        Model: string
        Fingerprint: string
        Path: string
        Score: float32
        PValue: float
        Anomalous: bool
        Width: int
        Height: int
        Regions: IReadOnlyList<RegionJson>
        /// "good", "anomalous" or null.
        [<JsonIgnore(Condition = JsonIgnoreCondition.Never)>]
        Mark: string | null
    }

/// GET /v1/history.
[<NoComparison>]
type HistoryJson =
    {
        /// All that are kept.
        Count: int64
        /// Those that the query lets through, on this page and further ones.
        Matching: int64
        Inspections: RecordJson list
    }

/// A picture among several that could not be inspected.
[<NoComparison>]
type RefusedJson = { Error: string; Path: string; Status: int }

/// The answer about several pictures; each result is an InspectionJson or a RefusedJson.
[<NoComparison>]
type ResultsJson = { Results: obj[] }
