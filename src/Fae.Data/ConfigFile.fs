/// Configurations as TOML.
namespace Fae.Data

open System.IO
open Fae.Core
open Tomlyn
open Tomlyn.Model

[<RequireQualifiedAccess>]
module ConfigFile =
    let private setting (value: obj) =
        match value with
        | :? int64 as n -> Whole n
        | :? float as r -> Real r
        | :? bool as b -> Flag b
        | :? TomlArray as array ->
            Wholes
                [
                    for item in array ->
                        match item with
                        | :? int64 as n -> n
                        | _ -> raise (System.FormatException())
                ]
        | other -> Text(string other)

    let rec private flatten (prefix: string) (table: TomlTable) =
        [
            for pair in table do
                match pair.Value with
                | :? TomlTable as inner -> yield! flatten (prefix + pair.Key + ".") inner
                | value -> prefix + pair.Key, setting value
        ]

    /// Parses a configuration that changes a given one; keys that are not there keep their values. All that is wrong is told at once, a line each.
    let parseOver (config: Config) (text: string) : Result<Config, string list> =
        try
            let settings =
                match TomlSerializer.Deserialize<TomlTable> text with
                | null -> []
                | table -> flatten "" table

            Config.apply settings config
            |> Result.bind Config.check
            |> Result.mapError (List.map Config.explain)
        with
        | :? TomlException as e -> Error [ e.Message.Split('\n')[0] ]
        | :? System.FormatException -> Error [ "a list holds something else than whole numbers" ]

    /// Parses a configuration; keys that are not there keep their defaults.
    let parse = parseOver Config.defaults

    /// Reads a file.
    let read (path: string) =
        try
            parse (File.ReadAllText path)
        with
        | :? IOException
        | :? System.UnauthorizedAccessException as e -> Error [ e.Message ]

    /// The folder that a user's own settings name as `libtorch`, if they do; they know no other key.
    let own (path: string) : Result<string option, string list> =
        try
            match TomlSerializer.Deserialize<TomlTable>(File.ReadAllText path) with
            | null -> Ok None
            | table ->
                match Seq.tryFind ((<>) "libtorch") table.Keys, table.TryGetValue "libtorch" with
                | Some unknown, _ -> Error [ $"{path}: unknown key '{unknown}'; there is libtorch alone" ]
                | None, (true, (:? string as folder)) -> Ok(Some folder)
                | None, (true, _) -> Error [ $"{path}: 'libtorch' must be a folder's name in quotes" ]
                | None, _ -> Ok None
        with
        | :? TomlException as e -> Error [ $"{path}: {e.Message.Split('\n')[0]}" ]
        | :? IOException
        | :? System.UnauthorizedAccessException as e -> Error [ e.Message ]

    /// A configuration that came with the program: "mvtec/carpet", "methods/riad".
    let builtIn (name: string) = Files.embedded (System.Reflection.Assembly.GetExecutingAssembly()) (name + ".toml")
