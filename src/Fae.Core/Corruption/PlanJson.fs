/// Plans as JSON, for people and other programs. Floats are written with every digit that their bits need.
namespace Fae.Core

open System.Text.Json

[<RequireQualifiedAccess>]
module PlanJson =
    let private pose (p: Pose) = [| p.X; p.Y; p.A; p.B; p.C; p.D |]
    let private wave (w: Wave) = [| w.FreqX; w.FreqY; w.Phase; w.PushX; w.PushY |]
    let private knot (k: Knot) = [| k.AtX; k.AtY; k.Width |]

    let private shape =
        function
        | Ellipse(p, rx, ry, waves) -> box {| kind = "ellipse"; pose = pose p; radii = [| rx; ry |]; waves = Array.map wave waves |}
        | Curve(p, knots) -> box {| kind = "curve"; pose = pose p; knots = Array.map knot knots |}
        | Box(p, halfX, halfY) -> box {| kind = "box"; pose = pose p; half_sides = [| halfX; halfY |] |}
        | Cells(p, count, sets, which, key) -> box {| kind = "cells"; pose = pose p; count = count; sets = sets; which = which; key = key |}
        | Cloud(p, scale, level, key) -> box {| kind = "cloud"; pose = pose p; scale = scale; level = level; key = key |}

    let private pattern =
        function
        | Grain -> "grain"
        | Clouds -> "clouds"
        | Stripes -> "stripes"
        | Spots -> "spots"

    let private fill =
        function
        | Plain colour -> box {| kind = "plain"; colour = colour |}
        | Texture(p, kind, scale, key, low, high) ->
            box
                {|
                    kind = "texture"
                    pose = pose p
                    pattern = pattern kind
                    scale = scale
                    key = key
                    low = low
                    high = high
                |}
        | Patch(p, source, zoom, gain, bias) ->
            box {| kind = "patch"; pose = pose p; source = source; zoom = zoom; gain = gain; bias = bias |}
        | Shade(gain, bias) -> box {| kind = "shade"; gain = gain; bias = bias |}

    /// A plan on one line: a JSON array of occlusions.
    let write (plan: Plan) =
        plan
        |> List.map (fun o -> {| shape = shape o.Shape; softness = o.Softness; fill = fill o.Fill; opacity = o.Opacity |})
        |> JsonSerializer.Serialize
