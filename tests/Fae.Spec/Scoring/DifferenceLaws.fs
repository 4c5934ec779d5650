/// D of equation (2): the maps between an image and its reconstruction.
module Fae.Spec.DifferenceLaws

open System
open System.IO
open Fae.Core
open Fae.Kernels
open Fae.Spec.Generators

type Differences = Measure -> Image -> Image -> Image

let private everyMeasure holds = List.forall holds Difference.all

/// SSIM maps of three pairs by scikit-image: pair, row, and the values of that row's columns from 5 on (references/ssim.py).
let private references =
    let path = Path.Combine(__SOURCE_DIRECTORY__, "references", "ssim.csv")
    let number (text: string) = Double.Parse(text, Globalization.CultureInfo.InvariantCulture)

    [
        for line in File.ReadAllLines path ->
            match List.ofArray (line.Split ',') with
            | pair :: row :: values -> pair, int row, List.map number values
            | _ -> failwith $"{path}: '{line}'"
    ]

let private referencePair name =
    let image f = Image.init 1 24 31 (fun _ y x -> float32 (f y x: float))

    match name with
    | "ramps" -> image (fun y x -> float ((7 * y + 13 * x) % 17) / 16.0), image (fun y x -> float ((5 * y + 3 * x) % 11) / 10.0)
    | "edge" -> image (fun _ x -> if x < 15 then 0.25 else 0.75), image (fun _ x -> if x < 17 then 0.25 else 0.75)
    | _ -> image (fun y x -> float (y * x % 7) / 8.0), image (fun y x -> 0.5 * float (y * x % 7) / 8.0 + 0.25)

let private laws: Law<Differences> list =
    [
        Law.forAll "D(x, x) = 0" (fun d (Grey x) -> everyMeasure (fun m -> Array.forall (fun v -> abs v < 2e-3f) (d m x x).Pixels))
        Law.forAll "D ≥ 0" (fun d (Pair(x, r)) -> everyMeasure (fun m -> Array.forall (fun v -> v >= 0.0f) (d m x r).Pixels))
        Law.forAll "symmetric: D(x, r) = D(r, x)" (fun d (Pair(x, r)) -> everyMeasure (fun m -> Near.images 1e-4f (d m x r) (d m r x)))
        Law.forAll "at most 1, SSIM at most 2" (fun d (Pair(x, r)) ->
            Seq.forall
                (fun (m, most) -> Array.forall (fun v -> v <= most + 1e-3f) (d m x r).Pixels)
                [ Mse, 1.0f; Relative, 1.0f; Ssim, 2.0f; Gms, 1.0f ])
        Law.forAll "a weighted sum is the sum of its parts" (fun d (Pair(x, r)) ->
            let parts = Image.map2 (fun a b -> 0.5f * a + 2.0f * b) (d Mse x r) (d Gms x r)
            Near.images 1e-4f (d (Weighted [ 0.5f, Mse; 2.0f, Gms ]) x r) parts)
        Law.forAll "a geometric mean is the exponential of the weighted logarithms of its parts" (fun d (Pair(x, r)) ->
            let logarithm v = log (max Difference.smallest v)
            let parts = Image.map2 (fun a b -> exp (0.3f * logarithm a + 0.7f * logarithm b)) (d Mse x r) (d Ssim x r)
            let mean = d (Geometric [ 0.3f, Mse; 0.7f, Ssim ]) x r
            Array.forall2 (fun a b -> abs (a - b) <= 1e-4f * b + 1e-7f) mean.Pixels parts.Pixels)
        Law.forAll "a smoothed measure is the mean filter of its map" (fun d (Pair(x, r)) ->
            Near.images 1e-4f (d (Smoothed(5, 2, Ssim)) x r) (MeanFilter.apply 5 2 (d Ssim x r)))
        Law.forAll "a colour image's map is the mean of its planes' maps" (fun d (Coloured(x, r)) ->
            let planes m = List.init 3 (fun c -> d m (Image.plane c x) (Image.plane c r))

            Seq.forall
                (fun m ->
                    let mean = planes m |> List.reduce (Image.map2 (+)) |> Image.map (fun v -> v / 3.0f)
                    Near.images 1e-3f (d m x r) mean)
                [ Mse; Relative; Ssim ])
        Law.forAll "commutes with flips and quarter turns" (fun d (Pair(x, r)) ->
            everyMeasure (fun m ->
                Near.images 2e-3f (d m (Image.flip x) (Image.flip r)) (Image.flip (d m x r))
                && Near.images 2e-3f (d m (Image.turn x) (Image.turn r)) (Image.turn (d m x r))))
        Law.once "SSIM equals scikit-image's" (fun d ->
            let maps = [ for name in [ "ramps"; "edge"; "contrast" ] -> name, referencePair name ||> d Ssim ] |> Map.ofList

            references.Length = 42
            && references
               |> List.forall (fun (name, row, values) ->
                   values
                   |> List.indexed
                   |> List.forall (fun (i, expected) -> abs (float (Map.find name maps).[0, row, i + 5] - (1.0 - expected)) < 2e-4)))
        Law.once "GMS sees a lost edge and is blind to brightness" (fun d ->
            let edge = Image.init 1 16 16 (fun _ _ x -> if x < 8 then 0.2f else 0.8f)
            let brighter = Image.map (fun v -> v + 0.1f) edge
            let most x r = Array.max (d Gms x r).Pixels
            most edge brighter < 1e-4f && most edge (Image.constant 1 16 16 0.5f) > 0.9f)
        Law.once "the relative difference is one of contrast: 0.1 on 0.1 is more than 0.1 on 0.8" (fun d ->
            let at x r = (d Relative (Image.constant 1 1 1 x) (Image.constant 1 1 1 r)).Pixels[0]

            abs (at 0.1f 0.2f - 0.1f / 0.35f) < 1e-5f && abs (at 0.8f 0.9f - 0.1f / 1.75f) < 1e-5f)
        Law.once "a picture that is worth several threads is compared like a small one" (fun d ->
            let drawn key = Noise.field key 0.2f 3 211 190 |> Image.map (fun v -> max 0.0f (min 1.0f (v + 0.5f)))

            let x, r = drawn 7UL, drawn 8UL
            everyMeasure (fun m -> Near.images 1e-3f (d m x r) (Difference.map m x r)))
        Law.forAll "equals the plain definition" (fun d (Pair(x, r)) ->
            everyMeasure (fun m -> Near.images 1e-3f (d m x r) (Difference.map m x r)))
    ]

