/// Corruption: plans on pixels (the renderer), and the distribution of plans (the model; Remarks 1–4 of the paper).
module Fae.Spec.CorruptionLaws

open System
open Fae.Core
open Fae.Kernels
open Fae.Spec.Generators

/// bank → clean → plan → (x̃, M)
type Renderer = Image[] -> Image -> Plan -> Corrupted

let private everyPixel (image: Image) holds = Seq.forall holds (seq { 0 .. image.Area - 1 })
let private everyChannel holds = Seq.forall holds [ 0..2 ]

/// One occlusion of a shape drawn by a seed, on a 48×48 picture.
let private one (render: Renderer) shapes (seed: uint64) softness fill opacity =
    let image = speckled 5UL 3 48 48
    let shape = Sampler.value (Random.ofSeed seed) shapes

    image,
    render
        bank
        image
        [
            {
                Shape = shape
                Softness = softness
                Fill = fill
                Opacity = opacity
            }
        ]

let private bulky = Shape.ellipse 0.1f 0.3f 0.5f
let private thin = Shape.curve 0.2f 0.8f 0.05f 0.2f

/// The share of values that differ: patches take the nearest pixel, so that roundings move single pixels.
let private different (a: Image) (b: Image) =
    Array.fold2 (fun n x y -> if abs (x - y) > 1e-3f then n + 1.0 else n) 0.0 a.Pixels b.Pixels
    / float a.Pixels.Length

/// Fills that do not look at the picture under them.
let private blind (plan: Plan) =
    plan
    |> List.filter (fun occlusion ->
        match occlusion.Fill with
        | Plain _
        | Texture _ -> true
        | Patch(_, source, _, _, _) -> source >= 0
        | Shade _ -> false)

