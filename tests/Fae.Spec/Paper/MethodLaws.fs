/// What the other methods need beyond the paper's: their shapes, their distributions of plans, their difference measures; and the
/// statistics of a few runs.
module Fae.Spec.MethodLaws

open Fae.Core
open Fae.Spec.Generators
open Fae.Spec.FamilyLaws

/// Measure → image → answer → map.
type private Maps = DifferenceLaws.Differences

let private plainMap, kernelMap = DifferenceLaws.plain, DifferenceLaws.kernel

/// An answer with planes of its own after the colours.
let private withAnomalyMaps (r: Image) (own: Image list) =
    Image.ofArray (r.Channels + own.Length) r.Height r.Width (Array.concat (r.Pixels :: [ for map in own -> map.Pixels ]))

let private withAnomalyMap r own = withAnomalyMaps r [ own ]

let private measureLaws: Law<Maps> list =
    [
        Law.forAll "msgms: 0 where x = r, in [0, 1], symmetrical" (fun map (Pair(x, r)) ->
            Array.forall (fun v -> abs v < 1e-4f) (map MultiGms x x).Pixels
            && Array.forall (fun v -> v >= 0.0f && v <= 1.0f + 1e-4f) (map MultiGms x r).Pixels
            && Near.images 1e-4f (map MultiGms x r) (map MultiGms r x))
        Law.once "msgms is the mean of GMS at the whole, half, quarter and eighth size" (fun map ->
            let x, r = speckled 3UL 1 64 64, speckled 4UL 1 64 64

            let rec sizes n x r =
                if n = 0 then
                    []
                else
                    mean (Difference.gms x r) :: sizes (n - 1) (Difference.halve x) (Difference.halve r)

            // Every pixel of a smaller size stands for as many of the whole: the means add up.
            abs (mean (map MultiGms x r) - List.average (sizes 4 x r)) < 1e-4)
        Law.forAll "own is the plane after the colours, whatever those are" (fun map (Coloured(x, r)) ->
            let own = speckled 9UL 1 x.Height x.Width
            Near.images 0.0f (map (AnomalyMap 1) x (withAnomalyMap r own)) own)
        Law.forAll "of several own planes each has its number" (fun map (Coloured(x, r)) ->
            let own = [ for seed in 9UL .. 11UL -> speckled seed 1 x.Height x.Width ]
            let answer = withAnomalyMaps r own

            own
            |> List.indexed
            |> List.forall (fun (i, plane) -> Near.images 0.0f (map (AnomalyMap(i + 1)) x answer) plane))
        Law.forAll "the other measures do not look at it" (fun map (Coloured(x, r)) ->
            let answer = withAnomalyMap r (speckled 9UL 1 x.Height x.Width)

            Difference.all |> List.forall (fun measure -> Near.images 1e-6f (map measure x answer) (map measure x r)))
        Law.forAll "a weighted sum may take it in" (fun map (Coloured(x, r)) ->
            let own = speckled 9UL 1 x.Height x.Width
            let sum = Image.map2 (fun a b -> a + 0.5f * b) (map Mse x r) own
            Near.images 1e-5f (map (Weighted [ 1.0f, Mse; 0.5f, AnomalyMap 1 ]) x (withAnomalyMap r own)) sum)
        Law.forAll "equals the plain definition" (fun map (Coloured(x, r)) ->
            Near.images 1e-3f (map MultiGms x r) (Difference.map MultiGms x r))
    ]

let private replacing measure f : Maps = fun m x answer -> if m = measure then f x answer else plainMap m x answer

let private measureMutants: (string * string * Maps) list =
    [
        "the sizes are added",
        "msgms: 0 where x = r, in [0, 1], symmetrical",
        replacing MultiGms (fun x r -> Image.map (fun v -> 4.0f * v) (Difference.multiGms x r))
        "one size alone", "msgms is the mean of GMS at the whole, half, quarter and eighth size", replacing MultiGms Difference.gms
        "own is the first plane",
        "own is the plane after the colours, whatever those are",
        replacing (AnomalyMap 1) (fun _ answer -> Image.plane 0 answer)
        "the first own plane for all", "of several own planes each has its number", replacing (AnomalyMap 2) (plainMap (AnomalyMap 1))
        "MSE over all planes",
        "the other measures do not look at it",
        replacing Mse (fun x answer ->
            let squares = Difference.mse x (Difference.reconstruction x.Channels answer)

            if answer.Channels > x.Channels then
                Image.map2 (+) squares (Image.plane x.Channels answer)
            else
                squares)
        "own is forgotten in sums",
        "a weighted sum may take it in",
        (fun m x answer ->
            match m with
            | Weighted terms -> plainMap (Weighted(terms |> List.filter (fun (_, term) -> term <> AnomalyMap 1))) x answer
            | m -> plainMap m x answer)
        "msgms of the first plane",
        "equals the plain definition",
        replacing MultiGms (fun x r -> Difference.multiGms (Image.plane 0 x) (Image.plane 0 r))
    ]

