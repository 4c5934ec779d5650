/// fae doctor: what this machine can run, and what to do about what is missing.
namespace Fae.Cli

open System
open System.Runtime.InteropServices
open System.Text.Json
open Argu
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Training

[<RequireQualifiedAccess>]
module Doctor =
    /// One check: its subject, whether it passed, what was found, and how to fix it.
    type Finding = { What: string; Well: bool; Seen: string; Remedy: string }

    let private well what seen = { What = what; Well = true; Seen = seen; Remedy = "" }

    let private ill what seen remedy = { What = what; Well = false; Seen = seen; Remedy = remedy }

    let private torch () =
        match if TorchLibraries.Any then TorchRuntime.Check() else null with
        | null when not TorchLibraries.Any -> well "torch" "not here"
        | null -> well "torch" $"computes, {TorchRuntime.Threads} thread(s)"
        | problem ->
            ill "torch" problem "build with `dotnet fsi build.fsx Build`, which fetches libtorch and makes it loadable on older Linux"

    /// What a libtorch of another version lacks.
    let private symbols () =
        match List.ofSeq (TorchLibraries.Lacking()) with
        | [] -> "every symbol that TorchSharp asks for is there"
        | lacking ->
            let names = String.concat ", " (List.truncate 20 lacking)
            $"{lacking.Length} of the symbols that TorchSharp asks for are not there: {names}"

    let private library () =
        match Devices.libtorch () with
        | Error fault ->
            let lacking = if isNull TorchLibraries.Folder then "" else "; " + symbols ()

            ill "libtorch" (String.concat "; " (Fault.lines fault) + lacking) $"correct {TorchLibraries.Variable}, or leave it out"
        | Ok() ->
            let kind = if TorchLibraries.HasCuda then "for CUDA" else "for the CPU"

            match TorchLibraries.Folder with
            | null when not TorchLibraries.Any ->
                well "libtorch" $"none: inspecting on the CPU needs none; to train, name one in {TorchLibraries.Variable}"
            | null -> well "libtorch" $"the one beside the program, {TorchLibraries.Wanted}, {kind}"
            | folder ->
                match TorchLibraries.Foreign with
                | null ->
                    let version = TorchLibraries.VersionIn folder |> Option.ofObj |> Option.defaultValue "of unknown version,"

                    well "libtorch" $"{version} {kind} in {folder}"
                | version ->
                    let seen = $"{version} {kind} in {folder}; TorchSharp was built for {TorchLibraries.Wanted}"

                    well "libtorch" $"{seen}, and a small training with it goes well; {symbols ()}"

    let private device () =
        match if TorchLibraries.Any then TorchRuntime.Find "cuda" else struct (null, "without libtorch") with
        | null, problem -> well "GPU" $"none: {problem}"
        | device, _ ->
            match CudaInspector.Trial device with
            | null -> well "GPU" "CUDA is available, and Fae's kernels compute there what the CPU computes"
            | problem -> ill "GPU" $"CUDA is available, but {problem}" "training and inspecting go on without the kernels; please report it"

    let private images () =
        try
            let formats = ImageFormats.test ()
            let names some = formats |> List.filter (snd >> (=) some) |> List.map fst |> String.concat ", "
            let version = $"libvips {NetVips.NetVips.Version 0}.{NetVips.NetVips.Version 1}"

            if List.forall snd formats then
                well "images" $"{version}, reads {names true}"
            else
                ill "images" $"{version} cannot read {names false}" "reinstall the package NetVips.Native for this system"
        with
        | :? TypeInitializationException
        | :? DllNotFoundException as e -> ill "images" (e.Message.Split('\n')[0]) "reinstall the package NetVips.Native for this system"

    let run (args: ParseResults<DoctorArgs>) : Result<int, Fault> =
        let machine =
            well
                "machine"
                ($"{RuntimeInformation.OSDescription}, {Environment.ProcessorCount} processors, "
                 + $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1048576L} MiB, "
                 + $"{RuntimeInformation.FrameworkDescription}")

        let library = library ()
        // A libtorch that does not work could end the doctor too.
        let torch, device =
            if library.Well then
                torch (), device ()
            else
                ill "torch" "not tried" "first the libtorch", well "GPU" "not looked for"

        let findings = [ machine; library; torch; device; images () ]

        args.TryGetResult DoctorArgs.Json
        |> Option.iter (fun target -> Console.writeJson target (JsonSerializer.Serialize(findings, FaeJson.Indented)))

        if args.TryGetResult DoctorArgs.Json <> Some "-" then
            Console.table [ ""; "what"; "seen" ] [ for f in findings -> [ (if f.Well then "ok" else "!!"); f.What; f.Seen ] ]

        match findings |> List.filter (fun f -> not f.Well) with
        | [] -> Ok 0
        | missing -> Error(Machine(missing |> List.map (fun f -> $"{f.What}: {f.Seen}; {f.Remedy}") |> String.concat "\n"))