let private renderLaws: Law<Renderer> list =
    [
        Law.forAll "masks lie in [0, 1]" (fun render (Scene(image, plan)) ->
            Array.forall (fun v -> v >= 0.0f && v <= 1.0f) (render bank image plan).Mask.Pixels)
        Law.forAll "values stay in [0, 1]" (fun render (Scene(image, plan)) ->
            Array.forall (fun v -> v >= 0.0f && v <= 1.0f) (render bank image plan).Image.Pixels)
        Law.forAll "outside the mask every pixel is bit-identical to the clean image" (fun render (Scene(image, plan)) ->
            let rendered = render bank image plan

            everyPixel image (fun i ->
                rendered.Mask.Pixels[i] > 0.0f
                || everyChannel (fun c ->
                    let at = c * image.Area + i
                    BitConverter.SingleToInt32Bits rendered.Image.Pixels[at] = BitConverter.SingleToInt32Bits image.Pixels[at])))
        Law.forAll "the empty plan is the identity" (fun render (Scene(image, _)) ->
            let rendered = render bank image Plan.empty
            rendered.Image = image && Array.forall ((=) 0.0f) rendered.Mask.Pixels)
        Law.forAll "at opacity one inside the hard mask the pixel is the fill" (fun render (seed: uint64) ->
            let colour = [| 0.2f; 0.9f; 0.4f |]
            let image, rendered = one render bulky seed 0.0f (Plain colour) 1.0f

            everyPixel image (fun i ->
                rendered.Mask.Pixels[i] < 1.0f
                || everyChannel (fun c -> rendered.Image.Pixels[c * image.Area + i] = colour[c])))
        Law.forAll "in between x̃ = (1 − αm)·x + αm·t" (fun render (seed: uint64) ->
            let image, rendered = one render thin seed 0.1f (Plain [| 0.25f; 0.25f; 0.25f |]) 0.6f

            // With α ≥ ½ the mask is αm by its definition.
            everyPixel image (fun i ->
                let weight = rendered.Mask.Pixels[i]

                everyChannel (fun c ->
                    let at = c * image.Area + i

                    abs (
                        rendered.Image.Pixels[at]
                        - ((1.0f - weight) * image.Pixels[at] + weight * 0.25f)
                    )
                        <
                        1e-6f)))
        Law.forAll "a faint stain counts as touched: below α = ½ the mask is m/2" (fun render (seed: uint64) ->
            let _, faint = one render bulky seed 0.05f (Plain [| 0.5f; 0.5f; 0.5f |]) 0.2f
            let _, half = one render bulky seed 0.05f (Plain [| 0.5f; 0.5f; 0.5f |]) 0.5f
            Near.images 1e-6f faint.Mask half.Mask)
        Law.forAll "later occlusions lie on earlier ones" (fun render (Scene(image, plan)) ->
            let early, late = plan |> blind |> List.splitAt ((blind plan).Length / 2)
            let atOnce = render bank image (early @ late)
            different atOnce.Image (render bank (render bank image early).Image late).Image = 0.0)
        Law.forAll "flips commute with rendering" (fun render (Scene(image, plan)) ->
            let first, last = render bank (Image.flip image) (Plan.flip plan), render bank image plan
            Near.images 0.02f first.Mask (Image.flip last.Mask))
        Law.forAll "quarter turns commute with rendering" (fun render (Scene(image, plan)) ->
            let first, last = render bank (Image.turn image) (Plan.turn plan), render bank image plan
            Near.images 0.02f first.Mask (Image.turn last.Mask))
        Law.once "a turned plan paints the turned colours" (fun render ->
            let image = speckled 5UL 3 40 40

            Seq.forall
                (fun seed ->
                    let plan = Sampler.value (Random.ofSeed seed) model
                    different (render bank (Image.turn image) (Plan.turn plan)).Image (Image.turn (render bank image plan).Image) < 0.02)
                [ 1UL .. 40UL ])
        Law.once "a plan rendered at twice the size covers the same fraction" (fun render ->
            let cover plan size =
                (render bank (speckled 5UL 3 size size) plan).Mask.Pixels
                |> Array.averageBy float

            Seq.forall
                (fun seed ->
                    let plan = Sampler.value (Random.ofSeed seed) model
                    abs (cover plan 128 - cover plan 256) < 0.01)
                [ 1UL .. 40UL ])
        Law.forAll "a soft edge rises over its width, half inside and half outside" (fun render (seed: uint64) ->
            // A disc of radius 0.3 whose edge is 0.2 sides wide: half covered at the radius, not at all beyond 0.4, whole below 0.2.
            let disc = Ellipse(Frame.at 0.5f 0.5f (float32 (seed % 7UL)), 0.3f, 0.3f, [||])
            let image, rendered = one render (Sampler.constant disc) seed 0.2f (Plain [| 1.0f |]) 1.0f

            everyPixel image (fun i ->
                let dx, dy = (float32 (i % 48) + 0.5f) / 48.0f - 0.5f, (float32 (i / 48) + 0.5f) / 48.0f - 0.5f
                let expected = max 0.0f (min 1.0f (0.5f + (0.3f - sqrt (dx * dx + dy * dy)) / 0.2f))
                abs (rendered.Mask.Pixels[i] - expected) < 1e-3f))
        Law.forAll "an elastic field of zero amplitude is the identity" (fun render (seed: uint64) ->
            let waves = Sampler.value (Random.ofSeed seed) (Elastic.field 4 0.0f 3.0f)
            let ellipse waves = Sampler.constant (Ellipse(Frame.at 0.4f 0.6f 1.0f, 0.3f, 0.2f, waves))
            let rendered waves = (snd (one render (ellipse waves) seed 0.0f (Plain [| 0.5f |]) 1.0f)).Mask
            rendered waves = rendered [||])
        Law.forAll "a shade is the part's own surface: t = gain·x + bias" (fun render (seed: uint64) ->
            let image, rendered = one render bulky seed 0.0f (Shade(0.5f, 0.1f)) 1.0f

            everyPixel image (fun i ->
                rendered.Mask.Pixels[i] < 1.0f
                || everyChannel (fun c ->
                    let at = c * image.Area + i
                    abs (rendered.Image.Pixels[at] - (0.5f * image.Pixels[at] + 0.1f)) < 1e-6f)))
        Law.forAll "equals the plain definition" (fun render (Scene(image, plan)) ->
            let fast, plain = render bank image plan, Plan.render bank image plan

            Near.images 1e-4f fast.Mask plain.Mask
            && different fast.Image plain.Image < 0.005)
    ]

let plain: Renderer = Plan.render

