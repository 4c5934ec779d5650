/// The report of `fae probe`: the quantities of Theorem 1 on a trained network.
namespace Fae.Report

open System.Globalization
open Fae.Core

[<RequireQualifiedAccess>]
module JacobianReport =
    /// The estimates as an HTML page, with a plot.
    let html (title: string) (pictures: int) (probes: int) (probed: JacobianEstimate) =
        let number (v: float) = v.ToString("0.000e0", CultureInfo.InvariantCulture)

        let row (meaning: string) (estimate: Estimate) =
            $"<tr><td>{meaning}</td><td class=\"n\">{number estimate.Mean}</td><td class=\"n\">± {number estimate.StandardError}</td></tr>"

        let rows =
            JacobianEstimate.quantities probed
            |> List.map (fun (_, meaning, estimate) -> row (Html.escape meaning) estimate)
            |> String.concat "\n"

        let losses =
            probed.Loss
            |> List.map (fun point ->
                let cells =
                    [ number point.Measured.Mean; "± " + number point.Measured.StandardError; number point.Expected.Mean ]
                    |> List.map (fun cell -> $"<td class=\"n\">{cell}</td>")

                $"""<tr><td>{number point.Sigma}</td>{String.concat "" cells}</tr>""")
            |> String.concat "\n"

        let points value : RatePoint[] = [| for point in probed.Loss -> { X = point.Sigma; Y = value point } |]

        let chart =
            Chart.lines
                "The loss of equation (3) over the noise"
                "σ"
                "L per value"
                [ "measured", "#d9480f", points _.Measured.Mean; "expansion (6)", "#1971c2", points _.Expected.Mean ]

        Html.page
            title
            $"""<p class="sub">{pictures} held-out good pictures, each with one corrupted variant;
{probes} random directions and draws of noise each.
All values are per value of a picture; ± one standard error over pictures.</p>
<table><tr><th>quantity</th><th class="n">estimate</th><th class="n"></th></tr>
{rows}</table>
<h2>The loss L over the noise level</h2><div class="one">{chart}</div>
<table><tr><th>σ</th><th class="n">measured</th><th class="n"></th><th class="n">expansion (6)</th></tr>
{losses}</table>"""
