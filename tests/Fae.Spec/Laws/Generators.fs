/// Awkward inputs for the laws, and how a counterexample is made small: pictures of 1×1, 1×n and prime sides, smaller and larger than any
/// kernel; constant ones, ones with ties, denormals and huge values. A failing picture is cropped, flattened and rounded until it is small
/// enough to read.
module Fae.Spec.Generators

open System
open Fae.Core
open FsCheck.FSharp

/// What a failure prints.
type IShown =
    abstract Show: unit -> string

let private showImage (image: Image) =
    let row c y =
        [ for x in 0 .. image.Width - 1 -> image[c, y, x].ToString("G6", Globalization.CultureInfo.InvariantCulture) ]
        |> String.concat " "

    let planes =
        [
            for c in 0 .. image.Channels - 1 do
                for y in 0 .. image.Height - 1 -> row c y
        ]

    $"{image.Channels}×{image.Height}×{image.Width}:" :: List.truncate 24 planes |> String.concat "\n"

let private showImages images = images |> List.map showImage |> String.concat "\n"

/// A grey image with values in [0, 1].
[<NoComparison>]
type Grey =
    | Grey of Image

    interface IShown with
        member this.Show() = let (Grey image) = this in showImage image

/// Two grey images of one size with values in [0, 1].
[<NoComparison>]
type Pair =
    | Pair of Image * Image

    interface IShown with
        member this.Show() = let (Pair(a, b)) = this in showImages [ a; b ]

/// A grey image of any finite values: denormals, huge ones, negative ones, side by side.
[<NoComparison>]
type Wild =
    | Wild of Image

    interface IShown with
        member this.Show() = let (Wild image) = this in showImage image

/// Two colour images of one size.
[<NoComparison>]
type Coloured =
    | Coloured of Image * Image

    interface IShown with
        member this.Show() = let (Coloured(a, b)) = this in showImages [ a; b ]

/// Scores with ties, and labels of both kinds.
type Labelled = Labelled of float32[] * bool[]

/// A colour image and a plan to corrupt it by.
[<NoComparison>]
type Scene =
    | Scene of Image * Plan

    interface IShown with
        member this.Show() = let (Scene(image, plan)) = this in $"{image.Channels}×{image.Height}×{image.Width}, {PlanJson.write plan}"

let private side = Gen.elements [ 1; 2; 3; 5; 7; 11; 16; 23 ]

let private ofValues values count =
    Gen.oneof
        [
            Gen.arrayOfLength count values
            values |> Gen.map (Array.create count)
            Gen.two values |> Gen.bind (fun (a, b) -> Gen.arrayOfLength count (Gen.elements [ a; b ]))
        ]

let private unit =
    Gen.frequency
        [
            8, Gen.choose (0, 1000) |> Gen.map (fun n -> float32 n / 1000.0f)
            1, Gen.elements [ 0.0f; 0.5f; 1.0f; 1e-40f ]
        ]

let private wild =
    Gen.oneof
        [
            unit
            Gen.choose (-30, 30) |> Gen.map2 (fun m e -> float32 m * 10.0f ** float32 e) (Gen.choose (-9, 9))
            Gen.elements [ 0.0f; -0.0f; 1e-42f; -1e-44f; 3e37f; -3e37f ]
        ]

let private image values channels height width =
    ofValues values (channels * height * width) |> Gen.map (Image.ofArray channels height width)

let private images values channels count =
    gen {
        let! height = side
        let! width = side
        return! Gen.listOfLength count (image values channels height width)
    }

/// Smaller pictures of the same kind, all cut alike: halves, without an edge, of one plane's worth of equal values, with rounder values.
let private shrinkImages (images: Image list) =
    let first = List.head images
    let height, width = first.Height, first.Width
    let crop top left h w = images |> List.map (Image.crop top left h w)

    let crops =
        [
            if height > 1 then
                crop 0 0 (height / 2) width
                crop (height / 2) 0 (height - height / 2) width
                crop 0 0 (height - 1) width
                crop 1 0 (height - 1) width
            if width > 1 then
                crop 0 0 height (width / 2)
                crop 0 (width / 2) height (width - width / 2)
                crop 0 0 height (width - 1)
                crop 0 1 height (width - 1)
        ]

    let changed f = images |> List.map (Image.map f)

    let simpler = [ changed (fun _ -> 0.0f); changed (fun v -> round v); changed (fun v -> round (10.0f * v) / 10.0f) ]

    let same = List.map (fun (image: Image) -> image.Pixels)

    // One value to 0 in a small picture; bits are compared, for a NaN or −0 must not shrink for ever.
    let single =
        [
            if first.Area <= 16 then
                for which in 0 .. images.Length - 1 do
                    for at in 0 .. images[which].Pixels.Length - 1 do
                        if images[which].Pixels[at] <> 0.0f then
                            images
                            |> List.mapi (fun i image ->
                                if i = which then { image with Pixels = Array.updateAt at 0.0f image.Pixels } else image)
        ]

    Seq.concat [ crops; simpler |> List.filter (fun s -> same s <> same images); single ]

