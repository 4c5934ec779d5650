/// Large pictures in windows, and the answers put together.
module Fae.Spec.TileLaws

open System
open Fae.Core
open Fae.Kernels
open Fae.Spec.Generators

[<NoComparison; NoEquality>]
type Windows = { InTiles: Tiling -> (Image -> Image) -> Image -> Image }

/// Windows that fit into a picture.
let private fitting (image: Image) (a: uint8) (b: uint8) =
    let side = 1 + int a % min image.Height image.Width

    { Side = side; Overlap = int b % (side / 2 + 1) }

/// Each pixel tells its place.
let private places height width = Image.init 1 height width (fun _ y x -> float32 (y * width + x))

/// What is asked of a picture of this shape: the first place and the size of every window.
let private asked windows tiling height width =
    let seen = Collections.Generic.List()

    let look (window: Image) =
        let first = int window[0, 0, 0]
        seen.Add(struct (first / width, first % width, window.Height, window.Width))
        window

    windows.InTiles tiling look (places height width) |> ignore
    List.ofSeq seen

let private along (windows: struct (int * int * int * int) list) choose = windows |> List.map choose |> List.distinct |> List.sort

let private top (struct (top, _, _, _)) = top
let private left (struct (_, left, _, _)) = left

/// Every window answers with a number of its own for all its pixels.
let private number key (window: Image) =
    Image.constant window.Channels window.Height window.Width (Random.toUnit (Random.hash key (uint64 window[0, 0, 0])))

let private laws: Law<Windows> list =
    [
        Law.forAll
            "the windows are of the side asked, begin at the first and end at the last pixel, and overlap by what was asked or more"
            (fun w (Grey image, a, b) ->
                let tiling = fitting image a b
                let windows = asked w tiling image.Height image.Width

                let covers length starts =
                    List.head starts = 0
                    && List.last starts + tiling.Side = length
                    && starts |> List.pairwise |> List.forall (fun (first, next) -> first + tiling.Side - next >= tiling.Overlap)

                windows |> List.forall (fun struct (_, _, height, width) -> height = tiling.Side && width = tiling.Side)
                && covers image.Height (along windows top)
                && covers image.Width (along windows left))
        Law.forAll "there are as few windows as that allows, each asked once" (fun w (Grey image, a, b) ->
            let tiling = fitting image a b
            let windows = asked w tiling image.Height image.Width

            let needed length = 1 + int (ceil (float (length - tiling.Side) / float (tiling.Side - tiling.Overlap)))

            windows.Length = needed image.Height * needed image.Width)
        Law.forAll "if every window is answered by itself, so is the picture" (fun w (Grey image, a, b) ->
            Near.images 1e-5f (w.InTiles (fitting image a b) id image) image)
        Law.forAll "all planes are answered" (fun w (Coloured(image, _), a, b) ->
            Near.images 1e-5f (w.InTiles (fitting image a b) id image) image)
        Law.forAll "a picture of one window's size gets that window's answer, bit for bit" (fun w (Grey image) ->
            let side = min image.Height image.Width
            let square = Image.crop 0 0 side side image
            let answer = Image.map (fun v -> sqrt v + 0.3f)
            w.InTiles { Side = side; Overlap = side / 3 } answer square = answer square)
        Law.forAll "a pixel's answer lies between those of the windows that show it" (fun w (Grey shape, a, b) ->
            let tiling = fitting shape a b
            let image = places shape.Height shape.Width
            let answer = w.InTiles tiling (number 7UL) image
            let windows = asked w tiling shape.Height shape.Width

            let inside y x =
                let said =
                    windows
                    |> List.filter (fun struct (top, left, height, width) -> top <= y && y < top + height && left <= x && x < left + width)
                    |> List.map (fun struct (top, left, _, _) -> Random.toUnit (Random.hash 7UL (uint64 (top * shape.Width + left))))

                answer[0, y, x] >= List.min said - 1e-5f && answer[0, y, x] <= List.max said + 1e-5f

            Seq.forall
                id
                (seq {
                    for y in 0 .. shape.Height - 1 do
                        for x in 0 .. shape.Width - 1 -> inside y x
                }))
        Law.once "there are no seams: where windows disagree, the answer goes over from one to the other" (fun w ->
            let overlap = 16
            let answer = w.InTiles { Side = 32; Overlap = overlap } (number 3UL) (places 75 101)

            Seq.forall
                (fun d -> abs d <= 2.0f / float32 overlap)
                (seq {
                    for y in 1..74 do
                        for x in 1..100 do
                            answer[0, y, x] - answer[0, y - 1, x]
                            answer[0, y, x] - answer[0, y, x - 1]
                }))
    ]

