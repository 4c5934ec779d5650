/// The report: one self-contained HTML file.
namespace Fae.Report

open System
open System.Globalization
open System.Net
open Fae.Core
open Fae.Data
open Fae.Detection

[<RequireQualifiedAccess>]
module Html =
    let internal escape (text: string) = string (WebUtility.HtmlEncode text)

    let private percent (v: float option) =
        match v with
        | Some v -> (100.0 * v).ToString("0.0", CultureInfo.InvariantCulture)
        | None -> "–"

    /// Pictures are shown with at most so many pixels a side.
    let private shownSide = 640

    let internal jpeg (image: Image) =
        let scale = float shownSide / float (max image.Height image.Width)

        let shown =
            if scale >= 1.0 then
                image
            else
                ImageFile.resize (max 1 (int (scale * float image.Height))) (max 1 (int (scale * float image.Width))) image

        "data:image/jpeg;base64," + Convert.ToBase64String(ImageFile.toJpeg shown)

    let private style =
        """:root{color-scheme:light dark;--line:#8884}
body{font:15px/1.5 system-ui,sans-serif;max-width:1180px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .6rem}p.sub{margin:.2rem 0 1rem;opacity:.75}
.tiles{display:flex;flex-wrap:wrap;gap:.8rem}.tile{border:1px solid var(--line);border-radius:10px;padding:.6rem 1rem;min-width:7.5rem}
.tile b{display:block;font-size:1.5rem}.tile span{opacity:.75;font-size:.85rem}
.one{max-width:30rem}.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:1rem}
table{border-collapse:collapse}td,th{padding:.25rem .9rem .25rem 0;text-align:left;border-bottom:1px solid var(--line)}td.n,th.n{text-align:right}
.row{display:grid;grid-template-columns:11rem repeat(4,minmax(0,1fr));gap:.5rem;align-items:center;margin:.5rem 0;border-top:1px solid var(--line);padding-top:.5rem}
.row img{width:100%;border-radius:4px;display:block}.row p{margin:0;font-size:.85rem;overflow-wrap:anywhere}
.wide{overflow-x:auto;width:max-content;max-width:calc(100vw - 4rem)}.wide table{font-size:.78rem;white-space:nowrap}.wide td,.wide th{padding:.2rem .45rem .2rem 0}.wide td:first-child,.wide th:first-child{position:sticky;left:0;background:Canvas}tr.rule td{border-top:2px solid var(--line)}
.figure{display:grid;gap:.3rem;margin:.6rem 0;max-width:1100px}.figure img{width:100%;border-radius:3px;display:block}.figure p,.figure b{margin:0;font-size:.8rem;overflow-wrap:anywhere;align-self:center}
.miss{color:#e03131;font-weight:600}.scale{height:12px;max-width:420px;border-radius:6px;margin:.3rem 0}
@media(max-width:640px){.row{grid-template-columns:repeat(2,1fr)}.row p{grid-column:1/-1}}"""

    let internal page (title: string) (body: string) =
        $"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{escape title}</title><style>{style}</style></head><body>
<h1>{escape title}</h1>
{body}
</body></html>"""

    let private tile value label = $"""<div class="tile"><b>{value}</b><span>{label}</span></div>"""

    let private colourBar =
        let stops =
            [
                for i in 0..10 ->
                    let c = Colour.at (float32 i / 10.0f) |> Array.map (fun v -> int (255.0f * v))
                    $"rgb({c[0]},{c[1]},{c[2]})"
            ]
            |> String.concat ","

        $"""<div class="scale" style="background:linear-gradient(90deg,{stops})"></div>
