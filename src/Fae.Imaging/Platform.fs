/// The systems that Fae's native libraries are there for.
namespace Fae.Imaging

open System
open System.Runtime.InteropServices

[<RequireQualifiedAccess>]
module Platform =
    /// Runtime identifiers of .NET: training on the first three, inspection on all.
    let supported = [ "linux-x64"; "win-x64"; "osx-arm64"; "linux-arm64"; "win-arm64" ]

    /// Why there is no Fae for a system, in one line; None if there is. The runtime identifier is .NET's (`linux-musl-x64`).
    let problemOf (identifier: string) : string option =
        let parts = identifier.Split '-'
        let system = parts[0]
        let architecture = Array.last parts
        let works = String.concat ", " supported

        if List.contains identifier supported then
            None
        elif Array.contains "musl" parts then
            Some $"Fae does not run on Alpine and other systems with musl ({identifier}): ONNX Runtime needs glibc; use one of {works}"
        elif architecture = "x86" || architecture = "arm" then
            Some $"Fae does not run in a process of 32 bits ({identifier}); use the .NET of 64 bits, on one of {works}"
        elif system = "osx" then
            Some $"Fae does not run on Macs with Intel processors ({identifier}): ONNX Runtime is not made for them; use one of {works}"
        else
            Some $"Fae does not run on {identifier}; use one of {works}"

    /// The runtime identifier of this process, without a distribution's name and version: `ubuntu.24.04-x64` is `linux-x64`.
    let current () : string =
        let system =
            if OperatingSystem.IsWindows() then "win"
            elif OperatingSystem.IsMacOS() then "osx"
            elif OperatingSystem.IsLinux() then "linux"
            else RuntimeInformation.RuntimeIdentifier.Split('-')[0]

        let said = RuntimeInformation.RuntimeIdentifier
        let libc = if said.Contains "musl" || said.StartsWith "alpine" then "musl-" else ""
        let architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()
        $"{system}-{libc}{architecture}"

    /// Why Fae does not run in this process; None if it does.
    let problem () : string option = problemOf (current ())
