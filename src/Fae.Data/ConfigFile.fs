/// Configuration files: a user's own, and those that come with the program.
namespace Fae.Data

open System.IO
open Fae.Core
open Fae.Detection
open Fae.Imaging
open Tomlyn
open Tomlyn.Model

[<RequireQualifiedAccess>]
module ConfigFile =
    let private readable path (parse: string -> Result<'a, string list>) =
        try
            parse (File.ReadAllText path)
        with
        | :? IOException
        | :? System.UnauthorizedAccessException as e -> Error [ e.Message ]

    /// Reads a file; keys that it leaves out have their defaults.
    let read (path: string) = readable path (fun text -> ConfigText.Parse(text, Config.defaults))

    /// The folder that the user's settings file names as `libtorch`, if it does; there is no other key.
    let libtorchFolder (path: string) : Result<string option, string list> =
        let ofTable (table: TomlTable) =
            match Seq.tryFind ((<>) "libtorch") table.Keys, table.TryGetValue "libtorch" with
            | Some unknown, _ -> Error [ $"{path}: unknown key '{unknown}'; there is only libtorch" ]
            | None, (true, (:? string as folder)) -> Ok(Some folder)
            | None, (true, _) -> Error [ $"{path}: 'libtorch' must be the name of a folder in quotes" ]
            | None, _ -> Ok None

        readable path (fun text ->
            try
                match TomlSerializer.Deserialize<TomlTable> text with
                | null -> Ok None
                | table -> ofTable table
            with :? TomlException as e ->
                Error [ $"{path}: {e.Message.Split('\n')[0]}" ])

    /// A configuration that comes with the program: "mvtec/carpet", "methods/riad".
    let builtIn (name: string) = Files.embedded (System.Reflection.Assembly.GetExecutingAssembly()) (name + ".toml")
