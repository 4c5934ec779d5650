/// The arguments of fae reproduce as a sweep.
namespace Fae.Cli

open System.IO
open Argu
open Fae.Data
open Fae.Paper
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module ReproduceOptions =
    /// A list of known words, or all that are not known at once.
    let private known name (tryParse: string -> 'a option) (all: 'a list) show (text: string) =
        let parsed = Options.words text |> List.map (fun word -> word, tryParse word)

        match parsed |> List.filter (fun (_, value) -> value.IsNone) |> List.map fst with
        | [] -> Ok(parsed |> List.choose snd |> List.distinct)
        | unknown ->
            let choices = all |> List.map show |> String.concat ", "
            let unknown = String.concat ", " unknown
            Error(Usage [ $"{name} {unknown}: there are {choices}" ])

    let private chosenCategories root (requested: string option) =
        match Sweep.categoriesIn root, requested |> Option.map Options.words with
        | [], _ when not (Directory.Exists root) -> Error(Data [ NoFolder root ])
        | [], _ -> Error(Usage [ $"{root}: holds no data sets; each category is a folder with train/good, test and ground_truth in it" ])
        | there, None -> Ok there
        | there, Some requested ->
            match List.except there requested with
            | [] -> Ok(there |> List.filter (fun c -> List.contains c requested))
            | missing ->
                let missing, there = String.concat ", " missing, String.concat ", " there
                Error(Usage [ $"--categories {missing}: {root} holds {there}" ])

    /// The sweep of the arguments, or the first error.
    let sweep (args: ParseResults<ReproduceArgs>) =
        result {
            let data = Path.GetFullPath(args.GetResult ReproduceArgs.Data)

            let! budget =
                let word = args.GetResult(ReproduceArgs.Budget, defaultValue = Budget.name Budget.Full)

                match Budget.tryParse word with
                | Some budget -> Ok budget
                | None -> Error(Usage [ $"--budget {word}: there are smoke, short and full" ])

            let! ablations =
                match args.GetResult(ReproduceArgs.Ablate, defaultValue = "none") with
                | "none" -> Ok []
                | text -> known "--ablate" Ablation.tryParse Ablation.all Ablation.name text

            let! methods =
                match args.GetResult(ReproduceArgs.Methods, defaultValue = Cell.paper) with
                | "all" -> Ok Method.all
                | text -> known "--methods" Method.tryFind Method.known _.Name text

            let seeds = args.GetResult(ReproduceArgs.Seeds, defaultValue = 1)
            do! Options.positive "--seeds" seeds
            let! categories = chosenCategories data (args.TryGetResult ReproduceArgs.Categories)

            return
                {
                    Data = data
                    Out = Path.GetFullPath(args.GetResult ReproduceArgs.Out)
                    Budget = budget
                    Categories = categories
                    Ablations = ablations
                    Seeds = seeds
                    Cells = Cell.all (methods |> List.map _.Name) categories ablations seeds
                    Configs = args.TryGetResult ReproduceArgs.Configs |> Option.map Path.GetFullPath
                    Textures = args.TryGetResult ReproduceArgs.Textures |> Option.map Path.GetFullPath
                    Device = args.TryGetResult ReproduceArgs.Device
                }
        }
