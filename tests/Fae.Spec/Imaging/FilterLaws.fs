/// G_k^n of equation (2): the mean over k×k pixels, cut at the border, applied n times.
module Fae.Spec.FilterLaws

open System
open Fae.Core
open Fae.Kernels
open Fae.Spec.Generators
open TorchSharp

/// size k → passes n → image → G_k^n of each plane.
type private Filter = int -> int -> Image -> Image

let private transpose (image: Image) = Image.init 1 image.Width image.Height (fun _ y x -> image[0, x, y])

/// 10 float roundings of the largest value.
let private near inputs a b = Near.relativeTo inputs 1e-6f a b

let private laws: Law<Filter> list =
    [
        Law.forAll "G_1 and n = 0 are the identity" (fun g (Wild image) -> g 1 3 image = image && g 5 0 image = image)
        Law.forAll "constants stay constant, borders included" (fun g (Wild image) ->
            let flat = Image.map (fun _ -> image.Pixels[0]) image
            near [ flat ] (g 5 2 flat) flat)
        Law.forAll "linear: G(2a − b/2) = 2·G(a) − G(b)/2" (fun g (Pair(a, b)) ->
            let mix = Image.map2 (fun x y -> 2.0f * x - 0.5f * y)
            Near.images 1e-5f (g 5 2 (mix a b)) (mix (g 5 2 a) (g 5 2 b)))
        Law.forAll "between the extremes of the k×k neighbourhood" (fun g (Wild image) ->
            let mean = g 5 1 image
            // As Near.relativeTo: numbers too small for a normal float may be zero.
            let slack = 1e-6f * (image.Pixels |> Array.fold (fun most v -> max most (abs v)) 0.0f) + 1e-38f

            let around y x =
                [
                    for v in max 0 (y - 2) .. min (image.Height - 1) (y + 2) do
                        for u in max 0 (x - 2) .. min (image.Width - 1) (x + 2) -> image[0, v, u]
                ]

            Seq.forall
                (fun (y, x) ->
                    let values = around y x

                    mean[0, y, x] >= List.min values - slack && mean[0, y, x] <= List.max values + slack)
                (Seq.allPairs (seq { 0 .. image.Height - 1 }) (seq { 0 .. image.Width - 1 })))
        Law.forAll "Gⁿ after Gᵐ is Gⁿ⁺ᵐ" (fun g (Wild image) -> near [ image ] (g 3 2 (g 3 1 image)) (g 3 3 image))
        Law.forAll "commutes with flips and quarter turns" (fun g (Wild image) ->
            near [ image ] (g 5 2 (Image.flip image)) (Image.flip (g 5 2 image))
            && near [ image ] (g 5 2 (Image.turn image)) (Image.turn (g 5 2 image)))
        Law.forAll "commutes with transposition" (fun g (Wild image) -> near [ image ] (g 5 1 (transpose image)) (transpose (g 5 1 image)))
        Law.forAll "separable: an image of one column times one row stays one" (fun g (Grey image) ->
            let column = Image.crop 0 0 image.Height 1 image
            let row = Image.crop 0 0 1 image.Width image
            let outer (column: Image) (row: Image) = Image.init 1 image.Height image.Width (fun _ y x -> column[0, y, 0] * row[0, 0, x])
            Near.images 1e-5f (g 7 1 (outer column row)) (outer (g 7 1 column) (g 7 1 row)))
        Law.forAll "what the window has left leaves no trace" (fun g (Grey image, exponent: int) ->
            // A column of huge values at the left: beyond the window's reach nothing of it is seen.
            let spoilt =
                Image.init 1 image.Height (image.Width + 4) (fun _ y x ->
                    if x = 0 then 10.0f ** float32 (abs (exponent % 9)) else image[0, y, max 0 (x - 4)])

            let clean = Image.init 1 image.Height (image.Width + 4) (fun _ y x -> if x = 0 then 0.0f else image[0, y, max 0 (x - 4)])

            let right image = Image.crop 0 4 image.Height (image.Width - 4) image
            Near.images 1e-5f (right (g 5 1 spoilt)) (right (g 5 1 clean)))
        Law.forAll "each plane by itself" (fun g (Coloured(image, _)) ->
            Near.images 1e-5f (Image.plane 1 (g 3 1 image)) (g 3 1 (Image.plane 1 image)))
        Law.forAll "equals the definition, a sum over k² pixels" (fun g (Wild image) ->
            Seq.forall (fun k -> near [ image ] (g k 2 image) (MeanFilter.apply k 2 image)) [ 3; 7; 21 ])
        Law.once "a picture that is worth several threads is filtered like a small one" (fun g ->
            let image = Noise.field 7UL 1.0f 1 211 190
            near [ image ] (g 7 2 image) (MeanFilter.apply 7 2 image))
        Law.once "even, zero and negative sizes and negative passes are refused" (fun g ->
            let refused size passes =
                try
                    g size passes (Image.constant 1 4 4 0.5f) |> ignore
                    false
                with :? ArgumentException ->
                    true

            refused 2 1 && refused 0 1 && refused -3 1 && refused 3 -1)
    ]

