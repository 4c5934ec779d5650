/// Plans as JSON and back, every bit of them: a plan can be stored, mailed and rendered again.
namespace Fae.Core

open System.Text.Json
open System.Text.Json.Nodes

[<RequireQualifiedAccess>]
module PlanText =
    exception private Damaged of string

    let private damaged what = raise (Damaged what)

    // Writing

    let private node (value: JsonNode) : JsonNode | null = value
    let private number (value: float32) = node (JsonValue.Create value)

    let private text (value: string) : JsonNode | null = JsonValue.Create value
    let private list (items: (JsonNode | null) seq) = node (JsonArray(Array.ofSeq items))
    let private numbers (values: float32 seq) = values |> Seq.map number |> list

    let private record (entries: (string * (JsonNode | null)) list) =
        let json = JsonObject()

        for key, value in entries do
            json[key] <- value

        json :> JsonNode

    let private ofFrame (f: Frame) = numbers [ f.X; f.Y; f.A; f.B; f.C; f.D ]

    let private ofShape =
        function
        | Ellipse(frame, rx, ry, waves) ->
            record
                [
                    "kind", text "ellipse"
                    "frame", ofFrame frame
                    "radii", numbers [ rx; ry ]
                    "waves",
                    waves
                    |> Seq.map (fun w -> numbers [ w.FreqX; w.FreqY; w.Phase; w.PushX; w.PushY ])
                    |> list
                ]
        | Curve(frame, knots) ->
            record
                [
                    "kind", text "curve"
                    "frame", ofFrame frame
                    "knots", knots |> Seq.map (fun k -> numbers [ k.AtX; k.AtY; k.Width ]) |> list
                ]

        | Box(frame, halfX, halfY) ->
            record
                [
                    "kind", text "box"
                    "frame", ofFrame frame
                    "halves", numbers [ halfX; halfY ]
                ]
        | Cells(frame, count, sets, which, key) ->
            record
                [
                    "kind", text "cells"
                    "frame", ofFrame frame
                    "count", node (JsonValue.Create count)
                    "sets", node (JsonValue.Create sets)
                    "which", node (JsonValue.Create which)
                    "key", node (JsonValue.Create key)
                ]
        | Cloud(frame, scale, level, key) ->
            record
                [
                    "kind", text "cloud"
                    "frame", ofFrame frame
                    "scale", number scale
                    "level", number level
                    "key", node (JsonValue.Create key)
                ]

    let private patterns = [ "grain", Grain; "clouds", Clouds; "stripes", Stripes; "spots", Spots ]

    let private ofFill =
        function
        | Plain colour -> record [ "kind", text "plain"; "colour", numbers colour ]
        | Texture(frame, pattern, scale, key, low, high) ->
            record
                [
                    "kind", text "texture"
                    "frame", ofFrame frame
                    "pattern", text (patterns |> List.find (fun (_, p) -> p = pattern) |> fst)
                    "scale", number scale
                    "key", node (JsonValue.Create key)
                    "low", numbers low
                    "high", numbers high
                ]
        | Patch(frame, source, zoom, gain, bias) ->
            record
                [
                    "kind", text "patch"
                    "frame", ofFrame frame
                    "source", node (JsonValue.Create source)
                    "zoom", number zoom
                    "gain", number gain
                    "bias", number bias
                ]
        | Shade(gain, bias) -> record [ "kind", text "shade"; "gain", number gain; "bias", number bias ]

    /// A plan as a JSON array of occlusions.
    let toJson (plan: Plan) =
        JsonArray(
            [|
                for occlusion in plan ->
                    node (
                        record
                            [
                                "shape", node (ofShape occlusion.Shape)
                                "softness", number occlusion.Softness
                                "fill", node (ofFill occlusion.Fill)
                                "opacity", number occlusion.Opacity
                            ]
                    )
            |]
        )

    // Reading

    let private get (key: string) (json: JsonNode) =
        match json with
        | :? JsonObject as json ->
            match json[key] with
            | null -> damaged $"'{key}' is missing"
            | value -> value
        | _ -> damaged $"no object holds '{key}'"

    let private items (json: JsonNode) =
        match json with
        | :? JsonArray as json ->
            json
            |> Seq.map (fun item ->
                match item with
                | null -> damaged "a list holds null"
                | item -> item)
            |> Array.ofSeq
        | _ -> damaged "a list is missing"

    let private toNumber (json: JsonNode) =
        let value = json.GetValue<float32>()

        if System.Single.IsFinite value then
            value
        else
            damaged "a number is not finite"

    let private real key json = toNumber (get key json)
    let private reals key json = get key json |> items |> Array.map toNumber
    let private kind json = (get "kind" json).GetValue<string>()

    let private toFrame json =
        match reals "frame" json with
        | [| x; y; a; b; c; d |] ->
            {
                X = x
                Y = y
                A = a
                B = b
                C = c
                D = d
            }
        | _ -> damaged "a frame has six numbers"

    let private toShape json =
        match kind json, toFrame json with
        | "ellipse", frame ->
            let wave json =
                match items json |> Array.map toNumber with
                | [| fx; fy; phase; px; py |] ->
                    {
                        FreqX = fx
                        FreqY = fy
                        Phase = phase
                        PushX = px
                        PushY = py
                    }
                | _ -> damaged "a wave has five numbers"

            match reals "radii" json with
            | [| rx; ry |] when rx > 0.0f && ry > 0.0f -> Ellipse(frame, rx, ry, get "waves" json |> items |> Array.map wave)
            | _ -> damaged "an ellipse has two positive radii"
        | "curve", frame ->
            let knot json =
                match items json |> Array.map toNumber with
                | [| x; y; width |] -> { AtX = x; AtY = y; Width = width }
                | _ -> damaged "a knot has three numbers"

            Curve(frame, get "knots" json |> items |> Array.map knot)
        | "box", frame ->
            match reals "halves" json with
            | [| halfX; halfY |] -> Box(frame, halfX, halfY)
            | _ -> damaged "a box has two half sides"
        | "cells", frame ->
            let whole key = (get key json).GetValue<int>()
            let count, sets, which = whole "count", whole "sets", whole "which"

            if count > 0 && sets > 0 && which >= 0 && which < sets then
                Cells(frame, count, sets, which, (get "key" json).GetValue<uint64>())
            else
                damaged "cells are counted from one, their sets from nought"
        | "cloud", frame ->
            match real "scale" json with
            | scale when scale > 0.0f -> Cloud(frame, scale, real "level" json, (get "key" json).GetValue<uint64>())
            | _ -> damaged "a cloud's scale is positive"
        | other, _ -> damaged $"the shape '{other}' is unknown"

    let private colour key json =
        match reals key json with
        | [||] -> damaged $"'{key}' is empty"
        | colour -> colour

    let private toFill json =
        match kind json with
        | "plain" -> Plain(colour "colour" json)
        | "shade" -> Shade(real "gain" json, real "bias" json)
        | "patch" -> Patch(toFrame json, (get "source" json).GetValue<int>(), real "zoom" json, real "gain" json, real "bias" json)
        | "texture" ->
            let word = (get "pattern" json).GetValue<string>()

            match List.tryFind (fun (name, _) -> name = word) patterns with
            | Some(_, pattern) ->
                Texture(
                    toFrame json,
                    pattern,
                    real "scale" json,
                    (get "key" json).GetValue<uint64>(),
                    colour "low" json,
                    colour "high" json
                )
            | None -> damaged $"the pattern '{word}' is unknown"
        | other -> damaged $"the fill '{other}' is unknown"

    let private toOcclusion json =
        {
            Shape = toShape (get "shape" json)
            Softness = real "softness" json
            Fill = toFill (get "fill" json)
            Opacity = real "opacity" json
        }

    /// Writes a plan on one line.
    let write (plan: Plan) = (toJson plan).ToJsonString()

    /// Reads what `write` wrote; says in words what is wrong with anything else.
    let read (json: string) : Result<Plan, string> =
        try
            match JsonNode.Parse json with
            | null -> Error "a plan is a list of occlusions"
            | parsed -> Ok(parsed |> items |> Array.map toOcclusion |> List.ofArray)
        with
        | Damaged reason -> Error reason
        | :? JsonException
        | :? System.InvalidOperationException
        | :? System.FormatException
        | :? System.OverflowException
        | :? System.ArgumentException as e -> Error(e.Message.Split('\n')[0])