let kernel: Renderer =
    fun bank clean plan ->
        let corrupted, mask = Array.zeroCreate clean.Pixels.Length, Array.zeroCreate clean.Area
        CorruptionKernel.Render(bank, ReadOnlySpan clean.Pixels, clean.Height, clean.Width, plan, Span corrupted, Span mask)

        {
            Image = { clean with Pixels = corrupted }
            Mask = Image.ofArray 1 clean.Height clean.Width mask
        }

let private afterwards change : Renderer = fun bank clean plan -> change clean (plain bank clean plan)
let private beforehand change : Renderer = fun bank clean plan -> plain bank clean (change clean plan)

let private mapOcclusions f : Renderer = beforehand (fun _ plan -> List.map f plan)

let private mapShape f = mapOcclusions (fun o -> { o with Shape = f o.Shape })

let private renderMutants: (string * string * Renderer) list =
    [
        "masks of several occlusions are added",
        "masks lie in [0, 1]",
        (fun bank clean plan ->
            let masks = [ for o in plan -> (plain bank clean [ o ]).Mask ]

            { plain bank clean plan with
                Mask = List.fold (Image.map2 (+)) (Image.constant 1 clean.Height clean.Width 0.0f) masks
            })
        "a glare leaves the range",
        "values stay in [0, 1]",
        afterwards (fun clean rendered ->
            { rendered with
                Image = Image.map2 (fun x r -> if x <> r && r > 0.98f then r + 0.05f else r) clean rendered.Image
            })
        "every pixel is rounded to sixteen bits",
        "outside the mask every pixel is bit-identical to the clean image",
        afterwards (fun _ rendered ->
            { rendered with
                Image = Image.map (fun v -> round (v * 65535.0f) / 65535.0f) rendered.Image
            })
        "an empty plan still touches the middle",
        "the empty plan is the identity",
        beforehand (fun _ plan ->
            if plan.IsEmpty then
                [
                    {
                        Shape = Ellipse(Frame.at 0.5f 0.5f 0.0f, 0.6f, 0.6f, [||])
                        Softness = 0.0f
                        Fill = Plain [| 0.5f |]
                        Opacity = 0.5f
                    }
                ]
            else
                plan)
        "nothing is quite opaque",
        "at opacity one inside the hard mask the pixel is the fill",
        afterwards (fun clean rendered ->
            { rendered with
                Image = Image.map2 (fun x r -> 0.02f * x + 0.98f * r) clean rendered.Image
            })
        "the mask forgets the opacity",
        "in between x̃ = (1 − αm)·x + αm·t",
        (fun bank clean plan ->
            { plain bank clean plan with
                Mask = (plain bank clean (plan |> List.map (fun o -> { o with Opacity = 1.0f }))).Mask
            })
        "faint stains count by their opacity",
        "a faint stain counts as touched: below α = ½ the mask is m/2",
        (fun bank clean plan ->
            let masks =
                [
                    for o in plan ->
                        (plain bank clean [ { o with Opacity = 1.0f } ]).Mask
                        |> Image.map (fun m -> m * o.Opacity)
                ]

            { plain bank clean plan with
                Mask = List.fold (Image.map2 max) (Image.constant 1 clean.Height clean.Width 0.0f) masks
            })
        "the order is reversed", "later occlusions lie on earlier ones", beforehand (fun _ plan -> List.rev plan)
        "centres are rounded down to whole tenths",
        "flips commute with rendering",
        mapShape (
            Shape.mapFrame (fun frame ->
                { frame with
                    X = floor (10.0f * frame.X) / 10.0f
                })
        )
        "heights are taken for widths",
        "quarter turns commute with rendering",
        beforehand (fun clean plan ->
            plan
            |> List.map (fun o ->
                { o with
                    Shape =
                        Shape.mapFrame
                            (fun frame ->
                                { frame with
                                    Y = frame.Y * float32 clean.Width / float32 clean.Height
                                })
                            o.Shape
                }))
        "textures and patches do not turn with their frame",
        "a turned plan paints the turned colours",
        mapOcclusions (fun o ->
            { o with
                Fill = Fill.mapFrame (fun frame -> Frame.at frame.X frame.Y 0.0f) o.Fill
            })
        "sizes are in pixels of a 128-pixel image",
        "a plan rendered at twice the size covers the same fraction",
        beforehand (fun clean plan ->
            let scale = 128.0f / float32 (min clean.Height clean.Width)

            let smaller shape =
                match shape with
                | Ellipse(frame, rx, ry, waves) -> Ellipse(frame, scale * rx, scale * ry, waves)
                | Curve(frame, knots) -> Curve(frame, knots |> Array.map (fun k -> { k with Width = scale * k.Width }))
                | other -> other

            plan |> List.map (fun o -> { o with Shape = smaller o.Shape }))
        "the edge rises from the outline inwards",
        "a soft edge rises over its width, half inside and half outside",
        mapOcclusions (fun o ->
            { o with
                Shape =
                    match o.Shape with
                    | Ellipse(frame, rx, ry, waves) ->
                        Ellipse(frame, max 0.001f (rx - 0.5f * o.Softness), max 0.001f (ry - 0.5f * o.Softness), waves)
                    | curve -> curve
            })
        "waves push by at least a twentieth",
        "an elastic field of zero amplitude is the identity",
        mapShape (fun shape ->
            match shape with
            | Ellipse(frame, rx, ry, waves) ->
                Ellipse(
                    frame,
                    rx,
                    ry,
                    waves
                    |> Array.map (fun w ->
                        { w with
                            PushX = if abs w.PushX < 0.05f then 0.05f else w.PushX
                        })
                )
            | curve -> curve)
        "a shade's bias is forgotten",
        "a shade is the part's own surface: t = gain·x + bias",
        mapOcclusions (fun o ->
            { o with
                Fill =
                    match o.Fill with
                    | Shade(gain, _) -> Shade(gain, 0.0f)
                    | fill -> fill
            })
        "textures are twice as coarse",
        "equals the plain definition",
        mapOcclusions (fun o ->
            { o with
                Fill =
                    match o.Fill with
                    | Texture(frame, kind, scale, key, low, high) -> Texture(frame, kind, 2.0f * scale, key, low, high)
                    | fill -> fill
            })
    ]