let private plain: Filter = MeanFilter.apply

let private kernel: Filter = fun size passes image -> ScoringKernel.Smooth(image, size, passes)

/// Torch's average pooling with count_include_pad = false is the same filter, in float sums.
let private torchFilter: Filter =
    fun size passes image ->
        if size < 1 || size % 2 = 0 || passes < 0 then
            invalidArg (nameof size) "an odd size and no negative passes"

        use _ = torch.NewDisposeScope()

        let start =
            torch.tensor(image.Pixels).``to``(torch.ScalarType.Float64).reshape
                [| int64 image.Channels; int64 image.Height; int64 image.Width |]

        let pool (t: torch.Tensor) = torch.nn.functional.avg_pool2d (t, int64 size, 1L, int64 (size / 2), count_include_pad = false)
        let filtered = Seq.fold (fun t _ -> pool t) start (seq { 1..passes })

        { image with Pixels = filtered.``to``(torch.ScalarType.Float32).contiguous().data<float32>().ToArray() }

let private onDevice (device: Emulated.Device) : Filter = fun size passes image -> device.On _.Smooth(image, size, passes)

/// A filter by the sum over a window, for mutants: which neighbours count, and what the sum is divided by.
let private windowed (neighbours: int -> Image -> int -> int -> (int * int) list) (divisor: int -> int -> int) : Filter =
    fun size passes image ->
        if size < 1 || size % 2 = 0 || passes < 0 then invalidArg (nameof size) "refused"

        let once (image: Image) =
            Image.init image.Channels image.Height image.Width (fun c y x ->
                let places = neighbours (size / 2) image y x

                float32 ((places |> List.sumBy (fun (v, u) -> float image[c, v, u])) / float (divisor size places.Length)))

        Seq.fold (fun image _ -> if size = 1 then image else once image) image (seq { 1..passes })

let private square up down left right =
    fun reach (image: Image) y x ->
        [
            for v in max 0 (y - reach - up) .. min (image.Height - 1) (y + reach + down) do
                for u in max 0 (x - reach - left) .. min (image.Width - 1) (x + reach + right) -> v, u
        ]

let private counted _ count = count

