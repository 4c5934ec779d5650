/// What the other methods need beyond the paper's: their shapes, their distributions of plans, their difference measures; and the statistics of a few runs.
module Fae.Spec.MethodLaws

open Fae.Core
open Fae.Spec.Generators

// Shapes

/// Height → width → shape → mask, hard-edged, as one plane.
type private Masks = int -> int -> Shape -> Image

let private white shape =
    [
        {
            Shape = shape
            Softness = 0.0f
            Fill = Plain [| 1.0f |]
            Opacity = 1.0f
        }
    ]

let private masksOf (render: CorruptionLaws.Renderer) : Masks =
    fun height width shape -> (render [||] (Image.constant 1 height width 0.0f) (white shape)).Mask

let private plainMask, kernelMask = masksOf CorruptionLaws.plain, masksOf CorruptionLaws.kernel

let private middle = Frame.at 0.5f 0.5f 0.0f
let private mean (image: Image) = Array.averageBy float image.Pixels

let private maskLaws: Law<Masks> list =
    [
        Law.forAll "the sets of a grid's cells share out the picture: their masks add up to one" (fun masks (key: uint64) ->
            let sets = 3
            let count = 4 <<< int (key % 3UL)

            let all =
                [
                    for which in 0 .. sets - 1 -> masks 48 48 (Cells(middle, count, sets, which, key))
                ]

            Near.images 1e-4f (List.reduce (Image.map2 (+)) all) (Image.constant 1 48 48 1.0f))
        Law.forAll "cells of whole pixels are in or out, and cells are squares" (fun masks (key: uint64) ->
            let mask = masks 48 64 (Cells(middle, 6, 3, 1, key))

            // 48 pixels of height and six cells: eight pixels each, from the picture's middle on.
            Seq.forall
                (fun i ->
                    let y, x = i / 64, i % 64
                    let corner = mask[0, y / 8 * 8, x / 8 * 8]

                    abs (mask[0, y, x] - corner) < 1e-4f
                    && (corner < 1e-4f || corner > 1.0f - 1e-4f))
                (seq { 0 .. mask.Area - 1 }))
        Law.once "a set has its share of the cells" (fun masks ->
            let share sets = Seq.averageBy (fun key -> mean (masks 64 64 (Cells(middle, 16, sets, 0, key)))) [ 1UL .. 20UL ]
            abs (share 3 - 1.0 / 3.0) < 0.02 && abs (share 4 - 0.25) < 0.02)
        Law.forAll "a box covers the area of its sides, whichever way it is turned" (fun masks (angle: byte) ->
            let box = Box(Frame.at 0.5f 0.5f (float32 angle / 40.0f), 0.25f, 0.1f)
            abs (mean (masks 64 64 box) - 0.1) < 0.004)
        Law.forAll "a cloud is where its noise is above its level" (fun masks (key: uint64) ->
            let mask = masks 64 64 (Cloud(middle, 0.25f, 0.55f, key))

            let level y x =
                Lattice.noise key (((float32 x + 0.5f) / 64.0f - 0.5f) / 0.25f) (((float32 y + 0.5f) / 64.0f - 0.5f) / 0.25f)

            Seq.forall
                (fun i ->
                    let y, x = i / 64, i % 64
                    let above = level y x - 0.55f
                    abs above < 1e-3f || (above > 0.0f) = (mask[0, y, x] >= 0.5f))
                (seq { 0 .. mask.Area - 1 }))
    ]

let private reshaped f : Masks = fun height width shape -> plainMask height width (f shape)

let private maskMutants: (string * string * Masks) list =
    [
        "neighbouring sets overlap",
        "the sets of a grid's cells share out the picture: their masks add up to one",
        (fun height width shape ->
            match shape with
            | Cells(frame, count, sets, which, key) ->
                Image.map2 max (plainMask height width shape) (plainMask height width (Cells(frame, count, sets, (which + 1) % sets, key)))
            | other -> plainMask height width other)
        "cells lie half a cell aside",
        "cells of whole pixels are in or out, and cells are squares",
        reshaped (function
            | Cells(frame, count, sets, which, key) ->
                Cells(
                    { frame with
                        X = frame.X + 0.5f / float32 count
                    },
                    count,
                    sets,
                    which,
                    key
                )
            | other -> other)
        "a set is the half of the cells",
        "a set has its share of the cells",
        reshaped (function
            | Cells(frame, count, _, which, key) -> Cells(frame, count, 2, min which 1, key)
            | other -> other)
        "a box's sides are whole, not half",
        "a box covers the area of its sides, whichever way it is turned",
        reshaped (function
            | Box(frame, halfX, halfY) -> Box(frame, 0.5f * halfX, 0.5f * halfY)
            | other -> other)
        "a cloud's level is a tenth higher",
        "a cloud is where its noise is above its level",
        reshaped (function
            | Cloud(frame, scale, level, key) -> Cloud(frame, scale, level + 0.1f, key)
            | other -> other)
    ]