/// settings → palette → pictures in the bank → plans
type private Model = CorruptionSettings -> Palette -> int -> Sampler<Plan>

let private draw (model: Model) settings count = Sampler.value (Random.ofSeed 11UL) (Sampler.list count (model settings palette 2))

let private always =
    { Corruption.defaults with
        CleanChance = 0.0f
    }

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
        Seq.allPairs [ 0 .. size - 1 ] [ 0 .. size - 1 ]
        |> List.ofSeq
        |> List.partition (fun (y, x) -> isInside y x)

    let room (y, x) =
        outside
        |> List.map (fun (v, u) -> sqrt (float ((v - y) * (v - y) + (u - x) * (u - x))))
        |> List.min

    if inside.IsEmpty then
        0.0
    else
        inside |> List.map room |> List.max

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

            let each =
                (1.0 - float Corruption.defaults.CleanChance)
                / float Corruption.defaults.MaxCount

            abs (share 0 - float Corruption.defaults.CleanChance) < 0.03
            && Seq.forall (fun n -> abs (share n - each) < 0.04) [ 1 .. Corruption.defaults.MaxCount ])
        Law.once "shape, fill and opacity are drawn independently" (fun model ->
            let all = draw model always 2000 |> List.concat

            let correlated p q =
                let share r = all |> List.averageBy (fun o -> if r o then 1.0 else 0.0)
                let a, b = share p, share q
                abs (share (fun o -> p o && q o) - a * b) / sqrt (a * (1.0 - a) * b * (1.0 - b)) > 4.0 / sqrt (float all.Length)

            let traits: (Occlusion -> bool) list =
                [
                    _.Shape.IsCurve
                    _.Fill.IsPatch
                    (fun o -> o.Opacity = 1.0f)
                    (fun o -> o.Softness = 0.0f)
                ]

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
        withSettings (fun s ->
            { s with
                RadiusMin = 10.0f * s.RadiusMin
                RadiusMax = 10.0f * s.RadiusMax
            })
        "every shape is an ellipse",
        "Remark 2, shape: thin and bulky both occur",
        withSettings (fun s ->
            { s with
                CurveChance = 0.0f
                RadiusMin = s.RadiusMax
            })
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
                    Corruption.model
                        { settings with
                            CleanChance = 0.0f
                            MaxCount = 1
                        }
                        palette
                        bank
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
                    | Patch(frame, source, zoom, gain, bias) -> Patch(frame, abs source, zoom, gain, bias)
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