let private mutants: (string * string * Filter) list =
    [
        "k = 1 still loses a rounding",
        "G_1 and n = 0 are the identity",
        (fun size passes image -> if size = 1 then Image.map (fun v -> v + 1e-7f) image else plain size passes image)
        "k² is not corrected at the border",
        "constants stay constant, borders included",
        windowed (square 0 0 0 0) (fun size _ -> size * size)
        "a median instead of a mean",
        "linear: G(2a − b/2) = 2·G(a) − G(b)/2",
        (fun size passes image ->
            if size = 1 || passes <= 0 then
                plain size passes image
            else
                Image.init image.Channels image.Height image.Width (fun c y x ->
                    let values = square 0 0 0 0 (size / 2) image y x |> List.map (fun (v, u) -> image[c, v, u]) |> List.sort

                    values[values.Length / 2]))
        "a tenth too bright",
        "between the extremes of the k×k neighbourhood",
        (fun size passes image -> plain size passes image |> if size = 1 || passes = 0 then id else Image.map (fun v -> 1.1f * v))
        "the passes are doubled",
        "Gⁿ after Gᵐ is Gⁿ⁺ᵐ",
        (fun size passes image -> plain size (if passes > 1 then 2 * passes else passes) image)
        "the window is one too short on the right", "commutes with flips and quarter turns", windowed (square 0 0 0 -1) counted
        "rows are filtered one wider than columns", "commutes with transposition", windowed (square 0 0 1 1) counted
        "the window is a cross",
        "separable: an image of one column times one row stays one",
        windowed (fun reach image y x -> square 0 0 0 0 reach image y x |> List.filter (fun (v, u) -> v = y || u = x)) counted
        "running sums in single precision",
        "what the window has left leaves no trace",
        (fun size passes image ->
            if size = 1 || passes <= 0 then
                plain size passes image
            else
                // The row's sum runs in floats; the columns are summed plainly.
                let reach = size / 2

                let once (image: Image) =
                    let sums = Array.zeroCreate<float32> image.Pixels.Length

                    for c in 0 .. image.Channels - 1 do
                        for y in 0 .. image.Height - 1 do
                            let mutable sum = 0.0f

                            for x in -reach .. image.Width - 1 do
                                if x + reach < image.Width then sum <- sum + image[c, y, x + reach]

                                if x - reach - 1 >= 0 then sum <- sum - image[c, y, x - reach - 1]

                                if x >= 0 then
                                    let count = min (image.Width - 1) (x + reach) - max 0 (x - reach) + 1
                                    sums[(c * image.Height + y) * image.Width + x] <- sum / float32 count

                    let rows = { image with Pixels = sums }

                    Image.init image.Channels image.Height image.Width (fun c y x ->
                        let top, bottom = max 0 (y - reach), min (image.Height - 1) (y + reach)

                        (Seq.sumBy (fun v -> rows[c, v, x]) (seq { top..bottom })) / float32 (bottom - top + 1))

                Seq.fold (fun image _ -> once image) image (seq { 1..passes }))
        "all planes get the first one's mean",
        "each plane by itself",
        (fun size passes image ->
            let first = plain size passes (Image.plane 0 image)

            if size = 1 || passes = 0 then
                image
            else
                Image.init image.Channels image.Height image.Width (fun _ y x -> first[0, y, x]))
        "the border is continued by its nearest pixel",
        "equals the definition, a sum over k² pixels",
        windowed
            (fun reach image y x ->
                [
                    for v in y - reach .. y + reach do
                        for u in x - reach .. x + reach -> max 0 (min (image.Height - 1) v), max 0 (min (image.Width - 1) u)
                ])
            counted
        "rows beyond the last whole band of sixteen are left out",
        "a picture that is worth several threads is filtered like a small one",
        (fun size passes image ->
            let filtered = plain size passes image
            let whole = image.Height / 16 * 16

            if image.Height < 100 then
                filtered
            else
                Image.init image.Channels image.Height image.Width (fun c y x -> if y < whole then filtered[c, y, x] else image[c, y, x]))
        "an even size is rounded up",
        "even, zero and negative sizes and negative passes are refused",
        (fun size passes image -> plain (if size > 0 then size ||| 1 else size) passes image)
    ]

let suite =
    Suite.create
        "Mean filter"
        "G_k^n of equation (2); at the border the mean is over the pixels inside the image."
        laws
        [ "plain", plain; "kernel", kernel; "torch", torchFilter ]
        mutants
    |> Suite.withEmulated laws (Emulated.each onDevice)
