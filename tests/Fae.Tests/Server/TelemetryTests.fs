/// The server's metrics, without a server.
module Fae.Tests.TelemetryTests

open System.IO
open System.Text
open Expecto
open Fae.Core
open Fae.Server

let private heldOut = [| for i in 1..50 -> float32 i / 50.0f |]

let private text (telemetry: Telemetry) =
    use stream = new MemoryStream()
    telemetry.Write([ "part", heldOut ], 1, 0, stream).Wait()
    Encoding.UTF8.GetString(stream.ToArray())

let private inspected count (telemetry: Telemetry) =
    for i in 1..count do
        let prediction = { Score = 9.0f; PValue = 0.02; Anomalous = i % 2 = 0 }
        telemetry.Inspected("part", prediction, 0.01)

let tests =
    testList
        "Telemetry"
        [
            test "counts and latest scores of a model" {
                let telemetry = Telemetry()
                inspected (Drift.window + 7) telemetry
                let counts = telemetry.Statistics("part", heldOut)
                Expect.equal (counts.Inspected, counts.Anomalous) (int64 (Drift.window + 7), int64 (Drift.window + 7) / 2L) "counted"
                Expect.equal counts.Latest.Length Drift.window "latest"
                Expect.equal counts.DriftAlarm.Value true "other scores than the held-out ones"
            }

            test "the drift of a replaced model file is no longer reported" {
                let telemetry = Telemetry()
                inspected 40 telemetry
                Expect.stringContains (text telemetry) "fae_drift_alarm{model=\"part\"} 1" "drift"
                telemetry.Replaced("part", "new")
                let replaced = text telemetry
                Expect.isFalse (replaced.Contains "fae_drift_alarm{" || replaced.Contains "fae_drift_distance{") "no drift of the old model"
                Expect.stringContains replaced "fae_model_reloads_total{model=\"part\"} 1" "reload"
            }
        ]
