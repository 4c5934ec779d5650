/// The regions of a heatmap whose rows come one after the other, without an end: `Scoring.regions` for strips.
namespace Fae.Core

/// A region of a strip. X, Y: its first column and row, counted from the strip's. Peak: the largest value in it. Continues: it was cut
/// because it had become too long, and its next part follows.
[<Struct>]
type StripRegion = { X: int; Y: int64; Width: int; Height: int; Area: int64; Peak: float32; Continues: bool }

/// A region that later rows may still add to: its part so far, and its runs [from, to) in the last row.
type OpenRegion = { Part: StripRegion; Runs: (int * int) list }

/// After some rows: how many there were, and the open regions.
type RegionRows = { Rows: int64; Open: OpenRegion list }

[<RequireQualifiedAccess>]
module RegionRows =
    let empty = { Rows = 0L; Open = [] }

    /// One region of two parts.
    let join a b =
        let left, top = min a.X b.X, min a.Y b.Y
        let right, bottom = max (a.X + a.Width) (b.X + b.Width), max (a.Y + int64 a.Height) (b.Y + int64 b.Height)

        {
            X = left
            Y = top
            Width = right - left
            Height = int (bottom - top)
            Area = a.Area + b.Area
            Peak = max a.Peak b.Peak
            Continues = false
        }

    /// The longest runs [from, to) of values ≥ threshold.
    let private runs threshold (row: float32[]) =
        let inside x = x >= 0 && x < row.Length && row[x] >= threshold
        let begins = [ for x in 0 .. row.Length - 1 -> x ] |> List.filter (fun x -> inside x && not (inside (x - 1)))
        begins |> List.map (fun x -> x, Seq.initInfinite ((+) x) |> Seq.find (inside >> not))

    /// 8-connected: corners touch.
    let private touches (a, b) (from, till) = a <= till && from <= b

    /// Open regions with the runs that join them, after one more run.
    let private add groups run =
        let joined, apart =
            groups
            |> List.partition (fun (regions, _) -> regions |> List.exists (fun region -> region.Runs |> List.exists (touches run)))

        (List.collect fst joined, run :: List.collect snd joined) :: apart

    /// One more row of the heatmap: the regions, or parts of them, that end above it, and the state after it. A region is cut after
    /// `longest` rows; 0: never.
    let next longest threshold (row: float32[]) state =
        let partOf (from, till) =
            {
                X = from
                Y = state.Rows
                Width = till - from
                Height = 1
                Area = int64 (till - from)
                Peak = Array.max row[from .. till - 1]
                Continues = false
            }

        let follow (regions, runs) =
            let above = regions |> List.map _.Part
            let here = runs |> List.map partOf

            match above, here with
            | _, [] -> above, None
            | _ :: _, _ when longest > 0 && (List.reduce join above).Height >= longest ->
                [ { List.reduce join above with Continues = true } ], Some { Part = List.reduce join here; Runs = runs }
            | _ -> [], Some { Part = List.reduce join (above @ here); Runs = runs }

        let groups = runs threshold row |> List.fold add [ for region in state.Open -> [ region ], [] ]
        let ended, opened = groups |> List.map follow |> List.unzip
        List.concat ended, { Rows = state.Rows + 1L; Open = List.choose id opened }

    /// The regions that were open at the end.
    let finish state = state.Open |> List.map _.Part