// Models

type private Model = CorruptionSettings -> Palette -> int -> Sampler<Plan>

let private draw (model: Model) family change count =
    let settings =
        change
            { Corruption.defaults with
                Family = family
                CleanChance = 0.0f
            }

    let plans = model settings palette bank.Length

    [
        for i in 1..count -> Sampler.value (Random.fork (uint64 i) (Random.ofSeed 77UL)) plans
    ]

let private everyOcclusion holds (plans: Plan list) =
    plans
    |> List.forall (function
        | [ occlusion ] -> holds occlusion
        | _ -> false)

let private covered plan = mean (Plan.render bank (speckled 5UL 3 64 64) plan).Mask

let private modelLaws: Law<Model> list =
    [
        Law.once "RIAD removes one set of the cells of grids of every size from fewest to most" (fun model ->
            let plans =
                draw
                    model
                    Family.Cells
                    (fun s ->
                        { s with
                            CellsMin = 8
                            CellsMax = 32
                            CellSets = 4
                        })
                    300

            let counts =
                plans
                |> List.collect (
                    List.choose (fun o ->
                        match o.Shape with
                        | Cells(_, count, 4, which, _) when which >= 0 && which < 4 -> Some count
                        | _ -> None)
                )

            counts.Length = 300
            && List.sort (List.distinct counts) = [ 8; 16; 32 ]
            && everyOcclusion (fun o -> o.Opacity = 1.0f && o.Softness = 0.0f && o.Fill = Plain [| 0.0f |]) plans)
        Law.once "CutPaste pastes the picture itself: as often a patch of 2 to 15 percent as a thin scar" (fun model ->
            let plans = draw model Family.CutPaste id 600

            let areas =
                plans
                |> List.collect (
                    List.choose (fun o ->
                        match o.Shape with
                        | Box(_, halfX, halfY) -> Some(4.0f * halfX * halfY)
                        | _ -> None)
                )

            let scars = areas |> List.averageBy (fun area -> if area < 0.0199f then 1.0 else 0.0)

            areas.Length = 600
            && List.max areas < 0.151f
            && abs (scars - 0.5) < 0.07
            && everyOcclusion
                (fun o ->
                    match o.Fill with
                    | Patch(_, -1, _, _, _) -> o.Opacity = 1.0f
                    | _ -> false)
                plans)
        Law.once "DRAEM lays clouds of more or less transparent textures, never over the whole picture" (fun model ->
            let plans = draw model Family.Clouds id 200
            let opacities = plans |> List.collect (List.map _.Opacity)

            everyOcclusion (fun o -> o.Shape.IsCloud) plans
            && List.min opacities >= 0.2f
            && List.min opacities < 0.3f
            && List.max opacities > 0.9f
            && plans |> List.truncate 60 |> List.forall (fun plan -> covered plan < 0.75))
        Law.once "a picture stays clean with the odds asked for" (fun model ->
            [ Family.Cells; Family.CutPaste; Family.Clouds ]
            |> List.forall (fun family ->
                let plans = draw model family (fun s -> { s with CleanChance = 0.4f }) 1000
                abs ((plans |> List.averageBy (fun plan -> if plan.IsEmpty then 1.0 else 0.0)) - 0.4) < 0.05))
        Law.once "the paper's family is the paper's model" (fun model ->
            let paper =
                Corruption.model
                    { Corruption.defaults with
                        CleanChance = 0.0f
                    }
                    palette
                    bank.Length

            draw model Family.Occlusions id 50 =
                [
                    for i in 1..50 -> Sampler.value (Random.fork (uint64 i) (Random.ofSeed 77UL)) paper
                ])
    ]

let private changingSettings f : Model = fun settings palette bank -> Corruption.plans (f settings) palette bank
let private changingOcclusions f : Model = fun settings palette bank -> Corruption.plans settings palette bank |> Sampler.map (List.map f)

