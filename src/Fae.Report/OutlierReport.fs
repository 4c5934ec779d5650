/// Which good pictures are unlike the others: a page for a person, and JSON for programs.
namespace Fae.Report

open System
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.Json.Serialization
open Fae.Core
open Fae.Detection
open Fae.Imaging

/// A good picture that was compared with the others. `Distance`: its score over the median of all. `Outlier`: "far_out" or "outside", as
/// Tukey's fences say; null for a usual picture.
[<NoComparison; NoEquality>]
type OutlierJson =
    {
        Path: string
        Distance: float
        [<JsonIgnore(Condition = JsonIgnoreCondition.Never)>]
        Outlier: string | null
    }

/// A picture of the page, and the map of how far its places are from other pictures.
[<NoComparison; NoEquality>]
type OutlierView = { Json: OutlierJson; Picture: Image; Map: Image }

[<RequireQualifiedAccess>]
module OutlierReport =
    let farOut, outside = "far_out", "outside"

    /// The page and the list in a run's folder.
    let pageOf run = Path.Combine(run, "outliers.html")
    let jsonOf run = Path.Combine(run, "outliers.json")

    /// What was compared, as JSON: the farthest picture first. Scores are > 0, one for each path.
    let ofScores (paths: string[]) (scores: float32[]) : OutlierJson[] =
        let middle = scores |> Array.map float |> Statistics.median |> max 1e-30
        let far, beyond = set (Outliers.farOut scores), set (Outliers.outside scores)

        [|
            for number in 0 .. paths.Length - 1 ->
                {
                    Path = paths[number]
                    Distance = Math.Round(float scores[number] / middle, 3)
                    Outlier =
                        if far.Contains number then farOut
                        elif beyond.Contains number then outside
                        else null
                }
        |]
        |> Array.sortByDescending _.Distance

    let toJson (compared: OutlierJson[]) = JsonSerializer.Serialize(compared, FaeJson.Indented) + "\n"

    /// What `toJson` wrote; `None` for any other text.
    let tryParse (text: string) : OutlierJson[] option =
        try
            JsonSerializer.Deserialize<OutlierJson[]>(text, FaeJson.Compact) |> Option.ofObj
        with :? JsonException ->
            None

    /// The list of a run's folder; `None` where there is none that can be read.
    let tryRead run =
        try
            tryParse (File.ReadAllText(jsonOf run))
        with
        | :? IOException
        | :? UnauthorizedAccessException -> None

    let private said (json: OutlierJson) =
        let distance = json.Distance.ToString("0.00", CultureInfo.InvariantCulture)
        let mark = if isNull json.Outlier then "" else "<br><span class=\"miss\">more than usual</span>"
        $"""<p>{Html.escape json.Path}<br>{distance} times as far as the median{mark}</p>"""

    /// The page: the pictures in this order, of so many that were compared. Places as far as `usual` are black; those as far as `middle`,
    /// the median score, have the middle colour.
    let html (title: string) compared (usual: float32) (middle: float32) (views: OutlierView seq) =
        let unit = max 1e-12f (middle - usual)

        let row (view: OutlierView) =
            let unusual = view.Map |> Image.map (fun v -> max 0.0f ((v - usual) / unit))
            // A resize keeps values in [0, 1].
            let most = max 1.0f (Array.max unusual.Pixels)
            let resized = unusual |> Image.map (fun v -> v / most) |> ImageEncoder.resize view.Picture.Height view.Picture.Width
            let picture alt image = $"""<img loading="lazy" alt="{alt}" src="{Html.jpeg image}">"""

            [
                $"""<div class="row pair">{said view.Json}"""
                picture "picture" view.Picture
                picture "distance" (HeatmapColours.overlay 1.0f view.Picture (Image.map (fun v -> most * v) resized))
                "</div>"
            ]
            |> String.concat ""

        let rows = views |> Seq.map row |> List.ofSeq

        Html.page
            title
            $"""<p>Good pictures that are farthest from the other good ones, the farthest first ({rows.Length} of {compared}). <b>Are they
good parts?</b> Take bad parts out of the folder and train again: a detector that has learned from them does not find others like them.
Leave good parts in, however unusual they look.</p>
<p class="sub">Left the picture as it is prepared, right how far each place is from the nearest patch of another picture, by pretrained
features. Black: as far as most places are. Middle of the scale: as far as the farthest places of a usual picture.</p>
{String.concat "\n" rows}"""
