/// Compiles the program ahead of time, so that it starts in less time.
module Fae.Dev.Precompile

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices

/// What a start of the program runs through.
let private precompiled =
    [
        "fae"
        "Fae.Core"
        "Fae.Data"
        "Fae.Detection"
        "Fae.Training"
        "Fae.Gpu"
        "Fae.Imaging"
        "Fae.Paper"
        "Fae.Kernels"
        "Fae.Report"
        "Fae.Server"
        "Fae.Studio"
    ]
    @ [ "FSharp.Core"; "Argu"; "TorchSharp"; "NetVips"; "Spectre.Console"; "Tomlyn" ]

/// The compiler that makes machine code ahead of time, where there is one for this machine.
let private crossgen () =
    let name = "Microsoft.NETCore.App.Crossgen2.linux-x64"
    let tool = Path.Combine(Shell.globalPackages (), name.ToLowerInvariant(), Shell.locked name, "tools", "crossgen2")

    if OperatingSystem.IsLinux() && RuntimeInformation.OSArchitecture = Architecture.X64 && File.Exists tool then
        // NuGet does not keep the bit that makes it a program.
        File.SetUnixFileMode(tool, File.GetUnixFileMode tool ||| UnixFileMode.UserExecute)
        Some tool
    else
        None

/// Compiles the program and what it starts with ahead of time, as one body of code: a third less time from a cold start to a verdict. The
/// tests and the benchmarks of kernels run what the just-in-time compiler makes.
let run () =
    match crossgen () with
    | None -> printfn "build: no ahead-of-time compiler for this machine; fae starts slower"
    | Some tool ->
        let bin, out = Shell.inArtifacts [ "bin" ], Shell.inArtifacts [ "precompiled" ]
        Directory.CreateDirectory out |> ignore
        let files = precompiled |> List.map (fun name -> Path.Combine(bin, name + ".dll"))
        let bubble = files |> List.collect (fun file -> [ "--inputbubbleref"; file ])

        let references =
            let runtime = RuntimeEnvironment.GetRuntimeDirectory()

            [ runtime; runtime.Replace("Microsoft.NETCore.App", "Microsoft.AspNetCore.App"); bin ]
            |> List.collect (fun folder -> [ "--reference"; Path.Combine(folder, "*.dll") ])

        let compileOne (file: string) =
            let target = Path.Combine(out, string (Path.GetFileName file))

            let args =
                [ file; "--out"; target; "--targetos"; "linux"; "--targetarch"; "x64"; "--optimize"; "--inputbubble" ]
                @ bubble
                @ references

            let start = ProcessStartInfo(tool, args, RedirectStandardOutput = true, RedirectStandardError = true)
            use child = Process.Start start |> Option.ofObj |> Option.get
            let errors = child.StandardError.ReadToEndAsync()
            child.StandardOutput.ReadToEnd() |> ignore
            child.WaitForExit()

            if child.ExitCode = 0 then None else Some $"{file}: {errors.Result}"

        // All or none: code of one body belongs together.
        match files |> Array.ofList |> Array.Parallel.choose compileOne with
        | [||] ->
            for file in files do
                File.Move(Path.Combine(out, string (Path.GetFileName file)), file, true)
        | problems ->
            for problem in problems do
                eprintfn $"build: {problem}"

            exit 1
