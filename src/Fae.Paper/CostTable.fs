/// Accuracy and cost of the methods of a sweep, beside each other.
namespace Fae.Paper

[<RequireQualifiedAccess>]
module CostTable =
    /// Method by category: accuracy, and what it costs; means over seeds.
    let ofResults budget (results: CellResult list) : Table =
        let mean measure digits (some: CellResult list) =
            match List.choose measure some with
            | [] -> Entry.none
            | values -> Entry.plain (Tables.text digits (List.average values))

        let percent measure = measure >> Option.map (fun value -> 100.0 * value)

        let row category (m: Method) =
            match results |> List.filter (fun r -> r.Cell.Category = category && r.Cell.Method = m.Name) with
            | [] -> None
            | some ->
                Some(
                    Row(
                        m.Title,
                        [
                            Entry.plain category
                            mean (percent _.ImageAuroc) 1 some
                            mean (percent _.PixelAuroc) 1 some
                            mean _.TrainingSeconds 0 some
                            mean _.InspectionMilliseconds 0 some
                        ]
                    )
                )

        let categories = results |> List.map _.Cell.Category |> List.distinct

        {
            Name = "costs"
            Title = $"Accuracy and cost of each method ({Budget.describe budget})"
            Columns =
                [
                    "method"
                    "category"
                    "image AUROC, %"
                    "pixel AUROC, %"
                    "seconds to train"
                    "ms to inspect a prepared picture"
                ]
            Rows =
                categories
                |> List.map (fun category -> List.choose (row category) Method.all)
                |> List.reduce (fun before next -> before @ [ Rule ] @ next)
            Notes = []
        }
