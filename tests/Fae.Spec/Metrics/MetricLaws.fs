/// The field's metrics, each against its definition spelled out slowly.
module Fae.Spec.MetricLaws

open Fae.Core
open Fae.Spec.Generators
open Fae.Spec.MetricReferences

let private laws: Law<MetricSet> list =
    [
        Law.forAll "AUROC equals the count over all pairs, ties half" (fun m (Labelled(s, l)) ->
            close (value (m.Auroc s l)) (pairAuroc s l))
        Law.forAll "AUROC is unchanged by rising maps" (fun m (Labelled(s, l)) ->
            close (value (m.Auroc s l)) (value (m.Auroc (Array.map (fun v -> exp v + 3.0f) s) l)))
        Law.forAll "AUROC becomes 1 − a under negation" (fun m (Labelled(s, l)) ->
            close (value (m.Auroc s l)) (1.0 - value (m.Auroc (Array.map (~-) s) l)))
        Law.forAll "equal to the plain definition on hundreds of scores, spread or crowded" (fun m (seed: uint64) ->
            let s, l = crowd seed
            let same metric plain = Near.numbers 1e-9 (value (metric s l)) (value (plain s l))

            same m.Auroc Metrics.auroc && same m.AveragePrecision Metrics.averagePrecision && same m.F1Max Metrics.f1Max)
        Law.forAll "AP equals its definition" (fun m (Labelled(s, l)) -> close (value (m.AveragePrecision s l)) (slowAveragePrecision s l))
        Law.forAll "AP of a constant score is the prevalence" (fun m (Labelled(s, l)) ->
            close (value (m.AveragePrecision (Array.map (fun _ -> 1.0f) s) l)) (count id l / float l.Length))
        Law.forAll "F1-max equals its definition" (fun m (Labelled(s, l)) -> close (value (m.F1Max s l)) (slowF1 s l))
        Law.forAll "a perfect score gives 1 everywhere" (fun m (Labelled(_, l)) ->
            let s = l |> Array.map (fun bad -> if bad then 2.0f else 1.0f)
            Seq.forall (fun metric -> close (value (metric s l)) 1.0) [ m.Auroc; m.AveragePrecision; m.F1Max ])
        Law.forAll "the order of the samples does not matter" (fun m (Labelled(s, l)) ->
            Seq.forall
                (fun metric -> close (value (metric s l)) (value (metric (Array.rev s) (Array.rev l))))
                [ m.Auroc; m.AveragePrecision; m.F1Max ])
        Law.forAll "nothing leaves [0, 1]" (fun m (Labelled(s, l), Pair(map, noise)) ->
            let inside v = v >= 0.0 && v <= 1.0

            Seq.forall (fun metric -> inside (value (metric s l))) [ m.Auroc; m.AveragePrecision; m.F1Max ]
            && (match aupro m 0.3 [ map ] [ maskOf noise ] with
                | Ok v -> inside v
                | Error _ -> true))
        Law.forAll "AUPRO equals the slow way" (fun m (Pair(map, noise)) ->
            let mask = maskOf noise

            match aupro m 0.3 [ map ] [ mask ] with
            | Ok fast -> Near.numbers 1e-6 fast (Metrics.areaUpTo 0.3 (slowPro map mask))
            | Error NoPositives -> Array.forall ((=) 0.0f) mask.Pixels
            | Error NoNegatives -> Array.forall ((=) 1.0f) mask.Pixels
            | Error NotANumber -> false)
        Law.once "AUPRO weighs regions alike, whatever their size" (fun m ->
            // A region of one pixel that is found and one of nine that is missed: half of the overlap, at once.
            let mask = Image.init 1 8 8 (fun _ y x -> if (y < 3 && x < 3) || (y = 6 && x = 6) then 1.0f else 0.0f)

            let map =
                Image.init 1 8 8 (fun _ y x ->
                    if y = 6 && x = 6 then 1.0f
                    elif y < 3 && x < 3 then 0.0f
                    else 0.5f)

            Near.numbers 1e-9 (value (aupro m 0.3 [ map ] [ mask ])) 0.5)
        Law.once "pixels that touch at a corner are one region" (fun m ->
            // Two pixels of a diagonal and one apart: found is the apart one, half of two regions, a third of three.
            let mask = Image.init 1 6 6 (fun _ y x -> if (y = 0 && x = 0) || (y = 1 && x = 1) || (y = 5 && x = 5) then 1.0f else 0.0f)

            let map =
                Image.init 1 6 6 (fun _ y x ->
                    if y = 5 && x = 5 then 1.0f
                    elif mask[0, y, x] = 1.0f then 0.0f
                    else 0.5f)

            Near.numbers 1e-9 (value (aupro m 0.3 [ map ] [ mask ])) 0.5)
        Law.forAll "AUPRO does not look at ignored pixels" (fun m (Pair(map, noise)) ->
            // The right half is ignored: whatever is painted there, the result is that of the left half alone.
            let split = max 1 (map.Width / 2)
            let right = Image.init 1 map.Height map.Width (fun _ _ x -> if x >= split then 1.0f else 0.0f)
            let left image = Image.crop 0 0 map.Height split image
            let mask = maskOf noise
            m.Aupro 0.3 (Some right) [ map ] [ mask ] = m.Aupro 0.3 None [ left map ] [ left mask ])
        Law.forAll "NaN is refused, and so are labels of one kind" (fun m (Labelled(s, l)) ->
            let all b = Array.map (fun _ -> b) l

            Seq.forall
                (fun metric ->
                    metric (Array.updateAt 1 nanf s) l = Error NotANumber
                    && metric s (all true) = Error NoNegatives
                    && metric s (all false) = Error NoPositives)
                [ m.Auroc; m.AveragePrecision; m.F1Max ])
    ]

