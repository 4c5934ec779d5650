/// The report: one self-contained HTML file.
namespace Fae.Report

open System
open System.Globalization
open System.Net
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging

[<RequireQualifiedAccess>]
module Html =
    let internal escape (text: string) = string (WebUtility.HtmlEncode text)

    let private percent (v: float option) =
        match v with
        | Some v -> (100.0 * v).ToString("0.0", CultureInfo.InvariantCulture)
        | None -> "–"

    /// Longest side of a shown picture.
    let private shownSide = 640

    let internal jpeg (image: Image) =
        let scale = float shownSide / float (max image.Height image.Width)

        let shown =
            if scale >= 1.0 then
                image
            else
                ImageEncoder.resize (max 1 (int (scale * float image.Height))) (max 1 (int (scale * float image.Width))) image

        "data:image/jpeg;base64," + Convert.ToBase64String(ImageEncoder.toJpeg shown)

    let private style =
        Files.embedded (System.Reflection.Assembly.GetExecutingAssembly()) "report.css" |> Option.defaultValue ""

    let internal page (title: string) (body: string) =
        $"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{escape title}</title><style>
{style}</style></head><body>
<h1>{escape title}</h1>
{body}
</body></html>"""

    let private tile value label = $"""<div class="tile"><b>{value}</b><span>{label}</span></div>"""

    let private colourBar =
        let stops =
            [
                for i in 0..10 ->
                    let c = HeatmapColours.at (float32 i / 10.0f) |> Array.map (fun v -> int (255.0f * v))
                    $"rgb({c[0]},{c[1]},{c[2]})"
            ]
            |> String.concat ","

        $"""<div class="scale" style="background:linear-gradient(90deg,{stops})"></div>
<p class="sub">black: no difference · middle: the pixel threshold · right end: four times the threshold.
The same scale for every picture.</p>"""

    /// Outlines: what is true, what was found.
    let internal green = [| 0.2f; 1.0f; 0.3f |]
    let internal red = [| 1.0f; 0.25f; 0.2f |]

    let private row (calibration: Calibration) (view: EvaluatedImage -> EvaluatedView) (judged: EvaluatedImage) =
        let verdict = judged.Prediction
        let shown = view judged
        let wrong = verdict.Anomalous <> judged.Picture.Anomalous
        let word = if verdict.Anomalous then "anomalous" else "good"

        let mark = if wrong then $"<span class=\"miss\">called {word}</span>" else $"called {word}"

        let heat = shown.Heatmap
        let found = Image.map (fun v -> if v >= calibration.PixelThreshold then 1.0f else 0.0f) heat
        let outlined = HeatmapColours.outline red found shown.Input

        let truth =
            match shown.Mask with
            | Some mask -> HeatmapColours.outline green mask outlined
            | None -> outlined

        let picture alt image = $"""<img loading="lazy" alt="{alt}" src="{jpeg image}">"""
        let score = verdict.Score.ToString("0.###e0", CultureInfo.InvariantCulture)
        let p = verdict.PValue.ToString("0.###", CultureInfo.InvariantCulture)
        let name = escape (judged.Picture.Defect + "/" + Files.name judged.Picture.Path)

        let reconstruction = Image.map (fun v -> max 0.0f (min 1.0f v)) shown.Reconstruction
        let overlay = HeatmapColours.overlay calibration.PixelThreshold shown.Input heat

        [
            $"""<div class="row"><p>{name}<br>{mark}<br>score {score}, p = {p}</p>"""
            picture "input" shown.Input
            picture "reconstruction" reconstruction
            picture "heatmap" overlay
            picture "masks" truth
            "</div>"
        ]
        |> String.concat ""

    /// Order of the shown pictures: wrong predictions first, the worst first; then some of each kind.
    let private pictureRows (calibration: Calibration) (judged: EvaluatedImage list) =
        let ratio (j: EvaluatedImage) = float j.Prediction.Score / float calibration.ImageThreshold

        let misses = judged |> List.filter (fun j -> j.Picture.Anomalous && not j.Prediction.Anomalous) |> List.sortBy ratio

        let alarms =
            judged
            |> List.filter (fun j -> not j.Picture.Anomalous && j.Prediction.Anomalous)
            |> List.sortByDescending ratio

        let right =
            judged
            |> List.filter (fun j -> j.Picture.Anomalous = j.Prediction.Anomalous)
            |> List.groupBy _.Picture.Defect
            |> List.collect (fun (_, some) -> List.truncate 4 some)

        [
            "Missed defects, the worst first", List.truncate 16 misses, misses.Length
            "False alarms, the worst first", List.truncate 16 alarms, alarms.Length
            "Right verdicts, a few of each kind", right, judged.Length - misses.Length - alarms.Length
        ]

    let private charts (calibration: Calibration) (evaluation: Evaluation) (judged: EvaluatedImage list) =
        let scores anomalous =
            judged
            |> List.filter (fun j -> j.Picture.Anomalous = anomalous)
            |> List.map _.Prediction.Score
            |> Array.ofList

        [
            match evaluation.Image with
            | Some s -> Chart.curve "ROC, images" "false-positive rate" "true-positive rate" 1.0 s.Roc
            | None -> ()
            match evaluation.Pixel with
            | Some s -> Chart.curve "ROC, pixels" "false-positive rate" "true-positive rate" 1.0 s.Roc
            | None -> ()
            if evaluation.ProCurve.Length > 0 then
                Chart.curve "PRO" "false-positive rate" "per-region overlap" Evaluation.proLimit evaluation.ProCurve
            Chart.histogram "Scores: good (green) and bad (orange)" (scores false) (scores true) calibration.ImageThreshold
        ]
        |> List.map (fun chart -> $"<div>{chart}</div>")
        |> String.concat "\n"

    /// What was configured or chosen before the training, where it is not the default, and what the choice of the scoring rests on.
    let private settings (card: ModelCard) =
        let show config (field: Field) = Setting.show (field.Get config)

        let rows =
            Config.fields
            |> List.filter (fun field -> show card.Config field <> show Config.defaults field)
            |> List.map (fun field ->
                $"<tr><td>{escape field.Key}</td><td>{escape (show card.Config field)}</td><td>{escape (show Config.defaults field)}</td>"
                + $"<td>{escape field.Meaning}</td></tr>")
            |> String.concat "\n"

        $"""<h2>How the detector was made</h2>
