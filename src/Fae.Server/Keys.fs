/// API keys: the server knows only their hashes.
namespace Fae.Server

open System
open System.IO
open System.Security.Cryptography
open System.Text

/// The SHA-256 hashes of the accepted keys.
type Keys(hashes: byte[] list) =
    /// Reads a file of hexadecimal hashes, one a line; # starts a comment.
    static member Read(path: string) : Result<Keys, string> =
        try
            let lines =
                File.ReadAllLines path
                |> Array.map (fun line -> line.Split('#')[0] |> _.Trim())
                |> Array.filter (fun line -> line <> "")
                |> List.ofArray

            match lines |> List.tryFind (fun line -> line.Length <> 64 || not (Seq.forall Char.IsAsciiHexDigit line)) with
            | Some _ -> Error $"{path}: holds a line that is no SHA-256 in hexadecimal; make one with: printf %%s KEY | sha256sum"
            | None when lines.IsEmpty -> Error $"{path}: holds no key"
            | None -> Ok(Keys(lines |> List.map Convert.FromHexString))
        with
        | :? IOException
        | :? UnauthorizedAccessException as e -> Error e.Message

    /// Whether this key is one of them; every hash is compared, each in constant time.
    member _.LetsIn(key: string) =
        let hash = SHA256.HashData(Encoding.UTF8.GetBytes key)

        hashes
        |> List.fold (fun found known -> CryptographicOperations.FixedTimeEquals(ReadOnlySpan hash, ReadOnlySpan known) || found) false
