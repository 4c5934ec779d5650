/// The eight views of a picture, and the detector that averages over them.
module Fae.Spec.ViewLaws

open Fae.Core
open Fae.Spec.Generators

[<NoComparison; NoEquality>]
type Views =
    {
        Apply: View -> Image -> Image
        Undo: View -> Image -> Image
        /// left to right → top to bottom → quarter turns → the views that are allowed
        Allowed: bool -> bool -> bool -> View list
    }

let private all = View.allowed true true true

let private laws: Law<Views> list =
    [
        Law.forAll "undoing a view gives the picture back" (fun v (Grey image) ->
            all |> List.forall (fun view -> v.Undo view (v.Apply view image) = image))
        Law.once "the eight views of a picture without symmetry are eight pictures" (fun v ->
            let image = speckled 3UL 1 5 5
            (all |> List.distinctBy (fun view -> (v.Apply view image).Pixels)).Length = 8)
        Law.forAll "each view moves pixels and changes none" (fun v (Grey image) ->
            all |> List.forall (fun view -> Array.sort (v.Apply view image).Pixels = Array.sort image.Pixels))
        Law.once "a vertical flip turns the picture upside down" (fun v ->
            let image = speckled 3UL 1 4 7
            let upsideDown = Image.init 1 4 7 (fun _ y x -> image[0, 3 - y, x])

            match v.Allowed false true false with
            | [ _; view ] -> v.Apply view image = upsideDown
            | _ -> false)
        Law.once "the straight view comes first; what is not allowed is not there" (fun v ->
            let count h w q = (v.Allowed h w q).Length

            Seq.forall
                (fun (h, w, q) -> List.head (v.Allowed h w q) = View.straight)
                [
                    for h in [ false; true ] do
                        for w in [ false; true ] do
                            for q in [ false; true ] -> h, w, q
                ]
            && (count false false false, count true false false, count true true false, count false false true, count true true true) =
                (1, 2, 4, 4, 8))
    ]

let private plain = { Apply = View.apply; Undo = View.undo; Allowed = View.allowed }

let private mutants =
    [
        "the turn is not undone before the flip",
        "undoing a view gives the picture back",
        { plain with Undo = fun view image -> View.apply { view with Turns = (4 - view.Turns) % 4 } image }
        "a turn by three quarters is a turn by one",
        "the eight views of a picture without symmetry are eight pictures",
        { plain with
            Apply = fun view image -> View.apply { view with Turns = (if view.Turns = 3 then 1 else view.Turns) } image
        }
        "a turn smooths",
        "each view moves pixels and changes none",
        { plain with
            Apply = fun view image -> View.apply view image |> if view.Turns = 1 then MeanFilter.apply 3 1 else id
        }
        "a vertical flip is half a turn",
        "a vertical flip turns the picture upside down",
        { plain with
            Allowed =
                fun h w q -> View.allowed h w q |> List.map (fun view -> if not h && w && not q then { view with Flip = false } else view)
        }
        "everything is allowed",
        "the straight view comes first; what is not allowed is not there",
        { plain with Allowed = fun _ _ _ -> all }
    ]

let suite =
    Suite.create
        "Views"
        "Mirrored and turned: what augmentation shows the network, and what the detector averages over."
        laws
        [ "plain", plain ]
        mutants
