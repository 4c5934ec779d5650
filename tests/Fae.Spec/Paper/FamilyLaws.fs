/// Laws of the corruptions of the other methods: cells, clouds, pasted patches.
module Fae.Spec.FamilyLaws

open Fae.Core
open Fae.Spec.Generators

// Shapes

/// Height → width → shape → mask, hard-edged, as one plane.
type Masks = int -> int -> Shape -> Image

let white shape = [ { Shape = shape; Softness = 0.0f; Fill = Plain [| 1.0f |]; Opacity = 1.0f } ]

let masksOf (render: RenderLaws.Renderer) : Masks =
    fun height width shape -> (render [||] (Image.constant 1 height width 0.0f) (white shape)).Mask

let plainMask, kernelMask = masksOf RenderLaws.plain, masksOf RenderLaws.kernel

let middle = Pose.at 0.5f 0.5f 0.0f
let mean (image: Image) = Array.averageBy float image.Pixels

let maskLaws: Law<Masks> list =
    [
        Law.forAll "the sets of a grid's cells share out the picture: their masks add up to one" (fun masks (key: uint64) ->
            let sets = 3
            let count = 4 <<< int (key % 3UL)

            let all = [ for which in 0 .. sets - 1 -> masks 48 48 (Cells(middle, count, sets, which, key)) ]

            Near.images 1e-4f (List.reduce (Image.map2 (+)) all) (Image.constant 1 48 48 1.0f))
        Law.forAll "cells of whole pixels are in or out, and cells are squares" (fun masks (key: uint64) ->
            let mask = masks 48 64 (Cells(middle, 6, 3, 1, key))

            // 48 pixels of height and six cells: eight pixels each, from the picture's middle on.
            Seq.forall
                (fun i ->
                    let y, x = i / 64, i % 64
                    let corner = mask[0, y / 8 * 8, x / 8 * 8]

                    abs (mask[0, y, x] - corner) < 1e-4f && (corner < 1e-4f || corner > 1.0f - 1e-4f))
                (seq { 0 .. mask.Area - 1 }))
        Law.once "a set has its share of the cells" (fun masks ->
            let share sets = Seq.averageBy (fun key -> mean (masks 64 64 (Cells(middle, 16, sets, 0, key)))) [ 1UL .. 20UL ]
            abs (share 3 - 1.0 / 3.0) < 0.02 && abs (share 4 - 0.25) < 0.02)
        Law.forAll "a box covers the area of its sides, whichever way it is turned" (fun masks (angle: byte) ->
            let box = Box(Pose.at 0.5f 0.5f (float32 angle / 40.0f), 0.25f, 0.1f)
            abs (mean (masks 64 64 box) - 0.1) < 0.004)
        Law.forAll "a cloud is where its noise is above its level" (fun masks (key: uint64) ->
            let mask = masks 64 64 (Cloud(middle, 0.25f, 0.55f, key))

            let level y x = Lattice.noise key (((float32 x + 0.5f) / 64.0f - 0.5f) / 0.25f) (((float32 y + 0.5f) / 64.0f - 0.5f) / 0.25f)

            Seq.forall
                (fun i ->
                    let y, x = i / 64, i % 64
                    let above = level y x - 0.55f
                    abs above < 1e-3f || (above > 0.0f) = (mask[0, y, x] >= 0.5f))
                (seq { 0 .. mask.Area - 1 }))
    ]

let reshaped f : Masks = fun height width shape -> plainMask height width (f shape)

let maskMutants: (string * string * Masks) list =
    [
        "neighbouring sets overlap",
        "the sets of a grid's cells share out the picture: their masks add up to one",
        (fun height width shape ->
            match shape with
            | Cells(border, count, sets, which, key) ->
                Image.map2
                    max
                    (plainMask height width shape)
                    (plainMask height width (Cells(border, count, sets, (which + 1) % sets, key)))
            | other -> plainMask height width other)
        "cells lie half a cell aside",
        "cells of whole pixels are in or out, and cells are squares",
        reshaped (function
            | Cells(border, count, sets, which, key) -> Cells({ border with X = border.X + 0.5f / float32 count }, count, sets, which, key)
            | other -> other)
        "a set is the half of the cells",
        "a set has its share of the cells",
        reshaped (function
            | Cells(border, count, _, which, key) -> Cells(border, count, 2, min which 1, key)
            | other -> other)
        "a box's sides are whole, not half",
        "a box covers the area of its sides, whichever way it is turned",
        reshaped (function
            | Box(border, halfX, halfY) -> Box(border, 0.5f * halfX, 0.5f * halfY)
            | other -> other)
        "a cloud's level is a tenth higher",
        "a cloud is where its noise is above its level",
        reshaped (function
            | Cloud(border, scale, level, key) -> Cloud(border, scale, level + 0.1f, key)
            | other -> other)
    ]

// Models

type Model = CorruptionSettings -> Palette -> int -> Sampler<Plan>

let draw (model: Model) family change count =
    let settings = change { Corruption.defaults with Family = family; CleanChance = 0.0f }

    let plans = model settings palette bank.Length

    [ for i in 1..count -> Sampler.value (Random.fork (uint64 i) (Random.ofSeed 77UL)) plans ]

let everyOcclusion holds (plans: Plan list) =
    plans
    |> List.forall (function
        | [ occlusion ] -> holds occlusion
        | _ -> false)

let covered plan = mean (Plan.render bank (speckled 5UL 3 64 64) plan).Mask

let modelLaws: Law<Model> list =
    [
        Law.once "RIAD removes one set of the cells of grids of every size from fewest to most" (fun model ->
            let plans = draw model Family.Cells (fun s -> { s with CellsMin = 8; CellsMax = 32; CellSets = 4 }) 300

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
            let paper = Corruption.model { Corruption.defaults with CleanChance = 0.0f } palette bank.Length

            draw model Family.Occlusions id 50 = [ for i in 1..50 -> Sampler.value (Random.fork (uint64 i) (Random.ofSeed 77UL)) paper ])
    ]

let changingSettings f : Model = fun settings palette bank -> Corruption.plans (f settings) palette bank
let changingOcclusions f : Model = fun settings palette bank -> Corruption.plans settings palette bank |> Sampler.map (List.map f)

let modelMutants: (string * string * Model) list =
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
                    | Patch(border, _, zoom, gain, bias) -> Patch(border, 0, zoom, gain, bias)
                    | other -> other
            })
        "clouds are opaque",
        "DRAEM lays clouds of more or less transparent textures, never over the whole picture",
        changingOcclusions (fun o -> { o with Opacity = 1.0f })
        "no picture stays clean", "a picture stays clean with the odds asked for", changingSettings (fun s -> { s with CleanChance = 0.0f })
        "one occlusion more", "the paper's family is the paper's model", changingSettings (fun s -> { s with MaxCount = s.MaxCount + 1 })
    ]

// Measures