<p class="sub">black: no difference · middle: the pixel threshold · right end: four times the threshold. The same scale for every picture.</p>"""

    /// Outlines: what is true, what was found.
    let internal green = [| 0.2f; 1.0f; 0.3f |]
    let internal red = [| 1.0f; 0.25f; 0.2f |]

    let private row (calibration: Calibration) (repaired: Judged -> Repaired) (judged: Judged) =
        let verdict = judged.Verdict
        let shown = repaired judged
        let wrong = verdict.Anomalous <> judged.Picture.Anomalous
        let word = if verdict.Anomalous then "anomalous" else "good"

        let mark =
            if wrong then
                $"<span class=\"miss\">called {word}</span>"
            else
                $"called {word}"

        let heat = judged.Heatmap
        let found = Image.map (fun v -> if v >= calibration.PixelThreshold then 1.0f else 0.0f) heat
        let outlined = Colour.outline red found shown.Input

        let truth =
            match judged.Mask with
            | Some mask -> Colour.outline green mask outlined
            | None -> outlined

        let picture alt image = $"""<img loading="lazy" alt="{alt}" src="{jpeg image}">"""
        let score = verdict.Score.ToString("0.###e0", CultureInfo.InvariantCulture)
        let p = verdict.PValue.ToString("0.###", CultureInfo.InvariantCulture)
        let name = escape (judged.Picture.Defect + "/" + Files.name judged.Picture.Path)

        $"""<div class="row"><p>{name}<br>{mark}<br>score {score}, p = {p}</p>{picture "input" shown.Input}{picture "reconstruction" (Image.map (fun v -> max 0.0f (min 1.0f v)) shown.Reconstruction)}{picture "heatmap" (Colour.overlay calibration.PixelThreshold shown.Input heat)}{picture "masks" truth}</div>"""

    /// The gallery's order: wrong verdicts first, the worst first; then some of each kind.
    let private gallery (calibration: Calibration) (judged: Judged list) =
        let ratio (j: Judged) = float j.Verdict.Score / float calibration.ImageThreshold

        let misses =
            judged
            |> List.filter (fun j -> j.Picture.Anomalous && not j.Verdict.Anomalous)
            |> List.sortBy ratio

        let alarms =
            judged
            |> List.filter (fun j -> not j.Picture.Anomalous && j.Verdict.Anomalous)
            |> List.sortByDescending ratio

        let right =
            judged
            |> List.filter (fun j -> j.Picture.Anomalous = j.Verdict.Anomalous)
            |> List.groupBy _.Picture.Defect
            |> List.collect (fun (_, some) -> List.truncate 4 some)

        [
            "Missed defects, the worst first", List.truncate 16 misses, misses.Length
            "False alarms, the worst first", List.truncate 16 alarms, alarms.Length
            "Right verdicts, a few of each kind", right, judged.Length - misses.Length - alarms.Length
        ]

    /// The whole report as a text; `repaired` tells what the network made of a picture, for the few that are shown.
    let report
        (title: string)
        (card: ModelCard)
        (calibration: Calibration)
        (evaluation: Evaluation)
        (repaired: Judged -> Repaired)
        (judged: Judged list)
        =
        let scores anomalous =
            judged
            |> List.filter (fun j -> j.Picture.Anomalous = anomalous)
            |> List.map _.Verdict.Score
            |> Array.ofList

        let defects =
            evaluation.PerDefect
            |> List.map (fun (defect, count, auroc) ->
                $"<tr><td>{escape defect}</td><td class=\"n\">{count}</td><td class=\"n\">{percent auroc}</td></tr>")
            |> String.concat "\n"

        let galleries =
            gallery calibration judged
            |> List.filter (fun (_, some, _) -> not (List.isEmpty some))
            |> List.map (fun (heading, some, total) ->
                let rows = some |> List.map (row calibration repaired) |> String.concat "\n"
                $"<h2>{heading} ({some.Length} of {total})</h2>\n{rows}")
            |> String.concat "\n"

        let charts =
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

        let rate = calibration.FalseAlarm.ToString("0.###", CultureInfo.InvariantCulture)

        page
            title
            $"""<p class="sub">{evaluation.Images} test pictures, {evaluation.Good} good and {evaluation.Bad} bad · trained on {card.TrainedOn.Count} good pictures, {card.HeldOut.Count} held out · {escape (Calibrator.Describe calibration.Scoring)}</p>
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
<h2>Curves</h2><div class="charts">{charts}</div>
<h2>Heatmap scale</h2>{colourBar}
<p class="sub">Each row: input, reconstruction, heatmap, masks (green: ground truth, red: found).</p>
{galleries}"""

    /// What a probe found, with its plot.
    let probe (title: string) (pictures: int) (probes: int) (probed: Probed) =
        let number (v: float) = v.ToString("0.000e0", CultureInfo.InvariantCulture)

        let row (meaning: string) (estimate: Estimate) =
            $"<tr><td>{meaning}</td><td class=\"n\">{number estimate.Mean}</td><td class=\"n\">± {number estimate.StandardError}</td></tr>"

        let rows =
            Probed.quantities probed
            |> List.map (fun (_, meaning, estimate) -> row (escape meaning) estimate)
            |> String.concat "\n"

        let losses =
            probed.Loss
            |> List.map (fun point ->
                $"<tr><td>{number point.Sigma}</td><td class=\"n\">{number point.Measured.Mean}</td><td class=\"n\">± {number point.Measured.StandardError}</td><td class=\"n\">{number point.Expected.Mean}</td></tr>")
            |> String.concat "\n"

        let points value : RatePoint[] = [| for point in probed.Loss -> { X = point.Sigma; Y = value point } |]

        let chart =
            Chart.lines
                "The loss of equation (3) over the noise"
                "σ"
                "L per value"
                [
                    "measured", "#d9480f", points _.Measured.Mean
                    "expansion (6)", "#1971c2", points _.Expected.Mean
                ]

        page
            title
            $"""<p class="sub">{pictures} held-out good pictures, each with one corrupted variant; {probes} random directions and draws of noise each. All values are per value of a picture; ± one standard error over pictures.</p>
<table><tr><th>quantity</th><th class="n">estimate</th><th class="n"></th></tr>
{rows}</table>
<h2>The loss L over the noise level</h2><div class="one">{chart}</div>
<table><tr><th>σ</th><th class="n">measured</th><th class="n"></th><th class="n">expansion (6)</th></tr>
{losses}</table>"""