/// What scenes are made of, for the laws that need to know it.
let palette =
    {
        Mean = [| 0.5f; 0.4f; 0.3f |]
        Deviation = [| 0.1f; 0.1f; 0.1f |]
        Colours = [| [| 0.9f; 0.1f; 0.2f |]; [| 0.3f; 0.3f; 0.3f |] |]
    }

/// An image of independent values from a key.
let speckled key channels height width =
    Image.init channels height width (fun c y x -> Random.toUnit (Random.hash key (uint64 ((c * height + y) * width + x))))

/// Two pictures to take patches from.
let bank = [| speckled 5UL 3 40 56; speckled 6UL 3 64 64 |]

/// The default corruption model over that palette and bank; now and then another method's.
let model =
    let family family = Corruption.plans { Corruption.defaults with Family = family } palette bank.Length

    Sampler.choose
        [
            15.0f, family Family.Occlusions
            1.0f, family Family.Cells
            1.0f, family Family.CutPaste
            1.0f, family Family.Clouds
        ]

type Arbitraries =
    static member Grey() =
        Arb.fromGenShrink (
            images unit 1 1 |> Gen.map (List.head >> Grey),
            (fun (Grey image) -> shrinkImages [ image ] |> Seq.map (List.head >> Grey))
        )

    static member Pair() =
        let pair images = Pair(List.item 0 images, List.item 1 images)
        Arb.fromGenShrink (images unit 1 2 |> Gen.map pair, (fun (Pair(a, b)) -> shrinkImages [ a; b ] |> Seq.map pair))

    static member Wild() =
        Arb.fromGenShrink (
            images wild 1 1 |> Gen.map (List.head >> Wild),
            (fun (Wild image) -> shrinkImages [ image ] |> Seq.map (List.head >> Wild))
        )

    static member Coloured() =
        let pair images = Coloured(List.item 0 images, List.item 1 images)
        Arb.fromGenShrink (images unit 3 2 |> Gen.map pair, (fun (Coloured(a, b)) -> shrinkImages [ a; b ] |> Seq.map pair))

    static member Labelled() =
        let drawn =
            gen {
                let! count = Gen.choose (2, 40)
                let! scores = Gen.arrayOfLength count (Gen.choose (0, 9) |> Gen.map (fun n -> float32 n))
                let! labels = Gen.arrayOfLength count (Gen.elements [ true; false ])
                return Labelled(scores, labels |> Array.mapi (fun i label -> i = 0 || (i > 1 && label)))
            }

        // Labels stay of both kinds: one of the rest is left out, or a score is set to 0.
        let shrink (Labelled(scores, labels)) =
            seq {
                for i in 2 .. scores.Length - 1 do
                    Labelled(Array.removeAt i scores, Array.removeAt i labels)

                for i in 0 .. scores.Length - 1 do
                    if scores[i] <> 0.0f then Labelled(Array.updateAt i 0.0f scores, labels)
            }

        Arb.fromGenShrink (drawn, shrink)

    static member Scene() =
        let drawn =
            gen {
                let! height = Gen.elements [ 1; 9; 17; 32; 48 ]
                let! width = Gen.elements [ 1; 7; 23; 40; 48 ]
                let! key = Gen.choose (0, 1000)
                let! seed = Gen.choose (0, Int32.MaxValue)
                return Scene(speckled (uint64 key) 3 height width, Sampler.value (Random.ofSeed (uint64 seed)) model)
            }

        let shrink (Scene(image, plan)) =
            Seq.append
                (seq { for i in 0 .. plan.Length - 1 -> Scene(image, List.removeAt i plan) })
                (shrinkImages [ image ] |> Seq.map (fun images -> Scene(List.head images, plan)))

        Arb.fromGenShrink (drawn, shrink)
