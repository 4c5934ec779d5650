/// Strips: pictures whose rows come one after the other.
module Fae.Spec.StripLaws

open Fae.Core
open Fae.Kernels
open Fae.Spec.Generators

/// The rows of a picture in parts of so many, the last one with the rest.
let parts count (image: Image) = [ for first in 0..count .. image.Height - 1 -> Bands.slice first (min image.Height (first + count)) image ]

/// A stage's rows for a picture that comes in parts.
let through count (stage: IRowStage) image =
    [
        for rows in parts count image do
            yield! stage.Push rows

        yield! stage.Complete()
    ]
    |> Bands.stack

[<NoComparison; NoEquality>]
type Filtering =
    {
        /// rows at once → margin → step → f → picture
        Map: int -> int -> int -> (Image -> Image) -> Image -> Image
    }

let private few (a: uint8) = 1 + int a % 9

/// Ways of scoring: each measure alone, smoothed, and all together.
let private ways =
    [
        for measure in Difference.all @ [ MultiGms; Smoothed(3, 2, Ssim); Weighted [ 1.0f, Mse; 2.0f, MultiGms ] ] ->
            Scoring.ofMap measure 5 2
    ]

/// Of pictures so small that every size of GMS is there or not, whatever rows are cut off.
let private tall (Pair(x, r)) =
    let over (image: Image) = Image.init 1 (96 + image.Height) (8 + image.Width) (fun _ y x -> image[0, y % image.Height, x % image.Width])

    over x, over r

let private beside (x: Image) (r: Image) = Image.ofArray (x.Channels + r.Channels) x.Height x.Width (Array.append x.Pixels r.Pixels)

let private filteringLaws: Law<Filtering> list =
    [
        Law.forAll "what looks one row up is the same as on the whole picture" (fun f (Grey image, a) ->
            let difference (image: Image) =
                Image.init 1 image.Height image.Width (fun _ y x -> image[0, y, x] - image[0, max 0 (y - 1), x])

            f.Map (few a) 1 1 difference image = difference image)
        Law.forAll "mean filters are the same as on the whole picture" (fun f (Grey image, a, b, c) ->
            let size, passes = 2 * (few b / 2) + 1, few c % 4
            let filter = MeanFilter.apply size passes
            Near.images 1e-6f (f.Map (few a) (passes * (size / 2)) 1 filter image) (filter image))
        Law.forAll "heatmaps are the same as on the whole picture, with the reach and the step that their scoring says" (fun f (pair, a) ->
            let x, r = tall pair

            ways
            |> List.forall (fun way ->
                let heatmap (image: Image) = Scoring.heatmap way (Image.plane 0 image) (Image.plane 1 image)
                let step = Difference.rowStep way.Measure
                Near.images 2e-5f (f.Map (16 + few a) (Scoring.reach way) step heatmap (beside x r)) (heatmap (beside x r))))
        Law.forAll "f sees few rows at once, however many the picture has" (fun f (Grey image, a, b) ->
            let rows, margin = few a, few b % 3
            let mutable most = 0

            let seen (image: Image) =
                most <- max most image.Height
                image

            f.Map rows margin 1 seen image |> ignore
            most <= 2 * rows + 2 * margin + 1)
    ]

let private filtering =
    Suite.create
        "Bands"
        "A picture in bands of whole rows: what depends on rows nearby is computed band by band, in memory for a band."
        filteringLaws
        [
            "plain", { Map = Bands.map }
            "kernel", { Map = fun rows margin step f image -> through rows (RowFilter(margin, step, rows, f)) image }
            "kernel, row by row", { Map = fun rows margin step f image -> through 1 (RowFilter(margin, step, rows, f)) image }
        ]
        [
            "bands end where they are kept",
            "what looks one row up is the same as on the whole picture",
            { Map = fun rows _ _ -> Bands.map rows 0 1 }
            "a row too few is looked at",
            "mean filters are the same as on the whole picture",
            { Map = fun rows margin -> Bands.map rows (max 0 (margin - 1)) }
            "bands begin anywhere",
            "heatmaps are the same as on the whole picture, with the reach and the step that their scoring says",
            { Map = fun rows margin _ -> Bands.map rows margin 1 }
            "the whole picture at once", "f sees few rows at once, however many the picture has", { Map = fun _ _ _ f -> f }
        ]

[<NoComparison; NoEquality>]
type Tracking =
    {
        /// longest → threshold → heatmap → regions, each with the number of rows after which it was told
        Track: int -> float32 -> Image -> (StripRegion * int64) list
    }

/// Row by row, the end as a row more.
let private told next finish (heatmap: Image) =
    let rows = parts 1 heatmap

    [
        for i, row in List.indexed rows do
            for region in next row -> region, int64 (i + 1)

        for region in finish () -> region, int64 heatmap.Height
    ]

