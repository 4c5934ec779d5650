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
                            mean (percent _.Aupro) 1 some
                            mean (percent _.PixelAp) 1 some
                            mean _.TrainingSeconds 0 some
                            mean _.InspectionMilliseconds 0 some
                        ]
                    )
                )

        // What a user who chose by the labels would have.
        let best category =
            let single =
                results
                |> List.filter (fun r -> r.Cell.Category = category && r.Cell.Method <> Method.automatic.Name && r.ImageAuroc.IsSome)
                |> List.groupBy _.Cell.Method
                |> List.map (fun (name, some) -> name, some |> List.choose _.ImageAuroc |> List.average)

            if single.Length < 2 then
                []
            else
                let name, auroc = List.maxBy snd single
                let title = Method.tryFind name |> Option.map _.Title |> Option.defaultValue name

                [
                    Row(
                        $"best by the labels: {title}",
                        [ Entry.plain category; Entry.plain (Tables.text 1 (100.0 * auroc)) ] @ List.replicate 5 Entry.none
                    )
                ]

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
                    "AUPRO, %"
                    "pixel AP, %"
                    "seconds to train"
                    "ms to inspect a prepared picture"
                ]
            Rows =
                categories
                |> List.map (fun category -> List.choose (row category) Method.known @ best category)
                |> List.reduce (fun before next -> before @ [ Rule ] @ next)
            Notes = []
        }
