/// Corruption: plans on pixels (the renderer), and the distribution of plans (the model; Remarks 1–4 of the paper).
module Fae.Spec.CorruptionLaws

open Fae.Core
open Fae.Spec.Generators
open Fae.Spec.RenderLaws

/// settings → palette → pictures in the bank → plans
type private Model = CorruptionSettings -> Palette -> int -> Sampler<Plan>

let private draw (model: Model) settings count = Sampler.value (Random.ofSeed 11UL) (Sampler.list count (model settings palette 2))

let private always = { Corruption.defaults with CleanChance = 0.0f }

/// The radius of the largest disc inside a shape's mask, in pixels of a 64×64 image, by its definition.
let private inscribed (shape: Shape) =
    let size = 64
    let mask = Shape.render size size 0.0f shape

    let isInside y x =
        y >= mask.Top
        && y < mask.Top + mask.Rows
        && x >= mask.Left
        && x < mask.Left + mask.Columns
        && mask.Values[(y - mask.Top) * mask.Columns + x - mask.Left] >= 0.5f

    let inside, outside =
        Seq.allPairs [ 0 .. size - 1 ] [ 0 .. size - 1 ] |> List.ofSeq |> List.partition (fun (y, x) -> isInside y x)

    let room (y, x) = outside |> List.map (fun (v, u) -> sqrt (float ((v - y) * (v - y) + (u - x) * (u - x)))) |> List.min

    if inside.IsEmpty then 0.0 else inside |> List.map room |> List.max

let private shareOf (plans: Plan list) p = plans |> List.concat |> List.averageBy (fun o -> if p o then 1.0 else 0.0)

let private modelLaws: Law<Model> list =
    [
        Law.once "Remark 1, partial: something is touched, never the whole image" (fun model ->
            draw model always 200
            |> List.forall (fun plan ->
                let mask = (Plan.render bank (speckled 5UL 3 64 64) plan).Mask
                let touched = mask.Pixels |> Array.averageBy (fun m -> if m > 0.0f then 1.0 else 0.0)
                not plan.IsEmpty && touched < 0.9))
        Law.once "Remark 2, shape: thin and bulky both occur" (fun model ->
            let radii = draw model always 30 |> List.concat |> List.map (fun o -> inscribed o.Shape)
            let some p = radii |> List.filter p |> List.length
            some (fun r -> r > 0.0 && r < 2.0) > 5 && some (fun r -> r > 5.0) > 3)
        Law.once "Remark 3, fill: patches, textures, colours and shades with the configured odds" (fun model ->
            let plans = draw model always 1000

            let near odds p = abs (shareOf plans p - float odds) < 0.04

            near always.PlainWeight _.Fill.IsPlain
            && near always.TextureWeight _.Fill.IsTexture
            && near always.PatchWeight _.Fill.IsPatch
            && near always.ShadeWeight _.Fill.IsShade)
        Law.once "Remark 4, opacity: opaque and transparent both occur with the configured odds" (fun model ->
            let plans = draw model { always with OpaqueChance = 0.7f } 1000

            abs (shareOf plans (fun o -> o.Opacity = 1.0f) - 0.7) < 0.04
            && shareOf plans (fun o -> o.Opacity < 0.5f) > 0.05
            && shareOf plans (fun o -> o.Opacity >= always.OpacityMin) = 1.0)
        Law.once "edges are hard with the configured odds, soft up to the widest" (fun model ->
            let plans = draw model always 1000

            abs (shareOf plans (fun o -> o.Softness = 0.0f) - float always.HardChance) < 0.04
            && shareOf plans (fun o -> o.Softness <= always.SoftnessMax) = 1.0)
        Law.once "counts: none with the odds of a clean image, else 1 to the largest, all alike" (fun model ->
            let counts = draw model Corruption.defaults 2000 |> List.map List.length
            let share n = counts |> List.averageBy (fun count -> if count = n then 1.0 else 0.0)

            let each = (1.0 - float Corruption.defaults.CleanChance) / float Corruption.defaults.MaxCount

            abs (share 0 - float Corruption.defaults.CleanChance) < 0.03
            && Seq.forall (fun n -> abs (share n - each) < 0.04) [ 1 .. Corruption.defaults.MaxCount ])
        Law.once "shape, fill and opacity are drawn independently" (fun model ->
            let all = draw model always 2000 |> List.concat

            let correlated p q =
                let share r = all |> List.averageBy (fun o -> if r o then 1.0 else 0.0)
                let a, b = share p, share q
                abs (share (fun o -> p o && q o) - a * b) / sqrt (a * (1.0 - a) * b * (1.0 - b)) > 4.0 / sqrt (float all.Length)

            let traits: (Occlusion -> bool) list =
                [ _.Shape.IsCurve; _.Fill.IsPatch; (fun o -> o.Opacity = 1.0f); (fun o -> o.Softness = 0.0f) ]

            List.indexed traits
            |> List.forall (fun (i, p) -> traits[i + 1 ..] |> List.forall (fun q -> not (correlated p q))))
        Law.once "patches come from every picture of the bank, and from the image itself" (fun model ->
            let sources =
                draw model always 300
                |> List.concat
                |> List.choose (fun o ->
                    match o.Fill with
                    | Patch(_, source, _, _, _) -> Some source
                    | _ -> None)

            List.sort (List.distinct sources) = [ -1; 0; 1 ])
    ]

