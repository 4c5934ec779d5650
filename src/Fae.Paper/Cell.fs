/// One model of a sweep: method × category × ablation × seed.
namespace Fae.Paper

open Fae.Core

/// One model to train and evaluate: a cell of the tables.
type Cell = { Method: string; Category: string; Without: Ablation option; Seed: int }

[<RequireQualifiedAccess>]
module Cell =
    /// The method of the paper itself; the ablations are its.
    let paper = "fae"

    /// All cells in the order in which they are run: every category once before the second seed, each ablation beside what it is compared
    /// with.
    let all (methods: string list) (categories: string list) (ablations: Ablation list) (seeds: int) =
        [
            for seed in 0 .. seeds - 1 do
                for category in categories do
                    for word in methods do
                        for without in (if word = paper then None :: List.map Some ablations else [ None ]) ->
                            { Method = word; Category = category; Without = without; Seed = seed }
        ]

    /// Where it lies below the folder of its budget: method/category/variant/seed, no two the same.
    let path cell =
        let variant =
            match cell.Without with
            | None -> "whole"
            | Some ablation -> "without-" + Ablation.name ablation

        [ cell.Method; cell.Category; variant; $"seed-{cell.Seed}" ]

    /// In words: "carpet, without noise, seed 2".
    let describe cell =
        [
            if cell.Method <> paper then cell.Method
            cell.Category
            match cell.Without with
            | Some ablation -> "without " + Ablation.describe ablation
            | None -> ()
            $"seed {cell.Seed}"
        ]
        |> String.concat ", "

    /// The configuration that a cell trains by, from its category's.
    let config budget cell (config: Config) =
        let left = Option.foldBack Ablation.leaveOut cell.Without config

        Budget.apply budget { left with Config.Train.Seed = cell.Seed }