let plain: Differences = Difference.map

let kernel: Differences =
    fun measure x r ->
        let map = Array.zeroCreate x.Area
        DifferenceKernel.Map(measure, ReadOnlyMemory x.Pixels, ReadOnlyMemory r.Pixels, Memory map, x.Channels, x.Height, x.Width)
        Image.ofArray 1 x.Height x.Width map

let onDevice (device: Emulated.Device) : Differences = fun measure x r -> device.On _.Map(measure, x, r)

/// SSIM with other constants, window and channels, for mutants.
let private ssimWith c1 c2 window x r =
    let mean = MeanFilter.once window
    let product = Image.map2 (*)
    let mx, mr = mean x, mean r
    let covariance a b ma mb = Image.map2 (-) (mean (product a b)) (product ma mb)
    let vx, vr, cxr = covariance x x mx mx, covariance r r mr mr, covariance x r mx mr

    Image.init x.Channels x.Height x.Width (fun c y x ->
        let a, b = mx[c, y, x], mr[c, y, x]

        let index = (2.0f * a * b + c1) * (2.0f * cxr[c, y, x] + c2) / ((a * a + b * b + c1) * (vx[c, y, x] + vr[c, y, x] + c2))

        max 0.0f (1.0f - index))
    |> Image.meanPlane

let private replacing measure (f: Image -> Image -> Image) : Differences = fun m x r -> if m = measure then f x r else plain m x r

