/// API keys: the server knows only their hashes.
namespace Fae.Server

open System
open System.IO
open System.Security.Cryptography
open System.Text

/// What somebody may do.
type Role =
    /// Everything.
    | Engineer
    /// Inspecting, looking, and marking verdicts.
    | Operator

[<RequireQualifiedAccess>]
module Role =
    let name =
        function
        | Engineer -> "engineer"
        | Operator -> "operator"

    let tryParse text = [ Engineer; Operator ] |> List.tryFind (fun role -> name role = text)

/// Who asks.
type Caller = { Name: string; Role: Role }

/// The SHA-256 hashes of the accepted keys, and whose they are.
type Keys(callers: (byte[] * Caller) list) =
    static let tryParse (number: int) (line: string) =
        match line.Split([| ' '; '\t' |], StringSplitOptions.RemoveEmptyEntries) with
        | [||] -> Ok None
        | words ->
            let hash, name = words[0], (if words.Length > 1 then words[1] else $"key {number}")

            let role =
                match words |> Array.tryItem 2 with
                | None -> Some Engineer
                | Some text -> Role.tryParse text

            match role with
            | _ when hash.Length <> 64 || not (Seq.forall Char.IsAsciiHexDigit hash) ->
                Error "holds a line that is no SHA-256 in hexadecimal; make one with: printf %s KEY | sha256sum"
            | Some role when words.Length <= 3 -> Ok(Some(Convert.FromHexString hash, { Name = name; Role = role }))
            | _ -> Error $"line {number}: write HASH, HASH NAME, or HASH NAME ROLE with the role engineer or operator"

    /// Reads a file of hexadecimal hashes, one a line, each with a name and a role if wanted; # starts a comment.
    static member Read(path: string) : Result<Keys, string> =
        try
            let lines = File.ReadAllLines path |> Array.mapi (fun i line -> tryParse (i + 1) (line.Split('#')[0])) |> List.ofArray

            match
                lines
                |> List.tryPick (fun line ->
                    match line with
                    | Error reason -> Some reason
                    | Ok _ -> None)
            with
            | Some reason -> Error $"{path}: {reason}"
            | None ->
                match
                    lines
                    |> List.choose (function
                        | Ok found -> found
                        | Error _ -> None)
                with
                | [] -> Error $"{path}: holds no key"
                | found -> Ok(Keys found)
        with
        | :? IOException
        | :? UnauthorizedAccessException as e -> Error e.Message

    member _.ByName(name: string) : Caller option = callers |> List.map snd |> List.tryFind (fun caller -> caller.Name = name)

    /// Whose key it is; every hash is compared, each in constant time.
    member _.Find(key: string) : Caller option =
        let hash = SHA256.HashData(Encoding.UTF8.GetBytes key)

        callers
        |> List.fold
            (fun found (known, caller) ->
                if CryptographicOperations.FixedTimeEquals(ReadOnlySpan hash, ReadOnlySpan known) then
                    Some caller
                else
                    found)
            None
