/// The portable build: the program, the .NET that runs it, and no libtorch.
module Fae.Dev.Portable

open System
open System.IO
open System.Runtime.InteropServices

let rec private copyAll (from: string) (into: string) (wanted: string -> bool) =
    Directory.CreateDirectory into |> ignore

    for file in Directory.GetFiles from |> Array.filter wanted do
        File.Copy(file, Path.Combine(into, string (Path.GetFileName file)), true)

    for folder in Directory.GetDirectories from do
        copyAll folder (Path.Combine(into, string (Path.GetFileName folder))) wanted

/// What was built with the .NET that runs it, and without libtorch, as a folder that needs nothing on the machine it is copied to: it
/// inspects there, and trains with a libtorch of that machine's own. For this system alone.
let assemble () =
    let folder = Shell.emptied (Shell.inArtifacts [ "portable"; "fae" ])

    let bin = Path.Combine(folder, "bin")

    let libtorch =
        // The folder's name has the version in full, the lock may shorten it.
        Directory.GetFiles(Path.Combine(Shell.globalPackages (), "libtorch-cpu-linux-x64"), "*.so*", SearchOption.AllDirectories)
        |> Array.map (fun path -> string (Path.GetFileName path))
        |> Set.ofArray

    let ours (file: string) =
        not (libtorch.Contains(string (Path.GetFileName file)))
        && not (file.EndsWith(".pdb", StringComparison.Ordinal))

    copyAll (Shell.inArtifacts [ "bin" ]) bin ours

    for file in Directory.GetFiles(Shell.inArtifacts [ "bench" ], "Fae.Bench.*") |> Array.filter ours do
        File.Copy(file, Path.Combine(bin, string (Path.GetFileName file)), true)

    for script in Directory.GetFiles(Shell.inArtifacts [ "bench" ], "*.py") do
        File.Copy(script, Path.Combine(bin, string (Path.GetFileName script)), true)

    let system = RuntimeInformation.RuntimeIdentifier
    let runtimes = Path.Combine(bin, "runtimes")

    for other in Directory.GetDirectories runtimes do
        if not (List.contains (string (Path.GetFileName other)) [ system; "unix"; "linux" ]) then
            Directory.Delete(other, true)

    // Where the frameworks that programs of this build run on lie: "NAME VERSION [FOLDER]" a line.
    for line in (Shell.capture "dotnet" [ "--list-runtimes" ]).Split('\n', StringSplitOptions.RemoveEmptyEntries) do
        match line.Split([| ' ' |], 3) with
        | [| name; version; place |] when version = Environment.Version.ToString() && name <> "Microsoft.WindowsDesktop.App" ->
            let shared = place.Trim().Trim('[', ']')
            let dotnet = Path.GetFullPath(Path.Combine(shared, "..", ".."))
            let into = Path.Combine(folder, "dotnet")
            copyAll (Path.Combine(shared, version)) (Path.Combine(into, "shared", name, version)) ours
            let fxr = Path.Combine(dotnet, "host", "fxr", version)

            if Directory.Exists fxr then copyAll fxr (Path.Combine(into, "host", "fxr", version)) ours

            File.Copy(Path.Combine(dotnet, "dotnet"), Path.Combine(into, "dotnet"), true)
        | _ -> ()

    for launcher, assembly in [ "fae", "fae.dll"; "fae-bench", "Fae.Bench.dll" ] do
        let path = Path.Combine(folder, launcher)

        File.WriteAllText(
            path,
            "#!/bin/sh\nhere=$(dirname \"$(readlink -f \"$0\")\")\nDOTNET_ROOT=$here/dotnet exec \"$here/dotnet/dotnet\" \"$here/bin/"
            + assembly
            + "\" \"$@\"\n"
        )

        File.SetUnixFileMode(path, File.GetUnixFileMode path ||| UnixFileMode.UserExecute ||| UnixFileMode.GroupExecute)

    for file in [ "licences.md" ] do
        File.Copy(Shell.inRoot [ "docs"; "develop"; file ], Path.Combine(folder, file), true)

    copyAll (Shell.inRoot [ "configs" ]) (Path.Combine(folder, "configs")) ours
    folder

/// One file to carry to another machine.
let write () =
    if not (OperatingSystem.IsLinux()) then
        eprintfn "build: Portable is for Linux; `dotnet fsi build.fsx Publish SYSTEM` makes archives of all systems anywhere"
        exit 5

    let folder = assemble ()
    let archive = Path.Combine(Shell.inArtifacts [ "portable" ], $"fae-{RuntimeInformation.RuntimeIdentifier}.tar.xz")

    Shell.run
        "tar"
        [
            "--create"
            "--use-compress-program=xz -T0"
            "--file"
            archive
            "--directory"
            string (Path.GetDirectoryName folder)
            "fae"
        ]

    printfn $"wrote {archive}, {FileInfo(archive).Length / 1048576L} MiB"
