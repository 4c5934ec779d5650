/// Which inspections are asked for.
namespace Fae.Server

open System

/// What people said of a verdict.
type MarkFilter =
    | Marked
    | Unmarked
    /// Marked as the opposite of the verdict.
    | Wrong

/// Every part that is given must hold.
type HistoryFilter =
    {
        /// Only older ones: a lower id.
        Before: int64 option
        Since: DateTimeOffset option
        Until: DateTimeOffset option
        Model: string option
        /// Part of the picture's name, its folders included, in small or large letters.
        Name: string option
        Anomalous: bool option
        Mark: MarkFilter option
    }

[<RequireQualifiedAccess>]
module HistoryFilter =
    let all = { Before = None; Since = None; Until = None; Model = None; Name = None; Anomalous = None; Mark = None }

    let private markCondition =
        function
        | Marked -> "mark IS NOT NULL"
        | Unmarked -> "mark IS NULL"
        | Wrong -> "mark <> anomalous"

    /// A condition in SQL and its parameters.
    let internal sql (filter: HistoryFilter) =
        let given name condition (value: 'a option) = value |> Option.map (fun value -> condition, [ name, (box value: obj | null) ])

        let parts =
            [
                filter.Before |> given "$before" "id < $before"
                filter.Since |> Option.map _.ToUnixTimeMilliseconds() |> given "$since" "time >= $since"
                filter.Until |> Option.map _.ToUnixTimeMilliseconds() |> given "$until" "time < $until"
                filter.Model |> given "$model" "model = $model"
                // instr knows no wildcards: a name may hold % and _.
                filter.Name |> given "$name" "instr(lower(name), lower($name)) > 0"
                filter.Anomalous |> given "$anomalous" "anomalous = $anomalous"
                filter.Mark |> Option.map (fun mark -> markCondition mark, [])
            ]
            |> List.choose id

        String.Join(" AND ", "1 = 1" :: List.map fst parts), List.collect snd parts
