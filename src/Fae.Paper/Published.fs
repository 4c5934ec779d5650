/// The paper's tables as printed, misprints included; what is wrong with them is computed, not corrected.
namespace Fae.Paper

open System.Globalization
open System.Reflection
open Fae.Imaging

/// A printed table: a line for each category and each average, a column for each method.
type PublishedTable =
    {
        Methods: string list
        /// Category or average, and its entries as printed.
        Rows: (string * string list) list
    }

/// A line of Table 3: pixel AUROC over seeds, in percent.
type PublishedAblation =
    {
        Category: string
        With: float
        WithDeviation: float
        Without: float
        WithoutDeviation: float
        /// As printed.
        Improvement: string
    }

[<RequireQualifiedAccess>]
module Published =
    let private invariant = CultureInfo.InvariantCulture

    let private lines (file: string) =
        match Files.embedded (Assembly.GetExecutingAssembly()) file with
        | None -> invalidOp $"the assembly lacks its table {file}"
        | Some text ->
            text.Split '\n'
            |> Array.map _.Trim()
            |> Array.filter (fun line -> line <> "")
            |> Array.map (fun line -> line.Split ',' |> List.ofArray)
            |> List.ofArray

    let number (text: string) = System.Double.Parse(text, invariant)

    let private table file =
        match lines file with
        | heading :: rows -> { Methods = List.tail heading; Rows = rows |> List.map (fun row -> List.head row, List.tail row) }
        | [] -> invalidOp $"the table {file} is empty"

    /// Table 1: image AUROC in percent.
    let imageAuroc = table "table1_image_auroc.csv"

    /// Table 2: pixel AUROC in percent.
    let pixelAuroc = table "table2_pixel_auroc.csv"

    /// Table 3: the noise ablation.
    let noise =
        lines "table3_noise_ablation.csv"
        |> List.tail
        |> List.map (function
            | [ category; mean; deviation; withoutMean; withoutDeviation; improvement ] ->
                {
                    Category = category
                    With = number mean
                    WithDeviation = number deviation
                    Without = number withoutMean
                    WithoutDeviation = number withoutDeviation
                    Improvement = improvement
                }
            | row -> invalidOp $"""Table 3 has a line of {row.Length} entries""")

    let isAverage (row: string) = row.StartsWith "avg."

    let textures = [ "carpet"; "grid"; "leather"; "tile"; "wood" ]

    /// The categories of MVTec AD, textures first.
    let categories = imageAuroc.Rows |> List.map fst |> List.filter (isAverage >> not)

    /// The categories that an average is over.
    let averaged (row: string) =
        if row.StartsWith "avg. tex" then textures
        elif row.StartsWith "avg. obj" then List.except textures categories
        else categories

    /// A method's entry in a line.
    let entry (table: PublishedTable) methodTitle row =
        match List.tryFindIndex ((=) methodTitle) table.Methods, List.tryFind (fun (name, _) -> name = row) table.Rows with
        | Some column, Some(_, entries) -> Some entries[column]
        | _ -> None

    /// The mean of a method's column over some categories.
    let mean table methodTitle categories = categories |> List.choose (entry table methodTitle) |> List.averageBy number

    /// Whether what was printed is what rounding the value to its digits gives.
    let agrees (printed: string) (value: float) =
        let digits =
            match printed.IndexOf '.' with
            | -1 -> 0
            | point -> printed.Length - point - 1

        // Half a unit of the last digit, and what adding decimals in binary may cost.
        abs (number printed - value) <= 0.5 * 10.0 ** float -(max 1 digits) + 1e-9

    /// An AUROC that no detector has: what was printed where a number was lost.
    let isMisprint (printed: string) = number printed = 0.0

    /// Whether a line of Table 3 is the difference of its own entries.
    let improvementAgrees (row: PublishedAblation) = agrees row.Improvement (row.With - row.Without)
