/// fae corrupt: contact sheets of what training sees.
namespace Fae.Cli

open System.IO
open Argu
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module Corrupt =
    let private rowsOfSheet = 6
    let private samplesOfRow = 2

    /// Pictures side by side on a grid, a few dark pixels between them.
    let private sheet (rows: Image list list) =
        let gap = 4
        let first = rows |> List.head |> List.head
        let columns = rows |> List.map List.length |> List.max
        let cellH, cellW = first.Height + gap, first.Width + gap
        let cells = rows |> List.map Array.ofList |> Array.ofList

        Image.init 3 (rows.Length * cellH) (columns * cellW) (fun c y x ->
            let row, column = cells[y / cellH], x / cellW
            let v, u = y % cellH, x % cellW

            if column < row.Length && v < first.Height && u < first.Width then
                let image = row[column]
                max 0.0f (min 1.0f image[c % image.Channels, v, u])
            else
                0.1f)

    let run (args: ParseResults<CorruptArgs>) : Result<int, Fault> =
        result {
            let! fromFile =
                args.TryGetResult CorruptArgs.Config
                |> Option.map Options.configFile
                |> Option.defaultValue (Ok Config.automatic)

            let! config = Options.overridden (args.GetResults CorruptArgs.Set) (args.TryGetResult CorruptArgs.Seed) None fromFile

            let data = args.GetResult CorruptArgs.Data
            let out = args.GetResult CorruptArgs.Out
            let count = args.GetResult(CorruptArgs.Count, defaultValue = 24)

            do! Options.positive "--count" count

            let! split = Pictures.split config data

            let config = Pictures.withValues config split.Training
            let channels = Pictures.channels config split.Training
            let! config = Pictures.surveyed (fun mostHeld -> WorkingSize.resolution mostHeld None) config channels split.Training

            let! pictures = Pictures.training config channels None split.Training
            let config = Pictures.settled config pictures
            let! textures = Pictures.textures config channels (args.TryGetResult CorruptArgs.Textures)
            let source = TrainingSource(config, pictures, Array.ofList textures, None)

            let samples =
                [ 0 .. count - 1 ]
                |> List.map (fun number -> source.Draw(number / config.Train.Batch + 1, number % config.Train.Batch))

            let triple drawn =
                let struct (input, _) = Noise.add drawn.Noise drawn.Corrupted.Image drawn.Clean
                [ drawn.Clean; drawn.Corrupted.Mask; input ]

            let sheets =
                samples
                |> List.map triple
                |> List.chunkBySize samplesOfRow
                |> List.map List.concat
                |> List.chunkBySize rowsOfSheet

            let write number rows =
                let file = Path.Combine(out, $"sheet_{number:D3}.png")
                AtomicFile.Write(file, fun stream -> stream.Write(ImageEncoder.toPng (sheet rows)))
                Console.say $"wrote {file}"

            List.iteri write sheets
            let plans = samples |> List.map (fun drawn -> PlanJson.write drawn.Plan)
            AtomicFile.WriteText(Path.Combine(out, "plans.jsonl"), String.concat "\n" plans + "\n")
            return 0
        }