let private modelMutants: (string * string * Model) list =
    [
        "always the finest grid",
        "RIAD removes one set of the cells of grids of every size from fewest to most",
        changingSettings (fun s -> { s with CellsMin = s.CellsMax })
        "the paste comes from other pictures",
        "CutPaste pastes the picture itself: as often a patch of 2 to 15 percent as a thin scar",
        changingOcclusions (fun o ->
            { o with
                Fill =
                    match o.Fill with
                    | Patch(frame, _, zoom, gain, bias) -> Patch(frame, 0, zoom, gain, bias)
                    | other -> other
            })
        "clouds are opaque",
        "DRAEM lays clouds of more or less transparent textures, never over the whole picture",
        changingOcclusions (fun o -> { o with Opacity = 1.0f })
        "no picture stays clean", "a picture stays clean with the odds asked for", changingSettings (fun s -> { s with CleanChance = 0.0f })
        "one occlusion more", "the paper's family is the paper's model", changingSettings (fun s -> { s with MaxCount = s.MaxCount + 1 })
    ]

// Measures

/// Measure → image → answer → map.
type private Maps = DifferenceLaws.Differences

let private plainMap, kernelMap = DifferenceLaws.plain, DifferenceLaws.kernel

/// An answer with a plane of its own after the colours.
let private withOwn (r: Image) (own: Image) = Image.ofArray (r.Channels + 1) r.Height r.Width (Array.append r.Pixels own.Pixels)

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
                    mean (Difference.gms x r)
                    :: sizes (n - 1) (Difference.halve x) (Difference.halve r)

            // Every pixel of a smaller size stands for as many of the whole: the means add up.
            abs (mean (map MultiGms x r) - List.average (sizes 4 x r)) < 1e-4)
        Law.forAll "own is the plane after the colours, whatever those are" (fun map (Coloured(x, r)) ->
            let own = speckled 9UL 1 x.Height x.Width
            Near.images 0.0f (map Own x (withOwn r own)) own)
        Law.forAll "the other measures do not look at it" (fun map (Coloured(x, r)) ->
            let answer = withOwn r (speckled 9UL 1 x.Height x.Width)

            Difference.all
            |> List.forall (fun measure -> Near.images 1e-6f (map measure x answer) (map measure x r)))
        Law.forAll "a weighted sum may take it in" (fun map (Coloured(x, r)) ->
            let own = speckled 9UL 1 x.Height x.Width
            let sum = Image.map2 (fun a b -> a + 0.5f * b) (map Mse x r) own
            Near.images 1e-5f (map (Weighted [ 1.0f, Mse; 0.5f, Own ]) x (withOwn r own)) sum)
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
        replacing Own (fun _ answer -> Image.plane 0 answer)
        "MSE over all planes",
        "the other measures do not look at it",
        replacing Mse (fun x answer ->
            let squares = Difference.mse x (Difference.colours x.Channels answer)

            if answer.Channels > x.Channels then
                Image.map2 (+) squares (Image.plane x.Channels answer)
            else
                squares)
        "own is forgotten in sums",
        "a weighted sum may take it in",
        (fun m x answer ->
            match m with
            | Weighted terms -> plainMap (Weighted(terms |> List.filter (fun (_, term) -> term <> Own))) x answer
            | m -> plainMap m x answer)
        "msgms of the first plane",
        "equals the plain definition",
        replacing MultiGms (fun x r -> Difference.multiGms (Image.plane 0 x) (Image.plane 0 r))
    ]

// Statistics

/// Level → differences → interval.
type private Intervals = float -> float list -> Interval option

let private normals seed count =
    (Noise.field (Random.mix64 seed) 1.0f 1 1 count).Pixels
    |> Array.map float
    |> List.ofArray

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
                let spread = Statistics.spread values

                abs (
                    reach (interval 0.95 values) / (spread.Deviation / sqrt (float count))
                    - expected
                )
                    <
                    0.001))
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
            let spread = Statistics.spread values
            let reach = reach level spread

            Some
                {
                    Middle = spread.Mean
                    Low = spread.Mean - reach
                    High = spread.Mean + reach
                }

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
        around (fun _ spread -> 1.96 * spread.Deviation / sqrt (float spread.Count))
        "the deviation of one run instead of the mean's",
        "it holds the true mean as often as its level says",
        around (fun level spread -> Statistics.student (spread.Count - 1) level * spread.Deviation)
        "never narrower than a thousandth of the mean",
        "it moves and stretches with its values",
        around (fun level spread ->
            max
                (abs spread.Mean)
                (Statistics.student (spread.Count - 1) level * spread.Deviation
                 / sqrt (float spread.Count)))
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