let private plain = { InTiles = Tiles.inTiles }

let private kernel atOnce =
    {
        InTiles =
            fun tiling f image ->
                let answer (windows: Collections.Generic.IReadOnlyList<Image>) : Collections.Generic.IReadOnlyList<Image> =
                    Array.ofSeq (Seq.map f windows)

                TileKernel.InTiles(tiling, answer, image, atOnce)
    }

/// Rows as they come, five at once; the answer's planes come after the picture's own.
let private strip =
    {
        InTiles =
            fun tiling f image ->
                let answer (windows: Collections.Generic.IReadOnlyList<Image>) : Collections.Generic.IReadOnlyList<Image> =
                    Array.ofSeq (Seq.map f windows)

                let both = StripLaws.through 5 (RowTiles(tiling, answer, 3)) image
                let own = image.Channels * image.Area

                if not (ReadOnlySpan(both.Pixels, 0, own).SequenceEqual(ReadOnlySpan image.Pixels)) then
                    failwith "the strip's own rows are changed"

                Image.ofArray (both.Channels - image.Channels) image.Height image.Width both.Pixels[own..]
    }

/// Windows at the usual places with other weights: of a place in its window, and of their sum at a pixel.
let private weighed weight divisor tiling (f: Image -> Image) (image: Image) =
    let sums, totals = Array.zeroCreate<float32> image.Area, Array.zeroCreate<float32> image.Area

    for top in Tiles.starts tiling image.Height do
        for left in Tiles.starts tiling image.Width do
            let answer = f (Image.crop top left tiling.Side tiling.Side image)

            for y in 0 .. tiling.Side - 1 do
                for x in 0 .. tiling.Side - 1 do
                    let at = (top + y) * image.Width + left + x
                    let share: float32 = weight y x
                    sums[at] <- sums[at] + share * answer[0, y, x]
                    totals[at] <- totals[at] + share

    Image.ofArray 1 image.Height image.Width (Array.map2 divisor sums totals)

let private mutants =
    [
        "windows overlap by one pixel less",
        "the windows are of the side asked, begin at the first and end at the last pixel, and overlap by what was asked or more",
        { InTiles = fun tiling -> Tiles.inTiles { tiling with Overlap = max 0 (tiling.Overlap - 1) } }
        "windows overlap by one pixel more",
        "there are as few windows as that allows, each asked once",
        { InTiles = fun tiling -> Tiles.inTiles { tiling with Overlap = min (tiling.Side / 2) (tiling.Overlap + 1) } }
        "answers are added where windows overlap",
        "if every window is answered by itself, so is the picture",
        { InTiles = weighed (fun _ _ -> 1.0f) (fun sum _ -> sum) }
        "only the first plane is answered",
        "all planes are answered",
        {
            InTiles =
                fun tiling f image ->
                    let first = Tiles.inTiles tiling (fun window -> Image.plane 0 (f window)) (Image.plane 0 image)
                    Image.init image.Channels image.Height image.Width (fun c y x -> if c = 0 then first[0, y, x] else 0.0f)
        }
        "a weight is rounded",
        "a picture of one window's size gets that window's answer, bit for bit",
        {
            InTiles = fun tiling f image -> Tiles.inTiles tiling f image |> Image.map (fun v -> 3.1f * v / 3.1000001f * 0.9999999f)
        }
        "each window gets its neighbour's output",
        "a pixel's answer lies between those of the windows that show it",
        {
            InTiles =
                fun tiling f ->
                    let mutable before = None

                    Tiles.inTiles tiling (fun window ->
                        let answer = f window
                        let told = defaultArg before answer
                        before <- Some answer
                        told)
        }
        "windows are averaged without going over",
        "there are no seams: where windows disagree, the answer goes over from one to the other",
        { InTiles = weighed (fun _ _ -> 1.0f) (/) }
    ]

let suite =
    Suite.create
        "Tiles"
        "A large picture in square windows that overlap, answered window by window and blended: memory for a few windows, and no seams."
        laws
        [ "plain", plain; "kernel, three at once", kernel 3; "kernel, all at once", kernel 1000; "strip", strip ]
        mutants