let private plain =
    {
        Auroc = Metrics.auroc
        AveragePrecision = Metrics.averagePrecision
        F1Max = Metrics.f1Max
        Aupro = fun limit ignore maps masks -> Metrics.proCurve limit ignore maps masks |> Result.map (Metrics.areaUpTo limit)
    }

let private kernel =
    let summary value scores labels = Fae.Kernels.MetricsKernel.Summarise(1000, scores, labels) |> Result.map value

    {
        Auroc = summary _.Auroc
        AveragePrecision = summary _.AveragePrecision
        F1Max = summary _.F1Max
        Aupro =
            fun limit ignore maps masks ->
                let pixels = Fae.Kernels.PixelMetrics ignore
                List.iter2 (fun map mask -> pixels.Add(map, mask)) maps masks
                pixels.Pro(limit, 1000) |> Result.map fst
    }

/// Pixels that are sorted a few at a time and merged: each score is a picture of its own.
let private batched =
    let summary value (scores: float32[]) labels =
        let pixels = Fae.Kernels.PixelMetrics(None, 3)

        Array.iter2
            (fun score bad -> pixels.Add(Image.constant 1 1 1 score, Image.constant 1 1 1 (if bad then 1.0f else 0.0f)))
            scores
            labels

        pixels.Summarise 1000 |> Result.map value

    {
        Auroc = summary _.Auroc
        AveragePrecision = summary _.AveragePrecision
        F1Max = summary _.F1Max
        Aupro =
            fun limit ignore maps masks ->
                let pixels = Fae.Kernels.PixelMetrics(ignore, 1)
                List.iter2 (fun map mask -> pixels.Add(map, mask)) maps masks
                pixels.Pro(limit, 1000) |> Result.map fst
    }

/// A metric that is computed on changed input.
let private afterChange change metric = fun (s: float32[]) (l: bool[]) -> change s l ||> metric

/// Ties are broken by the place in the array.
let private untied (s: float32[]) (l: bool[]) = Array.mapi (fun i v -> v + 1e-4f * float32 i) s, l

/// AUPRO of a changed curve.
let private curved change =
    fun limit ignore maps masks -> Metrics.proCurve limit ignore maps masks |> Result.map (change >> Metrics.areaUpTo limit)

/// The curve of other regions than the mask's.
let private byRegions (regions: Image -> int[][]) limit ignore (maps: Image list) (masks: Image list) =
    match maps, masks with
    | [ map ], [ mask ] when Option.isNone ignore && (regions mask).Length > 0 && Array.exists (fun v -> v < 0.5f) mask.Pixels ->
        let good = [| 0 .. mask.Area - 1 |] |> Array.filter (fun i -> mask.Pixels[i] < 0.5f)

        Ok
            [|
                { X = 0.0; Y = 0.0 }
                for threshold in map.Pixels |> Array.distinct |> Array.sortDescending do
                    let share pixels = count (fun i -> map.Pixels[i] >= threshold) pixels / float (max 1 (Array.length pixels))

                    { X = share good; Y = regions mask |> Array.averageBy share }
            |]
        |> Result.map (Metrics.areaUpTo limit)
    | _ -> plain.Aupro limit ignore maps masks

