/// fae probe: what the paper's theorem is about, measured on a trained network.
namespace Fae.Cli

open System
open System.IO
open System.Text.Json
open System.Text.Json.Serialization
open Argu
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Report
open FsToolkit.ErrorHandling

[<NoComparison>]
type EstimateJson =
    {
        [<JsonIgnore(Condition = JsonIgnoreCondition.Never)>]
        Mean: Nullable<float>
        [<JsonIgnore(Condition = JsonIgnoreCondition.Never)>]
        StandardError: Nullable<float>
    }

[<NoComparison>]
type LossPointJson = { Sigma: float; Measured: EstimateJson; Expected: EstimateJson }

/// The JSON of `probe --json`.
[<NoComparison>]
type ProbeJson =
    {
        Images: int
        Probes: int
        CleanError: EstimateJson
        CorruptedError: EstimateJson
        IdentityGapClean: EstimateJson
        IdentityGapCorrupted: EstimateJson
        Curvature: EstimateJson
        Idempotency: EstimateJson
        Loss: LossPointJson list
    }

[<RequireQualifiedAccess>]
module Probe =
    /// Noise levels from none to twice the training's, at which the loss is measured.
    let private levels (config: Config) =
        let most = 2.0 * max 0.01 (float config.Noise.Sigma)
        [ for i in 0..8 -> most * float i / 8.0 ]

    let private toJson (pictures: int) (probes: int) (estimate: JacobianEstimate) =
        // JSON has no infinity: the standard error of one picture is null.
        let number (v: float) = if System.Double.IsFinite v then Nullable v else Nullable()
        let entry (e: Estimate) : EstimateJson = { Mean = number e.Mean; StandardError = number e.StandardError }

        let json: ProbeJson =
            {
                Images = pictures
                Probes = probes
                CleanError = entry estimate.CleanError
                CorruptedError = entry estimate.CorruptedError
                IdentityGapClean = entry estimate.IdentityGapClean
                IdentityGapCorrupted = entry estimate.IdentityGapCorrupted
                Curvature = entry estimate.Curvature
                Idempotency = entry estimate.Idempotency
                Loss = [ for p in estimate.Loss -> { Sigma = p.Sigma; Measured = entry p.Measured; Expected = entry p.Expected } ]
            }

        JsonSerializer.Serialize(json, FaeJson.Indented)

    let run (args: ParseResults<ProbeArgs>) : Result<int, Fault> =
        result {
            let data = args.GetResult ProbeArgs.Data
            let count = args.GetResult(ProbeArgs.Count, defaultValue = 8)
            let probes = args.GetResult(ProbeArgs.Probes, defaultValue = 4)
            do! Options.positive "--count" count
            do! Options.positive "--probes" probes
            use! detector = Models.detector (args.TryGetResult ProbeArgs.Device) (args.GetResult ProbeArgs.Model)
            let! heldOut = Models.heldOut data detector
            let config = detector.Card.Config
            let root = Random.fork 3UL (Random.ofSeed (uint64 config.Train.Seed))

            let images =
                [
                    for number in 0 .. min count heldOut.Count - 1 ->
                        RandomTile.at config (Random.fork (uint64 number) root) heldOut[number]
                ]

            let bank = Array.ofList images

            let plans = Corruption.model { config.Corruption with CleanChance = 0.0f } (Palette.ofImages images) bank.Length

            let corrupted i image = (Plan.render bank image (Sampler.value (Random.fork (uint64 i) root) plans)).Image
            let pairs = images |> List.mapi (fun i image -> image, corrupted i image)
            let probed = JacobianProbe.run detector.Reconstruct pairs probes (levels config) root
            let json = toJson images.Length probes probed

            match args.TryGetResult ProbeArgs.Out with
            | Some out ->
                AtomicFile.WriteText(Path.Combine(out, "probe.json"), json + "\n")
                let page = Path.Combine(out, "probe.html")

                AtomicFile.WriteText(
                    page,
                    JacobianReport.html ("Fae: probes of " + args.GetResult ProbeArgs.Model) images.Length probes probed
                )

                Console.say $"wrote {page}"
            | None -> ()

            args.TryGetResult ProbeArgs.Json |> Option.iter (fun target -> Console.writeJson target json)

            if args.TryGetResult ProbeArgs.Json <> Some "-" then
                let number (v: float) = v.ToString("0.000e0", System.Globalization.CultureInfo.InvariantCulture)

                Console.table
                    [ "per value"; "estimate"; "standard error" ]
                    [
                        for _, meaning, e in JacobianEstimate.quantities probed -> [ meaning; number e.Mean; number e.StandardError ]
                    ]

                Console.table
                    [ "σ"; "L measured"; "standard error"; "L by (6)" ]
                    [
                        for p in probed.Loss ->
                            [ number p.Sigma; number p.Measured.Mean; number p.Measured.StandardError; number p.Expected.Mean ]
                    ]

            return 0
        }
