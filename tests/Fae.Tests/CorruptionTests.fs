module Fae.Tests.CorruptionTests

open Expecto
open Fae.Core
open Fae.Tests.Generators

let private palette =
    {
        Mean = [| 0.5f; 0.4f; 0.3f |]
        Deviation = [| 0.1f; 0.1f; 0.1f |]
        Colours = [| [| 0.9f; 0.1f; 0.2f |]; [| 0.3f; 0.3f; 0.3f |] |]
    }

let private model = Corruption.model Corruption.defaults palette 2

let private clean height width =
    let key = 5UL
    Image.init 3 height width (fun c y x -> Random.toUnit (Random.hash key (uint64 ((c * height + y) * width + x))))

let private bank = [| clean 40 56; clean 64 64 |]
let private planOf seed = Sampler.value (Random.ofSeed seed) model

let private busy =
    Sampler.value
        (Random.ofSeed 1UL)
        (Corruption.model
            { Corruption.defaults with
                MaxCount = 8
            }
            palette
            2)

/// The largest radius of a disc inside a shape's mask, in pixels (brute force on a small image).
let private inscribed (shape: Shape) =
    let size = 64
    let mask = Shape.render size size 0.0f shape
    let inside = Array2D.create size size false

    for row in 0 .. mask.Rows - 1 do
        for column in 0 .. mask.Columns - 1 do
            inside[mask.Top + row, mask.Left + column] <- mask.Values[row * mask.Columns + column] >= 0.5f

    let outside =
        [
            for y in 0 .. size - 1 do
                for x in 0 .. size - 1 do
                    if not inside[y, x] then
                        y, x
        ]

    [
        for y in 0 .. size - 1 do
            for x in 0 .. size - 1 do
                if inside[y, x] then
                    outside
                    |> List.map (fun (v, u) -> sqrt (float ((v - y) * (v - y) + (u - x) * (u - x))))
                    |> List.min
    ]
    |> fun radii -> if List.isEmpty radii then 0.0 else List.max radii