let private mutants =
    [
        "ties are wins",
        "AUROC equals the count over all pairs, ties half",
        { plain with
            Auroc = afterChange (fun s l -> Array.map2 (fun v bad -> if bad then v + 1e-3f else v) s l, l) Metrics.auroc
        }
        "scores are rounded to whole tens",
        "AUROC is unchanged by rising maps",
        { plain with Auroc = afterChange (fun s l -> Array.map (fun v -> floor (v / 10.0f)) s, l) Metrics.auroc }
        "whichever side is larger",
        "AUROC becomes 1 − a under negation",
        { plain with Auroc = fun s l -> Metrics.auroc s l |> Result.map (fun a -> max a (1.0 - a)) }
        "scores are kept in sixteen bits",
        "equal to the plain definition on hundreds of scores, spread or crowded",
        { plain with
            Auroc =
                afterChange
                    (fun s l ->
                        Array.map
                            (fun v -> System.BitConverter.UInt32BitsToSingle(System.BitConverter.SingleToUInt32Bits v &&& 0xFFFF0000u))
                            s,
                        l)
                    Metrics.auroc
        }
        "AP by trapezoids",
        "AP equals its definition",
        { plain with
            AveragePrecision =
                fun s l ->
                    Metrics.averagePrecision s l
                    |> Result.map (fun _ ->
                        Array.append [| 0.0, 1.0 |] (operatingPoints s l)
                        |> Array.pairwise
                        |> Array.sumBy (fun ((r0, p0), (r1, p1)) -> (r1 - r0) * 0.5 * (p0 + p1)))
        }
        "AP with ties broken by place",
        "AP of a constant score is the prevalence",
        { plain with AveragePrecision = afterChange untied Metrics.averagePrecision }
        "F1 without the lowest threshold",
        "F1-max equals its definition",
        { plain with
            F1Max =
                fun s l ->
                    let low = Array.min s

                    Metrics.f1Max s l
                    |> Result.map (fun _ ->
                        operatingPoints s l
                        |> Array.mapi (fun i (r, p) ->
                            if i > 0 && (Array.sortDescending (Array.distinct s))[i] = low then 0.0
                            elif r + p = 0.0 then 0.0
                            else 2.0 * r * p / (r + p))
                        |> Array.max)
        }
        "a pair too few in the denominator",
        "a perfect score gives 1 everywhere",
        { plain with
            Auroc = fun s l -> Metrics.auroc s l |> Result.map (fun a -> a * (1.0 - 1.0 / float (s.Length * s.Length)))
        }
        "F1 with ties broken by place", "the order of the samples does not matter", { plain with F1Max = afterChange untied Metrics.f1Max }
        "the last step of AUPRO is not cut at the limit",
        "nothing leaves [0, 1]",
        { plain with
            Aupro =
                fun limit ignore maps masks ->
                    Metrics.proCurve limit ignore maps masks
                    |> Result.map (Array.pairwise >> Array.sumBy (fun (a, b) -> (b.X - a.X) * 0.5 * (a.Y + b.Y) / limit))
        }
        "a point is put before the curve, at its full height",
        "AUPRO equals the slow way",
        { plain with
            Aupro = curved (fun points -> Array.append [| { X = 0.0; Y = points[points.Length - 1].Y } |] points[1..])
        }
        "overlap is counted by pixels",
        "AUPRO weighs regions alike, whatever their size",
        { plain with
            Aupro =
                byRegions (fun mask ->
                    [| [| 0 .. mask.Area - 1 |] |> Array.filter (fun i -> mask.Pixels[i] >= 0.5f) |]
                    |> Array.filter (fun r -> r.Length > 0))
        }
        "each row of the mask is a region",
        "pixels that touch at a corner are one region",
        { plain with
            Aupro =
                byRegions (fun mask ->
                    [|
                        for y in 0 .. mask.Height - 1 do
                            [|
                                for x in 0 .. mask.Width - 1 do
                                    if mask[0, y, x] >= 0.5f then y * mask.Width + x
                            |]
                    |]
                    |> Array.filter (fun row -> row.Length > 0))
        }
        "the ignore mask is ignored",
        "AUPRO does not look at ignored pixels",
        { plain with Aupro = fun limit _ maps masks -> plain.Aupro limit None maps masks }
        "NaN counts as the lowest score",
        "NaN is refused, and so are labels of one kind",
        { plain with
            Auroc = afterChange (fun s l -> Array.map (fun v -> if System.Single.IsNaN v then -1.0f else v) s, l) Metrics.auroc
        }
    ]

let suite =
    Suite.create
        "Metrics"
        "AUROC, AP, F1-max and AUPRO: exact, ties handled, NaN refused."
        laws
        [ "plain", plain; "kernel", kernel; "batched kernel", batched ]
        mutants