<details><summary>Settings that are not the default</summary>
<table><tr><th>key</th><th>here</th><th>default</th><th>meaning</th></tr>
{rows}</table></details>
<details><summary>The ways of scoring that were tried on synthetic defects</summary>
<pre style="overflow-x:auto">{escape card.Choice}</pre></details>"""

    /// What more good pictures would bring, where it was measured.
    let private learning (card: ModelCard) =
        match LearningCurve.tryParse card.Learning with
        | Some points ->
            match LearningCurve.describe points with
            | Some words ->
                let curve = points |> List.map (fun p -> { X = float p.Pictures; Y = p.Auroc }) |> Array.ofList
                let chart = Chart.lines "Learning curve" "good pictures" "image AUROC" [ "synthetic defects", "#d9480f", curve ]

                $"""<h2>Would more good pictures help?</h2>
<p>{escape words}.</p>
<div class="charts"><div>{chart}</div></div>
<p class="sub">By the distance of the most unusual patch to the nearest patch of so many good pictures, at about 256 pixels.</p>"""
            | None -> ""
        | None -> ""

    /// The whole report as a text; `view` inspects the few pictures that are shown once more.
    let report
        (title: string)
        (card: ModelCard)
        (calibration: Calibration)
        (evaluation: Evaluation)
        (view: EvaluatedImage -> EvaluatedView)
        (judged: EvaluatedImage list)
        =
        let defects =
            evaluation.PerDefect
            |> List.map (fun (defect, count, auroc) ->
                $"<tr><td>{escape defect}</td><td class=\"n\">{count}</td><td class=\"n\">{percent auroc}</td></tr>")
            |> String.concat "\n"

        let galleries =
            pictureRows calibration judged
            |> List.filter (fun (_, some, _) -> not (List.isEmpty some))
            |> List.map (fun (heading, some, total) ->
                let rows = some |> List.map (row calibration view) |> String.concat "\n"
                $"<h2>{heading} ({some.Length} of {total})</h2>\n{rows}")
            |> String.concat "\n"

        let rate = calibration.FalseAlarm.ToString("0.###", CultureInfo.InvariantCulture)

        page
            title
            $"""<p class="sub">{evaluation.Images} test pictures, {evaluation.Good} good and {evaluation.Bad} bad ·
trained on {card.TrainedOn.Count} good pictures, {card.HeldOut.Count} held out ·
{escape (ScoringSearch.Describe calibration.Scoring)}</p>
<div class="tiles">
{tile (percent (evaluation.Image |> Option.map _.Auroc)) "image AUROC"}
{tile (percent (evaluation.Pixel |> Option.map _.Auroc)) "pixel AUROC"}
{tile (percent evaluation.Aupro) "AUPRO (to FPR 0.3)"}
{tile (percent (evaluation.Image |> Option.map _.AveragePrecision)) "image AP"}
{tile (percent (evaluation.Pixel |> Option.map _.AveragePrecision)) "pixel AP"}
{tile $"{evaluation.Found}/{evaluation.Bad}" "defects found"}
{tile $"{evaluation.FalseAlarms}/{evaluation.Good}" $"false alarms, rate set to {rate}"}
</div>
<h2>By defect</h2>
<table><tr><th>defect</th><th class="n">pictures</th><th class="n">image AUROC against good</th></tr>
{defects}</table>
<h2>Curves</h2><div class="charts">{charts calibration evaluation judged}</div>
<h2>Heatmap scale</h2>{colourBar}
<p class="sub">Each row: input, reconstruction, heatmap, masks (green: ground truth, red: found).</p>
{galleries}
{learning card}
{settings card}"""