let tests =
    testList
        "Corruption"
        [
            law "masks and corrupted values stay in [0, 1]" (fun seed ->
                let rendered = Plan.render bank (clean 48 40) (planOf seed)
                let inRange (image: Image) = image.Pixels |> Array.forall (fun v -> v >= 0.0f && v <= 1.0f)
                inRange rendered.Mask && inRange rendered.Image)

            law "outside the mask every pixel is bit-identical to the clean image" (fun seed ->
                let image = clean 48 40
                let rendered = Plan.render bank image (planOf seed)

                Seq.forall
                    (fun i ->
                        rendered.Mask.Pixels[i] > 0.0f
                        || Seq.forall (fun c -> rendered.Image.Pixels[c * image.Area + i] = image.Pixels[c * image.Area + i]) [ 0..2 ])
                    (seq { 0 .. image.Area - 1 }))

            law "plans survive serialisation, bit for bit" (fun seed ->
                let plan = planOf seed
                PlanText.read (PlanText.write plan) = Ok plan)

            test "what is no plan is refused in words, wherever a plan is cut or bent" {
                let text = PlanText.write busy

                let refused (text: string) =
                    match PlanText.read text with
                    | Ok read -> read <> busy
                    | Error reason -> reason <> ""

                for at in 0..7 .. text.Length - 1 do
                    Expect.isTrue (refused (text.Substring(0, at))) $"cut at {at}"
                    Expect.isTrue (refused (text.Remove(at, 1).Insert(at, "?"))) $"bent at {at}"

                for text in [ ""; "null"; "{}"; "[null]"; "[1]"; "[{}]"; "[[]]" ] do
                    Expect.isError (PlanText.read text) text
            }

            test "the empty plan is the identity" {
                let image = clean 17 9
                let rendered = Plan.render bank image Plan.empty
                Expect.equal rendered.Image image "image"
                Expect.isTrue (Array.forall ((=) 0.0f) rendered.Mask.Pixels) "mask"
            }

            law "at opacity one inside the hard mask the pixel is the fill" (fun (seed: uint64) ->
                let image = clean 48 48
                let shape = Sampler.value (Random.ofSeed seed) (Shape.ellipse 0.1f 0.3f 0.5f)
                let colour = [| 0.2f; 0.9f; 0.4f |]

                let rendered =
                    Plan.render
                        bank
                        image
                        [
                            {
                                Shape = shape
                                Softness = 0.0f
                                Fill = Plain colour
                                Opacity = 1.0f
                            }
                        ]

                Seq.forall
                    (fun i ->
                        rendered.Mask.Pixels[i] < 1.0f
                        || Seq.forall (fun c -> rendered.Image.Pixels[c * image.Area + i] = colour[c]) [ 0..2 ])
                    (seq { 0 .. image.Area - 1 }))

            law "in between, x~ = (1 − αm)x + αm·t" (fun (seed: uint64) ->
                let image = clean 48 48
                let shape = Sampler.value (Random.ofSeed seed) (Shape.curve 0.2f 0.8f 0.05f 0.2f)
                let alpha, t = 0.6f, 0.25f

                let rendered =
                    Plan.render
                        bank
                        image
                        [
                            {
                                Shape = shape
                                Softness = 0.1f
                                Fill = Plain [| t; t; t |]
                                Opacity = alpha
                            }
                        ]

                // With α ≥ ½ the mask is α·m by its definition.
                Seq.forall
                    (fun i ->
                        let weight = rendered.Mask.Pixels[i]
                        abs (rendered.Image.Pixels[i] - ((1.0f - weight) * image.Pixels[i] + weight * t)) < 1e-6f)
                    (seq { 0 .. image.Area - 1 }))

            law "flips commute with rendering" (fun seed ->
                let image = clean 32 45
                let plan = planOf seed
                let first = Plan.render bank (Image.flip image) (Plan.flip plan)
                let last = Plan.render bank image plan
                // Shapes and smooth fills agree to rounding; patches take the nearest pixel, so single pixels may differ.
                distance first.Mask (Image.flip last.Mask) < 0.02f)

            law "quarter turns commute with rendering" (fun seed ->
                let image = clean 32 45
                let plan = planOf seed
                let first = Plan.render bank (Image.turn image) (Plan.turn plan)
                let last = Plan.render bank image plan
                distance first.Mask (Image.turn last.Mask) < 0.02f)

            test "a turned plan paints the turned colours" {
                let image = clean 40 40
                let first = Plan.render bank (Image.turn image) (Plan.turn busy)
                let last = Plan.render bank image busy

                let different =
                    Array.fold2 (fun n a b -> if abs (a - b) > 0.02f then n + 1 else n) 0 first.Image.Pixels (Image.turn last.Image).Pixels

                Expect.isLessThan different (image.Pixels.Length / 100) "values that differ"
            }

            test "a plan rendered at twice the size covers the same fraction" {
                for seed in 1UL .. 40UL do
                    let cover size =
                        let mask = (Plan.render bank (clean size size) (planOf seed)).Mask
                        mask.Pixels |> Array.averageBy float

                    Expect.isLessThan (abs (cover 128 - cover 256)) 0.01 $"plan {seed}"
            }

            test "an elastic field of zero amplitude is the identity" {
                let waves = Sampler.value (Random.ofSeed 2UL) (Elastic.field 4 0.0f 3.0f)
                Expect.equal (Elastic.displace waves 0.3f -0.2f) (struct (0.3f, -0.2f)) "point"
            }

            test "corruption is partial: never the whole image" {
                for seed in 1UL .. 200UL do
                    let mask = (Plan.render bank (clean 64 64) (planOf seed)).Mask
                    let touched = mask.Pixels |> Array.averageBy (fun m -> if m > 0.0f then 1.0 else 0.0)
                    Expect.isLessThan touched 0.9 $"plan {seed}"
            }

            test "thin and bulky shapes both occur" {
                let plans =
                    Sampler.value
                        (Random.ofSeed 11UL)
                        (Sampler.list
                            30
                            (Corruption.model
                                { Corruption.defaults with
                                    CleanChance = 0.0f
                                }
                                palette
                                2))

                let radii = plans |> List.concat |> List.map (fun o -> inscribed o.Shape)
                let some p = radii |> List.filter p |> List.length
                Expect.isGreaterThan (some (fun r -> r > 0.0 && r < 2.0)) 5 "thin"
                Expect.isGreaterThan (some (fun r -> r > 5.0)) 3 "bulky"
            }

            test "opaque and transparent both occur with the configured odds" {
                let settings =
                    { Corruption.defaults with
                        OpaqueChance = 0.7f
                        CleanChance = 0.0f
                    }

                let plans = Sampler.value (Random.ofSeed 12UL) (Sampler.list 1000 (Corruption.model settings palette 2))
                let all = List.concat plans
                let opaque = all |> List.averageBy (fun o -> if o.Opacity = 1.0f then 1.0 else 0.0)
                Expect.isLessThan (abs (opaque - 0.7)) 0.04 "share of opaque occlusions"
            }

            law "the same noise on both: (x~ + ε) − (x + ε) = x~ − x" (fun (Pair(a, b)) ->
                let noise = Noise.field 3UL 0.1f 1 a.Height a.Width
                let struct (na, nb) = Noise.add noise a b
                distance (Image.map2 (-) na nb) (Image.map2 (-) a b) < 1e-6f)
        ]