let private plainTracking: Tracking =
    {
        Track =
            fun longest threshold heatmap ->
                let mutable state = RegionRows.empty

                told
                    (fun row ->
                        let ended, after = RegionRows.next longest threshold row.Pixels state
                        state <- after
                        ended)
                    (fun () -> RegionRows.finish state)
                    heatmap
    }

let private trackerOf rows : Tracking =
    {
        Track =
            fun longest threshold heatmap ->
                let tracker = RegionTracker(threshold, longest)

                if rows = 1 then
                    told (fun row -> List.ofSeq (tracker.Push row)) (fun () -> List.ofSeq (tracker.Complete())) heatmap
                else
                    // When a region is told is known to a row only where rows come one by one.
                    [
                        for part in parts rows heatmap do
                            yield! tracker.Push part

                        yield! tracker.Complete()
                    ]
                    |> List.map (fun region -> region, min (int64 heatmap.Height) (region.Y + int64 region.Height + 1L))
    }

let private whole (region: StripRegion) : Region =
    {
        X = region.X
        Y = int region.Y
        Width = region.Width
        Height = region.Height
        Area = int region.Area
        Peak = region.Peak
    }

/// A quarter of the pixels of most pictures are above it: regions join and part often.
let private threshold = 0.7f

let private trackingLaws: Law<Tracking> list =
    [
        Law.forAll "the regions are those of the whole heatmap" (fun t (Grey map) ->
            let found = t.Track 0 threshold map |> List.map (fst >> whole)
            List.sort found = List.sort (Scoring.regions None threshold map))
        Law.forAll "a region is told with the first row that does not touch it, or at the end" (fun t (Grey map) ->
            t.Track 0 threshold map
            |> List.forall (fun (region, rows) -> rows = min (int64 map.Height) (region.Y + int64 region.Height + 1L)))
        Law.forAll "no part of a cut region is longer than asked, and each is told as soon as that is known" (fun t (Grey map, a) ->
            let longest = few a

            t.Track longest threshold map
            |> List.forall (fun (part, rows) -> part.Height <= longest && rows <= part.Y + int64 longest + 1L))
        Law.forAll "cut or not, the same pixels belong to regions, and the same peaks" (fun t (Grey map, a) ->
            let above = map.Pixels |> Array.filter (fun v -> v >= threshold)
            let parts = t.Track (few a) threshold map |> List.map fst

            (parts |> List.sumBy _.Area) = int64 above.Length
            && (parts.IsEmpty || (parts |> List.map _.Peak |> List.max) = Array.max above))
        Law.forAll "a part that goes on is followed by another, and each region has one last part" (fun t (Grey map, a) ->
            let parts = t.Track (few a) threshold map |> List.map fst
            let has row (part: StripRegion) = part.Y <= row && row < part.Y + int64 part.Height

            parts
            |> List.forall (fun part -> not part.Continues || parts |> List.exists (has (part.Y + int64 part.Height)))
            && (parts |> List.filter (fun part -> not part.Continues)).Length = (Scoring.regions None threshold map).Length)
    ]

/// The plain regions with a change to each.
let private changed change : Tracking =
    { Track = fun longest threshold map -> plainTracking.Track longest threshold map |> List.map (change map) }

let private tracking =
    Suite.create
        "Regions of a strip"
        "Connected regions of a heatmap whose rows come one after the other: told as soon as no row can add to them."
        trackingLaws
        [ "plain", plainTracking; "kernel", trackerOf 1; "kernel, three rows at once", trackerOf 3 ]
        [
            "corners do not touch",
            "the regions are those of the whole heatmap",
            {
                Track =
                    fun longest threshold map ->
                        // Columns apart: what touches by a corner alone is two regions.
                        plainTracking.Track
                            longest
                            threshold
                            (Image.init 1 map.Height (2 * map.Width) (fun _ y x ->
                                if x % 2 = 0 then map[0, y, x / 2]
                                elif x / 2 + 1 < map.Width then min map[0, y, x / 2] map[0, y, x / 2 + 1]
                                else 0.0f))
                        |> List.map (fun (region, rows) -> { region with X = region.X / 2; Width = (region.Width + 1) / 2 }, rows)
            }
            "all is told at the end",
            "a region is told with the first row that does not touch it, or at the end",
            changed (fun map (region, _) -> region, int64 map.Height)
            "nothing is cut",
            "no part of a cut region is longer than asked, and each is told as soon as that is known",
            { Track = fun _ -> plainTracking.Track 0 }
            "a part's area is its box's",
            "cut or not, the same pixels belong to regions, and the same peaks",
            changed (fun _ (region, rows) -> { region with Area = int64 region.Width * int64 region.Height }, rows)
            "every part goes on",
            "a part that goes on is followed by another, and each region has one last part",
            changed (fun _ (region, rows) -> { region with Continues = true }, rows)
        ]

let suites = [ filtering; tracking ]
