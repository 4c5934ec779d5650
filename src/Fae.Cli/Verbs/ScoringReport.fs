/// Every way of scoring on labelled pictures beside the same on synthetic defects.
namespace Fae.Cli

open System.IO
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Report
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module ScoringReport =
    /// Held-out good pictures and synthetic defects on them, as training made them. The data set that the model was trained on must be at
    /// hand. Textures of a folder beside it (`--textures`) are not known to the model, and are not used.
    let private validation (data: string) (detector: Detector) =
        result {
            let card = detector.Card
            let ignore = Option.ofObj card.Ignore
            let trained = [ for name in card.TrainedOn -> Path.Combine(data, name) ]
            let! heldOut = Models.heldOut data detector
            let! training = Pictures.training card.Config card.Channels ignore trained
            return SyntheticDefects.validation card.Config (TrainingSource(card.Config, training, [||], ignore)) ignore heldOut
        }

    /// What the labels would have chosen, and how well the synthetic AUROC of a way of scoring says which is better by the labels.
    /// `good`, `bad`: network answers for labelled pictures; `masks`: of the bad ones, null where there is none.
    let compare (data: string) (detector: Detector) good bad masks =
        let card = detector.Card
        let hidden = card.Ignore

        result {
            let! validation = validation data detector
            let answers (images: Image seq) = [| for image in images -> detector.Answer image |]
            let clean, corrupted = answers validation.Clean, answers validation.Corrupted
            let config = card.Config

            let each = ScoringSearch.Candidates(Config.defaults.Score, config.Image, config.Network)

            let candidates =
                if CombinedScoring.IsAskedFor config.Score then
                    Seq.append (CombinedScoring.Candidates(config, clean, corrupted, hidden)) each |> Array.ofSeq
                else
                    Array.ofSeq each

            let masksOf (some: Image seq) = [| for mask in some -> (mask: Image | null) |]

            return
                ScoringComparison.Of(
                    ScoringSearch.Compare(candidates, clean, corrupted, masksOf validation.Masks, hidden),
                    ScoringSearch.Compare(candidates, good, bad, masks, hidden)
                )
        }

    /// What records keep of it.
    let ranks (comparison: ScoringComparison) : ScoringRanksJson =
        {
            Ways = comparison.Pairs.Count
            Image = comparison.OfImages
            Pixel = comparison.OfPixels
            Choice = comparison.OfChoice
            BestImageAuroc = comparison.Pairs |> Seq.map _.Labelled.ImageAuroc |> Seq.max
        }

    /// The comparison as a text file.
    let write (detector: Detector) (comparison: ScoringComparison) (file: string) =
        AtomicFile.WriteText(
            file,
            ($"the model scores by {ScoringSearch.Describe detector.Calibration.Scoring}\n\n{comparison}\n"
             + $"by synthetic defects, when it was trained:\n{detector.Card.Choice}\n")
        )
