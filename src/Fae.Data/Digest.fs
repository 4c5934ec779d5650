/// SHA-256 digests in hexadecimal.
namespace Fae.Data

open System
open System.IO
open System.Security.Cryptography
open System.Text

[<RequireQualifiedAccess>]
module Digest =
    let ofFile (path: string) =
        use file = File.OpenRead path
        Convert.ToHexString(SHA256.HashData file)

    let ofText (text: string) = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes text))
