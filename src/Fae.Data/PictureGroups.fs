/// Which good pictures show the same part. They must not be trained on and held out both: held-out scores would promise too much.
namespace Fae.Data

open System.Text.RegularExpressions
open Fae.Core
open Fae.Imaging

[<RequireQualifiedAccess>]
module PictureGroups =
    /// With fewer groups the pictures are rather kinds of parts than frames of the same ones, or there are too few parts to train on.
    let private fewest = 8

    /// A group with a larger share of all pictures is no burst: parts that all look alike are linked in a chain, each to those that happen
    /// to lie alike.
    let private largestShare = 0.3

    /// Of more pictures the comparison would take gigabytes; a pattern can group them.
    let private mostSeen = 20_000

    let private alone (paths: string list) = List.mapi (fun i _ -> i) paths

    /// For each key the number of the first one that is equal to it.
    let private byKeys (keys: string list) =
        let first = keys |> List.mapi (fun i key -> key, i) |> List.rev |> Map.ofList
        keys |> List.map (fun key -> first[key])

    /// By what a pattern finds in the files' names: its first group, or all of it. Where it finds nothing, a picture is a group of its own.
    let private byName (pattern: string) (paths: string list) =
        try
            let regex = Regex(pattern, RegexOptions.CultureInvariant, System.TimeSpan.FromSeconds 1.0)

            let key path =
                let found = regex.Match(Files.name path)

                if not found.Success then path
                elif found.Groups.Count > 1 then "=" + found.Groups[1].Value
                else "=" + found.Value

            let groups = byKeys (List.map key paths)

            match (List.distinct groups).Length with
            | count when count < 4 -> Error [ GroupPattern(pattern, $"it finds {count} part(s) in the names; at least 4 are needed") ]
            | _ -> Ok groups
        with
        | :? System.ArgumentException as e -> Error [ GroupPattern(pattern, e.Message) ]
        | :? RegexMatchTimeoutException -> Error [ GroupPattern(pattern, "takes too long") ]

    /// A file that cannot be read is like no other.
    let private digestOf (path: string) =
        try
            Digest.ofFile path
        with
        | :? System.IO.IOException
        | :? System.UnauthorizedAccessException -> path

    /// Copies of one file are a group, all others groups of one. Only files of equal sizes are read.
    let private byBytes (paths: string list) =
        let sizes = paths |> List.map (Files.stamp >> Option.map (fun (struct (size, _)) -> size))
        let counts = sizes |> List.countBy id |> Map.ofList
        List.map2 (fun path size -> if counts[size] > 1 then digestOf path else path) paths sizes |> byKeys

    /// By what is seen on them. Pictures that cannot be read are left to those who read all.
    let private bySight settings (paths: string list) =
        let size = NearDuplicates.side
        let blank = lazy (Array.zeroCreate<float32>(size * size))

        let detail path =
            match ImageDecoder.readAs settings 1 (fun _ -> struct (size, size)) path with
            | Ok picture -> NearDuplicates.detail picture.Image
            | Error _ -> blank.Value

        let groups = paths |> Array.ofList |> Array.Parallel.map detail |> NearDuplicates.groups |> List.ofArray
        let sizes = groups |> List.countBy id |> List.map snd

        let isChain = not paths.IsEmpty && paths.Length > fewest && float (List.max sizes) > largestShare * float paths.Length

        if isChain || sizes.Length < min fewest paths.Length then byBytes paths else groups

    /// For each picture the number of the first one of its group, as `train.groups` asks.
    let find (config: Config) (paths: string list) : Result<int list, DataProblem list> =
        match config.Train.Groups with
        | "none" -> Ok(alone paths)
        | "auto" when paths.Length > mostSeen -> Ok(byBytes paths)
        | "auto" -> Ok(bySight config.Image.Values paths)
        | pattern -> byName pattern paths
