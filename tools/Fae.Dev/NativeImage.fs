/// What system a native library is for, by its header.
module Fae.Dev.NativeImage

open System
open System.IO
open System.Reflection.PortableExecutable

/// The systems that Fae is published for, by their runtime identifiers.
let systems = [ "linux-x64"; "linux-arm64"; "win-x64"; "win-arm64"; "osx-arm64" ]

/// Those that it trains on; the others inspect.
let training = [ "linux-x64"; "win-x64"; "osx-arm64" ]

let private elf (bytes: byte[]) =
    match BitConverter.ToUInt16(bytes, 18) with
    | 62us -> "linux-x64"
    | 183us -> "linux-arm64"
    | machine -> $"linux, machine {machine}"

let private macho (bytes: byte[]) =
    match BitConverter.ToUInt32(bytes, 4) with
    | 0x0100000Cu -> "osx-arm64"
    | 0x01000007u -> "osx-x64"
    | machine -> $"osx, machine {machine}"

/// None for managed assemblies, which run on any system.
let private pe (path: string) =
    use reader = new PEReader(File.OpenRead path)

    if reader.HasMetadata then
        None
    else
        match reader.PEHeaders.CoffHeader.Machine with
        | Machine.Amd64 -> Some "win-x64"
        | Machine.Arm64 -> Some "win-arm64"
        | machine -> Some $"win, {machine}"

/// The runtime identifiers that a program or native library is for; none if the file is neither.
let systemsOf (path: string) : string list =
    use file = File.OpenRead path
    let bytes = Array.zeroCreate<byte> 64
    let count = file.ReadAtLeast(Span bytes, bytes.Length, throwOnEndOfStream = false)

    match (if count < bytes.Length then 0u else BitConverter.ToUInt32(bytes, 0)) with
    | 0x464C457Fu -> [ elf bytes ]
    | 0xFEEDFACFu -> [ macho bytes ]
    // Several architectures in one file: its header is big-endian, 20 bytes for each.
    | 0xBEBAFECAu when bytes[4] = 0uy && bytes[7] <= 2uy ->
        [
            for part in 0 .. int bytes[7] - 1 ->
                macho (Array.append (Array.zeroCreate 4) (Array.rev bytes[8 + 20 * part .. 11 + 20 * part]))
        ]
    | start when start &&& 0xFFFFu = 0x5A4Du -> Option.toList (pe path)
    | _ -> []

let private library (system: string) (name: string) =
    match system.Split('-')[0] with
    | "win" -> $"{name}.dll"
    | "osx" -> $"lib{name}.dylib"
    | _ -> $"lib{name}.so"

/// Native libraries that a folder for this system must hold; with `libtorch`, those of a training too.
let required (system: string) (libtorch: bool) : string list =
    let vips =
        match system.Split('-')[0] with
        | "win" -> "libvips-42.dll"
        | "osx" -> "libvips.42.dylib"
        | _ -> "libvips.so.42"

    [
        vips
        library system "onnxruntime"
        (if system.StartsWith "win" then "e_sqlite3.dll" else library system "e_sqlite3")
    ]
    @ (if libtorch then
           [ for name in [ "LibTorchSharp"; "torch_cpu"; "c10" ] -> library system name ]
       else
           [])

/// What is wrong with a published folder: libraries that are not there, or for another system.
let problemsOf (system: string) (libtorch: bool) (folder: string) : string list =
    let files = Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
    let names = files |> Array.map (fun file -> string (Path.GetFileName file)) |> Set.ofArray

    [
        for name in required system libtorch do
            if not (names.Contains name) then $"{folder}: {name} is not there"

        for file in files do
            match systemsOf file with
            | [] -> ()
            | some when List.contains system some -> ()
            | some -> $"""{file} is for {String.concat ", " some}, not for {system}"""
    ]

/// The same for a folder that trains wherever that is possible.
let problems system folder = problemsOf system (List.contains system training) folder
