/// Small charts as inline SVG: crisp at any size, selectable text, no script and no outside resource.
namespace Fae.Report

open System.Globalization
open Fae.Core

[<RequireQualifiedAccess>]
module Chart =
    let private width, height, margin = 360.0, 260.0, 52.0
    let private f (v: float) = v.ToString("0.##", CultureInfo.InvariantCulture)
    let private px x = margin + x * (width - margin - 24.0)
    let private py y = height - margin - y * (height - margin - 22.0)

    let private label x y anchor text =
        $"""<text x="{f x}" y="{f y}" text-anchor="{anchor}" font-size="11" fill="currentColor">{text}</text>"""

    let private line x1 y1 x2 y2 style = $"""<line x1="{f x1}" y1="{f y1}" x2="{f x2}" y2="{f y2}" {style}/>"""

    let private axes title xTitle yTitle (xTicks: (float * string) list) (yTicks: (float * string) list) =
        [
            label (width / 2.0) 14.0 "middle" $"<tspan font-weight=\"600\">{title}</tspan>"
            label (px 0.5) (height - 6.0) "middle" xTitle
            $"""<text transform="translate(11 {f (py 0.5)}) rotate(-90)" """
            + $"""text-anchor="middle" font-size="11" fill="currentColor">{yTitle}</text>"""
            line (px 0.0) (py 0.0) (px 1.0) (py 0.0) "stroke=\"#888\""
            line (px 0.0) (py 0.0) (px 0.0) (py 1.0) "stroke=\"#888\""
            for at, text in xTicks do
                label (px at) (py 0.0 + 15.0) "middle" text
            for at, text in yTicks do
                line (px 0.0) (py at) (px 1.0) (py at) "stroke=\"#8883\""
                label (px 0.0 - 5.0) (py at + 4.0) "end" text
        ]

    let private svg title parts =
        $"""<svg viewBox="0 0 {f width} {f height}" role="img" aria-label="{title}">{String.concat "" parts}</svg>"""

    /// A curve of rates; both axes from 0, x to `limit`, y to 1.
    let curve title xTitle yTitle (limit: float) (points: RatePoint[]) =
        let ticks limit = [ for i in 0..4 -> 0.25 * float i, f (0.25 * float i * limit) ]

        let path = points |> Array.map (fun p -> $"{f (px (min 1.0 (p.X / limit)))},{f (py p.Y)}") |> String.concat " "

        svg
            title
            (axes title xTitle yTitle (ticks limit) (ticks 1.0)
             @ [ $"""<polyline points="{path}" fill="none" stroke="#d9480f" stroke-width="2"/>""" ])

    /// Named curves over one another, both axes from 0 to the largest value: (name, colour, points).
    let lines title xTitle yTitle (series: (string * string * RatePoint[]) list) =
        let largest (along: RatePoint -> float) =
            series
            |> List.collect (fun (_, _, points: RatePoint[]) -> points |> Array.map along |> List.ofArray)
            |> List.fold max 1e-12

        let right, top = largest _.X, largest _.Y

        // Both axes in powers of ten, so that the numbers at the ticks are short.
        let power (v: float) = floor (log10 v)

        let scaled name v =
            if power v = 0.0 then
                name
            else
                $"{name} · 10<tspan dy=\"-4\" font-size=\"8\">{power v}</tspan>"

        let ticks v = [ for i in 0..4 -> 0.25 * float i, f (0.25 * float i * v / 10.0 ** power v) ]

        let draw i (name, colour, points: RatePoint[]) =
            let path = points |> Array.map (fun p -> $"{f (px (p.X / right))},{f (py (max 0.0 (p.Y / top)))}") |> String.concat " "

            [
                $"""<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>"""
                $"""<text x="{f (px 0.03)}" y="{f (py 1.0 + 12.0 + 14.0 * float i)}" font-size="11" fill="{colour}">{name}</text>"""
            ]

        svg
            title
            (axes title (scaled xTitle right) (scaled yTitle top) (ticks right) (ticks top)
             @ List.concat (List.mapi draw series))

    /// Scores of good and bad images on a logarithmic axis, with the threshold.
    let histogram title (good: float32[]) (bad: float32[]) (threshold: float32) =
        let bins = 32
        let logs = Array.map (fun (s: float32) -> log10 (max 1e-12 (float s)))
        let all = logs (Array.concat [ good; bad; [| threshold |] ])
        let low, high = Array.min all, max (Array.min all + 1e-6) (Array.max all)
        let place v = (v - low) / (high - low)

        let counts scores =
            let counts = Array.zeroCreate<int> bins

            for v in logs scores do
                let bin = min (bins - 1) (int (place v * float bins))
                counts[bin] <- counts[bin] + 1

            counts

        let g, b = counts good, counts bad
        let top = float (max 1 (max (Array.max g) (Array.max b)))

        let bars (counts: int[]) colour =
            [
                for i in 0 .. bins - 1 do
                    if counts[i] > 0 then
                        let h = float counts[i] / top
                        let x = px (float i / float bins)
                        let width, height = f (px (1.0 / float bins) - px 0.0), f (py 0.0 - py h)
                        $"""<rect x="{f x}" y="{f (py h)}" width="{width}" height="{height}" fill="{colour}" fill-opacity="0.6"/>"""
            ]

        let xTicks =
            [
                for i in 0..3 ->
                    let t = float i / 3.0
                    t, (10.0 ** (low + t * (high - low))).ToString("0.0e0", CultureInfo.InvariantCulture)
            ]

        let at = px (place (log10 (max 1e-12 (float threshold))))

        svg
            title
            (axes title "image score" "images" xTicks [ 0.0, "0"; 1.0, f top ]
             @ bars g "#2b8a3e"
             @ bars b "#d9480f"
             @ [
                 line at (py 0.0) at (py 1.0) "stroke=\"currentColor\" stroke-dasharray=\"4 3\""
                 label (at + 4.0) (py 1.0 + 9.0) "start" "threshold"
             ])