// Statistics

/// Level → differences → interval.
type private Intervals = float -> float list -> Interval option

let private normals seed count = (Noise.field (Random.mix64 seed) 1.0f 1 1 count).Pixels |> Array.map float |> List.ofArray

let private reach (interval: Interval option) =
    match interval with
    | Some i -> 0.5 * (i.High - i.Low)
    | None -> nan

let private statisticLaws: Law<Intervals> list =
    [
        Law.once "one value has no interval" (fun interval -> interval 0.95 [ 3.0 ] = None)
        Law.once "Student's table: 12.706, 4.303, 2.776, 2.262 standard errors for 1, 2, 4, 9 degrees of freedom" (fun interval ->
            [ 2, 12.706; 3, 4.303; 5, 2.776; 10, 2.262 ]
            |> List.forall (fun (count, expected) ->
                let values = [ for i in 1..count -> float (i % 3) ]
                let statistics = Statistics.summarise values

                abs (reach (interval 0.95 values) / (statistics.Deviation / sqrt (float count)) - expected) < 0.001))
        Law.once "it holds the true mean as often as its level says" (fun interval ->
            let holds =
                [ 1UL .. 2000UL ]
                |> List.averageBy (fun seed ->
                    match interval 0.9 (normals seed 4) with
                    | Some i when i.Low <= 0.0 && 0.0 <= i.High -> 1.0
                    | _ -> 0.0)

            abs (holds - 0.9) < 0.025)
        Law.forAll "it moves and stretches with its values" (fun interval (seed: uint64) ->
            let values = normals seed 5

            match interval 0.95 values, interval 0.95 (values |> List.map (fun v -> 10.0 + 2.0 * v)) with
            | Some a, Some b ->
                Near.numbers 1e-6 (10.0 + 2.0 * a.Low) b.Low
                && Near.numbers 1e-6 (10.0 + 2.0 * a.High) b.High
                && Near.numbers 1e-6 (10.0 + 2.0 * a.Middle) b.Middle
            | _ -> false)
    ]

let private around reach : Intervals =
    fun level values ->
        if values.Length < 2 then
            None
        else
            let statistics = Statistics.summarise values
            let reach = reach level statistics

            Some { Middle = statistics.Mean; Low = statistics.Mean - reach; High = statistics.Mean + reach }

let private statisticMutants: (string * string * Intervals) list =
    [
        "one value is taken for certain",
        "one value has no interval",
        (fun level values ->
            match values with
            | [ one ] -> Some { Middle = one; Low = one; High = one }
            | values -> Statistics.interval level values)
        "the normal distribution instead of Student's",
        "Student's table: 12.706, 4.303, 2.776, 2.262 standard errors for 1, 2, 4, 9 degrees of freedom",
        around (fun _ (statistics: SampleStatistics) -> 1.96 * statistics.Deviation / sqrt (float statistics.Count))
        "the deviation of one run instead of the mean's",
        "it holds the true mean as often as its level says",
        around (fun level (statistics: SampleStatistics) -> Statistics.student (statistics.Count - 1) level * statistics.Deviation)
        "never narrower than a thousandth of the mean",
        "it moves and stretches with its values",
        around (fun level (statistics: SampleStatistics) ->
            max
                (abs statistics.Mean)
                (Statistics.student (statistics.Count - 1) level * statistics.Deviation / sqrt (float statistics.Count)))
    ]

let suites =
    [
        Suite.create
            "Corruption: the other methods' shapes"
            "Removed cells, pasted boxes and clouds, on pixels."
            maskLaws
            [ "plain", plainMask; "kernel", kernelMask ]
            maskMutants
        Suite.create
            "Corruption: the other methods' models"
            "The distributions of plans of RIAD and InTra, CutPaste and DRAEM."
            modelLaws
            [ "plain", Corruption.plans ]
            modelMutants
        Suite.create
            "Differences: the other methods' measures"
            "Multi-scale GMS, and the map that a network gives of itself."
            measureLaws
            [ "plain", plainMap; "kernel", kernelMap ]
            measureMutants
        |> Suite.withEmulated measureLaws (Emulated.each DifferenceLaws.onDevice)
        Suite.create
            "Statistics"
            "The mean of a few paired differences, and how sure one may be of it."
            statisticLaws
            [ "plain", Statistics.interval ]
            statisticMutants
    ]
