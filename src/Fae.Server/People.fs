/// People with passwords: a file of lines NAME ROLE HASH.
namespace Fae.Server

open System
open System.IO
open Microsoft.AspNetCore.Identity

type private Person = { Caller: Caller; Hash: string }

/// The people of a password file. Hashes are ASP.NET Core Identity's (PBKDF2, salted).
type People private (people: Person list) =
    static let hasher = PasswordHasher<string>()

    static let words (line: string) =
        let statement = line.Split('#')[0]
        statement.Split([| ' '; '\t' |], StringSplitOptions.RemoveEmptyEntries)

    static let tryParse (number: int) (line: string) =
        match words line with
        | [||] -> Ok None
        | [| name; role; hash |] ->
            match Role.tryParse role with
            | Some role -> Ok(Some { Caller = { Name = name; Role = role }; Hash = hash })
            | None -> Error $"line {number}: the role is engineer or operator, not {role}"
        | _ -> Error $"line {number}: write NAME ROLE HASH; fae password makes such lines"

    /// A name is one word of the file.
    static member IsName(name: string) =
        name <> ""
        && name.Length <= 64
        && Seq.forall (fun c -> Char.IsLetterOrDigit c || "-_.@".Contains(c: char)) name

    /// The line of a person.
    static member Line(caller: Caller, password: string) =
        $"{caller.Name} {Role.name caller.Role} {hasher.HashPassword(caller.Name, password)}"

    /// The lines of a file with a person's line added, or replaced if the person is there.
    static member Replace(lines: string list, caller: Caller, password: string) =
        let isOther (line: string) = Array.tryHead (words line) <> Some caller.Name
        List.filter isOther lines @ [ People.Line(caller, password) ]

    static member Read(path: string) : Result<People, string> =
        try
            let parsed = File.ReadAllLines path |> Array.mapi (fun i line -> tryParse (i + 1) line) |> List.ofArray

            match
                parsed
                |> List.tryPick (
                    Result.map ignore
                    >> function
                        | Error reason -> Some reason
                        | Ok() -> None
                )
            with
            | Some reason -> Error $"{path}: {reason}"
            | None ->
                match parsed |> List.choose (Result.defaultValue None) with
                | [] -> Error $"{path}: holds nobody"
                | people when (people |> List.distinctBy _.Caller.Name).Length < people.Length -> Error $"{path}: holds a name twice"
                | people -> Ok(People people)
        with
        | :? IOException
        | :? UnauthorizedAccessException as e -> Error e.Message

    member _.ByName(name: string) : Caller option = people |> List.tryFind (fun person -> person.Caller.Name = name) |> Option.map _.Caller

    /// Who has this name and password. An unknown name takes as long as a known one.
    member _.Find(name: string, password: string) : Caller option =
        let person = people |> List.tryFind (fun person -> person.Caller.Name = name)
        let hash = (person |> Option.defaultValue people.Head).Hash
        let isRight = hasher.VerifyHashedPassword(name, hash, password) <> PasswordVerificationResult.Failed
        if isRight then person |> Option.map _.Caller else None