let private mutants: (string * string * Differences) list =
    [
        "the last rows of a large picture are left out",
        "a picture that is worth several threads is compared like a small one",
        (fun measure x r ->
            let map = Difference.map measure x r

            if map.Height < 100 then
                map
            else
                Image.init 1 map.Height map.Width (fun _ y x -> if y < map.Height / 16 * 16 then map[0, y, x] else 0.0f))
        "the residual is taken before its square: x² − r² + 0.01",
        "D(x, x) = 0",
        replacing Mse (fun x r -> Image.map2 (fun a b -> abs (a * a - b * b) + 0.01f) x r |> Image.meanPlane)
        "the residual is not squared", "D ≥ 0", replacing Mse (fun x r -> Image.map2 (-) x r |> Image.meanPlane)
        "relative to the image alone",
        "symmetric: D(x, r) = D(r, x)",
        replacing Relative (fun x r -> Image.map2 (fun a b -> abs (a - b) / (2.0f * abs a + 0.05f)) x r |> Image.meanPlane)
        "relative without its floor, doubled",
        "at most 1, SSIM at most 2",
        replacing Relative (fun x r ->
            Image.map2 (fun a b -> if a = b then 0.0f else 2.0f * abs (a - b) / (abs a + abs b)) x r |> Image.meanPlane)
        "weights are ignored",
        "a weighted sum is the sum of its parts",
        (fun m x r ->
            match m with
            | Weighted terms -> plain (Weighted [ for _, term in terms -> 1.0f, term ]) x r
            | m -> plain m x r)
        "the arithmetic mean instead of the geometric one",
        "a geometric mean is the exponential of the weighted logarithms of its parts",
        (fun m x r ->
            match m with
            | Geometric terms -> plain (Weighted terms) x r
            | m -> plain m x r)
        "smoothed once, whatever was asked for",
        "a smoothed measure is the mean filter of its map",
        (fun m x r ->
            match m with
            | Smoothed(size, _, measure) -> plain (Smoothed(size, 1, measure)) x r
            | m -> plain m x r)
        "only the first plane is looked at",
        "a colour image's map is the mean of its planes' maps",
        (fun m x r -> plain m (Image.plane 0 x) (Image.plane 0 r))
        "Prewitt across the rows alone",
        "commutes with flips and quarter turns",
        replacing Gms (fun x r ->
            let gradient (image: Image) =
                let at y x = image[0, max 0 (min (image.Height - 1) y), max 0 (min (image.Width - 1) x)]

                Image.init 1 image.Height image.Width (fun _ y x ->
                    (Seq.sumBy (fun d -> at (y + d) (x + 1) - at (y + d) (x - 1)) [ -1; 0; 1 ] |> abs) / 3.0f)

            let c = Difference.gmsConstant

            Image.map2
                (fun a b -> max 0.0f (1.0f - (2.0f * a * b + c) / (a * a + b * b + c)))
                (gradient (Image.meanPlane x))
                (gradient (Image.meanPlane r)))
        "SSIM's constants are swapped",
        "SSIM equals scikit-image's",
        replacing Ssim (ssimWith Difference.ssimC2 Difference.ssimC1 Difference.ssimWindow)
        "SSIM's window is 9×9", "SSIM equals scikit-image's", replacing Ssim (ssimWith Difference.ssimC1 Difference.ssimC2 9)
        "GMS of the values instead of their gradients",
        "GMS sees a lost edge and is blind to brightness",
        replacing Gms (fun x r ->
            Image.map2
                (fun a b -> max 0.0f (1.0f - (2.0f * a * b + 0.0026f) / (a * a + b * b + 0.0026f)))
                (Image.meanPlane x)
                (Image.meanPlane r))
        "the relative floor is 0.5",
        "the relative difference is one of contrast: 0.1 on 0.1 is more than 0.1 on 0.8",
        replacing Relative (fun x r -> Image.map2 (fun a b -> abs (a - b) / (abs a + abs b + 0.5f)) x r |> Image.meanPlane)
        "GMS's constant is ten times too large",
        "equals the plain definition",
        replacing Gms (fun x r ->
            Image.map2
                (fun a b -> max 0.0f (1.0f - (2.0f * a * b + 0.026f) / (a * a + b * b + 0.026f)))
                (Difference.gradient x)
                (Difference.gradient r))
    ]

let suite =
    Suite.create
        "Differences"
        "The maps D of equation (2): squared error, relative error, 1 − SSIM, 1 − GMS, weighted sums and geometric means."
        laws
        [ "plain", plain; "kernel", kernel ]
        mutants
    |> Suite.withEmulated laws (Emulated.each onDevice)
