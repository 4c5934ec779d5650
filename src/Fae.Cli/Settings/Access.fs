/// What serve, studio and watch --live share: where they listen, who may use them, when shifts begin.
namespace Fae.Cli

open System
open System.Globalization
open System.Net
open Fae.Data
open Fae.Server
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module Access =
    let private address (text: string option) =
        let text = defaultArg text "127.0.0.1"

        match IPAddress.TryParse text with
        | true, (NonNull address) -> Ok address
        | _ -> Error(Usage [ $"--bind {text}: write an address of this machine, 0.0.0.0 for all of them" ])

    let private file (name: string) (read: string -> Result<'a, string>) (path: string option) =
        path
        |> Option.map (read >> Result.mapError (fun reason -> Usage [ $"--{name} {reason}" ]))
        |> Option.sequenceResult

    /// Times of day like 6:00,14:00.
    let private shifts (text: string option) =
        text
        |> Option.map Options.words
        |> Option.defaultValue []
        |> List.traverseResultM (fun word ->
            match TimeOnly.TryParseExact(word, [| "H:mm"; "HH:mm" |], CultureInfo.InvariantCulture, DateTimeStyles.None) with
            | true, time -> Ok time
            | _ -> Error(Usage [ $"--shifts {word}: write times of day like 6:00,14:00,22:00" ]))

    /// The server's options with these of the command line.
    let options (bind: string option) keys people shiftTimes (start: ServerOptions) : Result<ServerOptions, Fault> =
        result {
            let! address = address bind
            let! keys = file "keys" Keys.Read keys
            let! people = file "people" People.Read people
            let! shifts = shifts shiftTimes

            if keys.IsNone && people.IsNone && not (IPAddress.IsLoopback address) then
                Console.warn "everyone who can reach this machine can use the server; --keys FILE or --people FILE asks who they are"

            return { start with Address = address; Keys = keys; People = people; Shifts = shifts }
        }
