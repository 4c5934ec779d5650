/// Laws of rendering a plan: equation of the corruption, masks, and determinism.
module Fae.Spec.RenderLaws

open System
open Fae.Core
open Fae.Kernels
open Fae.Spec.Generators

/// bank → clean → plan → (x̃, M)
type Renderer = Image[] -> Image -> Plan -> Corrupted

let everyPixel (image: Image) holds = Seq.forall holds (seq { 0 .. image.Area - 1 })
let everyChannel holds = Seq.forall holds [ 0..2 ]

/// One occlusion of a shape drawn by a seed, on a 48×48 picture.
let one (render: Renderer) shapes (seed: uint64) softness fill opacity =
    let image = speckled 5UL 3 48 48
    let shape = Sampler.value (Random.ofSeed seed) shapes

    image, render bank image [ { Shape = shape; Softness = softness; Fill = fill; Opacity = opacity } ]

let bulky = Shape.ellipse 0.1f 0.3f 0.5f
let thin = Shape.curve 0.2f 0.8f 0.05f 0.2f

/// The share of values that differ: patches take the nearest pixel, so that roundings move single pixels.
let different (a: Image) (b: Image) =
    Array.fold2 (fun n x y -> if abs (x - y) > 1e-3f then n + 1.0 else n) 0.0 a.Pixels b.Pixels
    / float a.Pixels.Length

/// Fills that do not look at the picture under them.
let blind (plan: Plan) =
    plan
    |> List.filter (fun occlusion ->
        match occlusion.Fill with
        | Plain _
        | Texture _ -> true
        | Patch(_, source, _, _, _) -> source >= 0
        | Shade _ -> false)

let renderLaws: Law<Renderer> list =
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

                    abs (rendered.Image.Pixels[at] - ((1.0f - weight) * image.Pixels[at] + weight * 0.25f)) < 1e-6f)))
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
            let cover plan size = (render bank (speckled 5UL 3 size size) plan).Mask.Pixels |> Array.averageBy float

            Seq.forall
                (fun seed ->
                    let plan = Sampler.value (Random.ofSeed seed) model
                    abs (cover plan 128 - cover plan 256) < 0.01)
                [ 1UL .. 40UL ])
        Law.forAll "a soft edge rises over its width, half inside and half outside" (fun render (seed: uint64) ->
            // A disc of radius 0.3 whose edge is 0.2 sides wide: half covered at the radius, not at all beyond 0.4, whole below 0.2.
            let disc = Ellipse(Pose.at 0.5f 0.5f (float32 (seed % 7UL)), 0.3f, 0.3f, [||])
            let image, rendered = one render (Sampler.constant disc) seed 0.2f (Plain [| 1.0f |]) 1.0f

            everyPixel image (fun i ->
                let dx, dy = (float32 (i % 48) + 0.5f) / 48.0f - 0.5f, (float32 (i / 48) + 0.5f) / 48.0f - 0.5f
                let expected = max 0.0f (min 1.0f (0.5f + (0.3f - sqrt (dx * dx + dy * dy)) / 0.2f))
                abs (rendered.Mask.Pixels[i] - expected) < 1e-3f))
        Law.forAll "an elastic field of zero amplitude is the identity" (fun render (seed: uint64) ->
            let waves = Sampler.value (Random.ofSeed seed) (Elastic.field 4 0.0f 3.0f)
            let ellipse waves = Sampler.constant (Ellipse(Pose.at 0.4f 0.6f 1.0f, 0.3f, 0.2f, waves))
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

            Near.images 1e-4f fast.Mask plain.Mask && different fast.Image plain.Image < 0.005)
    ]

let plain: Renderer = Plan.render

let kernel: Renderer =
    fun bank clean plan ->
        let corrupted, mask = Array.zeroCreate clean.Pixels.Length, Array.zeroCreate clean.Area
        CorruptionKernel.Render(bank, ReadOnlySpan clean.Pixels, clean.Height, clean.Width, plan, Span corrupted, Span mask)

        { Image = { clean with Pixels = corrupted }; Mask = Image.ofArray 1 clean.Height clean.Width mask }

