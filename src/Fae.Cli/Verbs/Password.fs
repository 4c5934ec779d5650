/// fae password: a person's line in the file of people, with a hash of the password that is typed or piped in.
namespace Fae.Cli

open System
open System.IO
open System.Text
open Argu
open Fae.Data
open Fae.Detection
open Fae.Server
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module Password =
    let private shortest = 10

    /// Reads a line from the terminal without showing it.
    let private readHidden (prompt: string) =
        System.Console.Error.Write prompt
        let typed = StringBuilder()
        let mutable go = true

        while go do
            let key = System.Console.ReadKey true

            match key.Key with
            | ConsoleKey.Enter -> go <- false
            | ConsoleKey.Backspace when typed.Length > 0 -> typed.Length <- typed.Length - 1
            | ConsoleKey.Backspace -> ()
            | _ when key.KeyChar >= ' ' -> typed.Append key.KeyChar |> ignore
            | _ -> ()

        System.Console.Error.WriteLine()
        string typed

    let private read () : Result<string, Fault> =
        let password, isSame =
            if System.Console.IsInputRedirected then
                System.Console.In.ReadLine() |> Option.ofObj |> Option.defaultValue "", true
            else
                let first = readHidden "Password: "
                first, readHidden "Once more: " = first

        if not isSame then
            Error(Usage [ "the two passwords differ" ])
        elif password.Length < shortest then
            Error(Usage [ $"a password has at least {shortest} characters" ])
        else
            Ok password

    let run (args: ParseResults<PasswordArgs>) : Result<int, Fault> =
        result {
            let name = args.GetResult PasswordArgs.Name
            let path = args.GetResult PasswordArgs.People
            let role = args.GetResult(PasswordArgs.Role, defaultValue = Role.name Operator)

            let! role = Role.tryParse role |> Result.requireSome (Usage [ $"--role {role}: must be engineer or operator" ])

            do!
                People.IsName name
                |> Result.requireTrue (Usage [ $"{name}: a name has letters, digits and -_.@ alone, at most 64" ])

            let isThere = File.Exists path
            // A file that is no file of people is not written to.
            do!
                if isThere then
                    People.Read path |> Result.map ignore |> Result.mapError (fun reason -> Usage [ $"--people {reason}" ])
                else
                    Ok()

            let! password = read ()
            let lines = if isThere then List.ofArray (File.ReadAllLines path) else []
            let lines = People.Replace(lines, { Name = name; Role = role }, password)
            AtomicFile.WriteText(path, String.concat "\n" lines + "\n")
            Console.say $"{name} signs in as {Role.name role}; a server that runs is to be started anew"
            return 0
        }
