/// The eight ways to look at a square picture.
namespace Fae.Core

/// Mirrored left to right or not, then turned by quarters against the clock, 0 to 3.
[<Struct>]
type View = { Flip: bool; Turns: int }

[<RequireQualifiedAccess>]
module View =
    let straight = { Flip = false; Turns = 0 }

    let private turned turns image = Seq.fold (fun image _ -> Image.turn image) image (seq { 1..turns })

    /// The picture as this view shows it.
    let apply view image = turned view.Turns (if view.Flip then Image.flip image else image)

    /// Back again: undo view (apply view x) = x.
    let undo view image =
        let upright = turned ((4 - view.Turns) % 4) image
        if view.Flip then Image.flip upright else upright

    /// The views under which a part that may be mirrored and turned like this is still the same part: the straight one first, then
    /// those that leave rows rows. A vertical flip is a horizontal one and half a turn.
    let allowed flipHorizontal flipVertical quarterTurns =
        let yes choice = if choice then [ false; true ] else [ false ]

        let reachable =
            [
                for horizontal in yes flipHorizontal do
                    for vertical in yes flipVertical do
                        for turns in (if quarterTurns then [ 0..3 ] else [ 0 ]) ->
                            { Flip = (horizontal <> vertical); Turns = (if vertical then turns + 2 else turns) % 4 }
            ]

        reachable |> List.distinct |> List.sortBy (fun view -> view.Turns % 2, view.Turns, view.Flip)