let afterwards change : Renderer = fun bank clean plan -> change clean (plain bank clean plan)
let beforehand change : Renderer = fun bank clean plan -> plain bank clean (change clean plan)

let mapOcclusions f : Renderer = beforehand (fun _ plan -> List.map f plan)

let mapShape f = mapOcclusions (fun o -> { o with Shape = f o.Shape })

let renderMutants: (string * string * Renderer) list =
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
        afterwards (fun _ rendered -> { rendered with Image = Image.map (fun v -> round (v * 65535.0f) / 65535.0f) rendered.Image })
        "an empty plan still touches the middle",
        "the empty plan is the identity",
        beforehand (fun _ plan ->
            if plan.IsEmpty then
                [
                    {
                        Shape = Ellipse(Pose.at 0.5f 0.5f 0.0f, 0.6f, 0.6f, [||])
                        Softness = 0.0f
                        Fill = Plain [| 0.5f |]
                        Opacity = 0.5f
                    }
                ]
            else
                plan)
        "nothing is quite opaque",
        "at opacity one inside the hard mask the pixel is the fill",
        afterwards (fun clean rendered -> { rendered with Image = Image.map2 (fun x r -> 0.02f * x + 0.98f * r) clean rendered.Image })
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
                    for o in plan -> (plain bank clean [ { o with Opacity = 1.0f } ]).Mask |> Image.map (fun m -> m * o.Opacity)
                ]

            { plain bank clean plan with
                Mask = List.fold (Image.map2 max) (Image.constant 1 clean.Height clean.Width 0.0f) masks
            })
        "the order is reversed", "later occlusions lie on earlier ones", beforehand (fun _ plan -> List.rev plan)
        "centres are rounded down to whole tenths",
        "flips commute with rendering",
        mapShape (Shape.mapPose (fun pose -> { pose with X = floor (10.0f * pose.X) / 10.0f }))
        "heights are taken for widths",
        "quarter turns commute with rendering",
        beforehand (fun clean plan ->
            plan
            |> List.map (fun o ->
                { o with
                    Shape = Shape.mapPose (fun pose -> { pose with Y = pose.Y * float32 clean.Width / float32 clean.Height }) o.Shape
                }))
        "textures and patches do not turn with their pose",
        "a turned plan paints the turned colours",
        mapOcclusions (fun o -> { o with Fill = Fill.mapPose (fun pose -> Pose.at pose.X pose.Y 0.0f) o.Fill })
        "sizes are in pixels of a 128-pixel image",
        "a plan rendered at twice the size covers the same fraction",
        beforehand (fun clean plan ->
            let scale = 128.0f / float32 (min clean.Height clean.Width)

            let smaller shape =
                match shape with
                | Ellipse(pose, rx, ry, waves) -> Ellipse(pose, scale * rx, scale * ry, waves)
                | Curve(pose, knots) -> Curve(pose, knots |> Array.map (fun k -> { k with Width = scale * k.Width }))
                | other -> other

            plan |> List.map (fun o -> { o with Shape = smaller o.Shape }))
        "the edge rises from the outline inwards",
        "a soft edge rises over its width, half inside and half outside",
        mapOcclusions (fun o ->
            { o with
                Shape =
                    match o.Shape with
                    | Ellipse(pose, rx, ry, waves) ->
                        Ellipse(pose, max 0.001f (rx - 0.5f * o.Softness), max 0.001f (ry - 0.5f * o.Softness), waves)
                    | curve -> curve
            })
        "waves push by at least a twentieth",
        "an elastic field of zero amplitude is the identity",
        mapShape (fun shape ->
            match shape with
            | Ellipse(pose, rx, ry, waves) ->
                Ellipse(pose, rx, ry, waves |> Array.map (fun w -> { w with PushX = if abs w.PushX < 0.05f then 0.05f else w.PushX }))
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
                    | Texture(pose, kind, scale, key, low, high) -> Texture(pose, kind, 2.0f * scale, key, low, high)
                    | fill -> fill
            })
    ]