let private changing f : Model = fun settings palette bank -> Corruption.model settings palette bank |> Sampler.map (List.map f)

let private withSettings f : Model = fun settings palette bank -> Corruption.model (f settings) palette bank

let private modelMutants: (string * string * Model) list =
    [
        "radii are ten times too large",
        "Remark 1, partial: something is touched, never the whole image",
        withSettings (fun s -> { s with RadiusMin = 10.0f * s.RadiusMin; RadiusMax = 10.0f * s.RadiusMax })
        "every shape is an ellipse",
        "Remark 2, shape: thin and bulky both occur",
        withSettings (fun s -> { s with CurveChance = 0.0f; RadiusMin = s.RadiusMax })
        "no textures",
        "Remark 3, fill: patches, textures, colours and shades with the configured odds",
        withSettings (fun s -> { s with TextureWeight = 0.0f })
        "everything is opaque",
        "Remark 4, opacity: opaque and transparent both occur with the configured odds",
        withSettings (fun s -> { s with OpaqueChance = 1.0f })
        "edges are twice as soft",
        "edges are hard with the configured odds, soft up to the widest",
        changing (fun o -> { o with Softness = 2.0f * o.Softness })
        "always the largest count",
        "counts: none with the odds of a clean image, else 1 to the largest, all alike",
        (fun settings palette bank ->
            Corruption.model { settings with MaxCount = 1 } palette bank
            |> Sampler.bind (function
                | [] -> Sampler.constant []
                | _ ->
                    Corruption.model { settings with CleanChance = 0.0f; MaxCount = 1 } palette bank
                    |> Sampler.list settings.MaxCount
                    |> Sampler.map List.concat))
        "curves are always opaque",
        "shape, fill and opacity are drawn independently",
        changing (fun o -> if o.Shape.IsCurve then { o with Opacity = 1.0f } else o)
        "patches never come from the image itself",
        "patches come from every picture of the bank, and from the image itself",
        changing (fun o ->
            { o with
                Fill =
                    match o.Fill with
                    | Patch(pose, source, zoom, gain, bias) -> Patch(pose, abs source, zoom, gain, bias)
                    | fill -> fill
            })
    ]

let suites =
    [
        Suite.create
            "Corruption: rendering"
            "A plan put on an image: x̃ and its mask M."
            renderLaws
            [ "plain", plain; "kernel", kernel ]
            renderMutants
        |> Suite.withEmulated renderLaws (Emulated.each Emulated.render)
        Suite.create
            "Corruption: the model"
            "The distribution of plans, along shape × fill × opacity; Remarks 1–4 of the paper."
            modelLaws
            [ "plain", Corruption.model ]
            modelMutants
    ]
