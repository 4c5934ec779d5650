/// Pieces of pictures too large to hold, prepared for the network, each file read once from its first row to its last.
namespace Fae.Data

open System
open Fae.Core
open Fae.Detection
open Fae.Imaging

[<RequireQualifiedAccess>]
module PieceReader =
    /// Pixels of all pieces that training pictures are cut to, over all planes: a gigabyte. The same on every machine, so that a seed means
    /// the same pieces.
    let trainingCapacity = 1L <<< 28

    /// Of held-out pictures less is looked at: thresholds come from the files.
    let heldOutCapacity = trainingCapacity / 4L

    /// Whether a picture of these is read in rows, and all are therefore cut to pieces. An ignore mask belongs to whole pictures.
    let suits (config: Config) ignore (paths: string list) =
        config.Image.Tile > 0
        && Option.isNone ignore
        && paths |> Array.ofList |> Array.Parallel.exists (fun path -> PreparedRows.Shape(config, path).HasValue)

    /// Height and width of a prepared picture, from its header.
    let private shapeOf config path =
        ImageDecoder.header path
        |> Result.map (fun (struct (width, height, _)) -> InputGeometry.preparedShape config (struct (height, width)))

    /// Copies what rows from `top` on have of a piece.
    let private copy (top: int) (rows: Image) (struct (piece: Piece, pixels: float32[])) =
        let struct (first, left) = piece.Corner
        let struct (height, width) = piece.Extent

        for row in max 0 (first - top) .. min rows.Height (first + height - top) - 1 do
            for c in 0 .. rows.Channels - 1 do
                let from = (c * rows.Height + row) * rows.Width + left
                let target = (c * height + top + row - first) * width
                Array.Copy(rows.Pixels, from, pixels, target, width)

    /// These pieces of a picture.
    let private read (config: Config) channels path (pieces: Piece[]) =
        let begun =
            pieces
            |> Array.map (fun piece -> struct (piece, Array.zeroCreate<float32>(channels * int (Piece.pixels piece))))

        let take top rows = begun |> Array.iter (copy top rows)

        let done' =
            match PreparedRows.Shape(config, path) |> Option.ofNullable with
            | Some own -> PreparedRows.Read(config, channels, path, own, (fun top rows -> take top rows)) |> Result.map ignore
            | None -> ImagePreparation.ofFile config channels null path |> Result.map (fun picture -> take 0 picture.Image)

        done'
        |> Result.map (fun () ->
            [
                for struct (piece, pixels) in begun do
                    let struct (height, width) = piece.Extent
                    Image.ofArray channels height width pixels
            ])

    /// Some pieces of these pictures, `capacity` values at most and at least one of each, as a cache. All that cannot be read are listed.
    let cache (config: Config) channels (capacity: int64) (paths: string list) : Result<ImageCache, DataProblem list> =
        let seed = Random.fork 6UL (Random.ofSeed (uint64 config.Train.Seed))

        DataSet.readAll (shapeOf config) paths
        |> Result.bind (fun shapes ->
            let chosen = Pieces.choose seed (capacity / int64 channels) config.Image.Size (Array.ofList shapes)

            List.zip paths (List.ofArray chosen)
            |> DataSet.readAll (fun (path, pieces) -> read config channels path pieces)
            |> Result.map (fun images -> ImageCache.OfPieces(List.zip paths images)))
