/// fae probe: what the paper's theorem is about, measured on a trained network.
namespace Fae.Cli

open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Argu
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Engine
open Fae.Report

[<RequireQualifiedAccess>]
module Probe =
    /// Noise levels from none to twice the training's, at which the loss is measured.
    let private levels (config: Config) =
        let most = 2.0 * max 0.01 (float config.NoiseSigma)
        [ for i in 0..8 -> most * float i / 8.0 ]

    let private toJson (pictures: int) (probes: int) (probed: Probed) =
        // JSON knows no infinity: the standard error of one picture is null.
        let number (v: float) : JsonNode | null =
            if System.Double.IsFinite v then
                JsonValue.Create v
            else
                null

        let estimate (e: Estimate) =
            let node = JsonObject()
            node["mean"] <- number e.Mean
            node["standard_error"] <- number e.StandardError
            node

        let json = JsonObject()
        json["images"] <- JsonValue.Create pictures
        json["probes"] <- JsonValue.Create probes

        for key, _, e in Probed.quantities probed do
            json[key] <- estimate e

        let point (p: LossPoint) : JsonNode | null =
            let node = JsonObject()
            node["sigma"] <- number p.Sigma
            node["measured"] <- estimate p.Measured
            node["expected"] <- estimate p.Expected
            node

        json["loss"] <- JsonArray(probed.Loss |> List.map point |> Array.ofList)
        json.ToJsonString(JsonSerializerOptions(WriteIndented = true))

    let run (args: ParseResults<ProbeArgs>) : Result<int, Fault> =
        result {
            let data = args.GetResult ProbeArgs.Data
            let count = args.GetResult(ProbeArgs.Count, defaultValue = 8)
            let probes = args.GetResult(ProbeArgs.Probes, defaultValue = 4)
            do! Settings.positive "--count" count
            do! Settings.positive "--probes" probes
            use! detector = Settings.detector (args.TryGetResult ProbeArgs.Device) (args.GetResult ProbeArgs.Model)
            let! heldOut = Settings.heldOut data detector
            let config = detector.Card.Config
            let root = Random.fork 3UL (Random.ofSeed (uint64 config.Train.Seed))

            let images =
                [
                    for number in 0 .. min count heldOut.Count - 1 -> Glimpse.at config (Random.fork (uint64 number) root) heldOut[number]
                ]

            let bank = Array.ofList images

            let plans =
                Corruption.model
                    { config.Corruption with
                        CleanChance = 0.0f
                    }
                    (Palette.ofImages images)
                    bank.Length

            let corrupted i image = (Plan.render bank image (Sampler.value (Random.fork (uint64 i) root) plans)).Image
            let pairs = images |> List.mapi (fun i image -> image, corrupted i image)
            let probed = Probe.run detector.Reconstruct pairs probes (levels config) root
            let json = toJson images.Length probes probed

            match args.TryGetResult ProbeArgs.Out with
            | Some out ->
                AtomicFile.WriteText(Path.Combine(out, "probe.json"), json + "\n")
                let page = Path.Combine(out, "probe.html")
                AtomicFile.WriteText(page, Html.probe ("Fae: probes of " + args.GetResult ProbeArgs.Model) images.Length probes probed)
                Console.say $"wrote {page}"
            | None -> ()

            args.TryGetResult ProbeArgs.Json
            |> Option.iter (fun target -> Console.writeJson target json)

            if args.TryGetResult ProbeArgs.Json <> Some "-" then
                let number (v: float) = v.ToString("0.000e0", System.Globalization.CultureInfo.InvariantCulture)

                Console.table
                    [ "per value"; "estimate"; "standard error" ]
                    [
                        for _, meaning, e in Probed.quantities probed -> [ meaning; number e.Mean; number e.StandardError ]
                    ]

                Console.table
                    [ "σ"; "L measured"; "standard error"; "L by (6)" ]
                    [
                        for p in probed.Loss ->
                            [
                                number p.Sigma
                                number p.Measured.Mean
                                number p.Measured.StandardError
                                number p.Expected.Mean
                            ]
                    ]

            return 0
        }
