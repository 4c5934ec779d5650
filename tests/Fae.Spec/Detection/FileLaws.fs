/// What is written comes back as it was; what is damaged, unknown or out of range is refused.
module Fae.Spec.FileLaws

open System
open System.IO
open Fae.Core
open Fae.Detection
open Fae.Spec.Generators

[<NoComparison; NoEquality>]
type Codec<'a> = { Write: 'a -> string; Read: string -> Result<'a, string> }

let private digits (n: int) (text: string) =
    Text.RegularExpressions.Regex.Replace(
        text,
        @"-?\d+\.\d+",
        fun m ->
            (Double.Parse(m.Value, Globalization.CultureInfo.InvariantCulture))
                .ToString("G" + string n, Globalization.CultureInfo.InvariantCulture)
    )

/// A configuration whose keys are drawn, each from values of its kind; keys that refuse theirs keep their default.
let private drawn (seed: uint64) =
    let candidates i =
        let at n = Random.hash seed (uint64 (100 * i + n))
        let whole = int64 (at 1 % 100UL)

        [
            Whole whole
            Whole(32L * whole)
            Real(float (Random.toUnit (at 2)))
            Flag(at 3 % 2UL = 0UL)
            Text "ssim"
            Text "0.5*mse + 2*gms"
            Text "max"
            Text "bfloat16"
            Wholes [ 1L; whole + 1L ]
        ]

    let set config (i, field: Field) =
        if Random.hash seed (uint64 i) % 2UL = 0UL then
            candidates i
            |> List.tryPick (fun value -> Config.set field.Key value config |> Result.toOption)
            |> Option.defaultValue config
        else
            config

    let config = List.fold set Config.defaults (List.indexed Config.fields)

    if Result.isOk (Config.check config) then config else Config.defaults

let private configLaws: Law<Codec<Config>> list =
    [
        Law.forAll "configurations survive writing and reading" (fun codec (seed: uint64) ->
            codec.Read(codec.Write(drawn seed)) = Ok(drawn seed))
        Law.once "every key stands in the file" (fun codec ->
            let text = codec.Write Config.defaults

            Config.fields
            |> List.forall (fun field -> text.Contains(field.Key.Substring(field.Key.IndexOf '.' + 1) + " = ")))
        Law.once "an unknown key is refused, and the nearest named" (fun codec ->
            match codec.Read "[train]\nstep = 3\n" with
            | Error reason -> reason.Contains "train.step" && reason.Contains "train.steps"
            | Ok _ -> false)
        Law.once "every number out of range is refused, with its name" (fun codec ->
            Config.fields
            |> List.forall (fun field ->
                match field.Get Config.defaults with
                | Whole _
                | Real _ ->
                    let section, key = field.Key.Substring(0, field.Key.IndexOf '.'), field.Key.Substring(field.Key.IndexOf '.' + 1)

                    Seq.forall
                        (fun value ->
                            match codec.Read $"[{section}]\n{key} = {value}\n" with
                            | Error reason -> reason.Contains field.Key
                            | Ok _ -> false)
                        [ "-7"; "100000000000"; "\"much\"" ]
                | _ -> true))
    ]

let private configFile =
    {
        Write = Config.toToml
        Read = fun toml -> ConfigText.Parse(toml, Config.defaults) |> Result.mapError (String.concat "; ")
    }

let private withoutLine (word: string) (text: string) =
    text.Split '\n' |> Array.filter (fun line -> not (line.StartsWith word)) |> String.concat "\n"

let private configMutants =
    [
        "numbers are written with two digits",
        "configurations survive writing and reading",
        { configFile with Write = Config.toToml >> digits 2 }
        "lambda is not written", "every key stands in the file", { configFile with Write = Config.toToml >> withoutLine "lambda" }
        "keys that nobody knows are passed over",
        "an unknown key is refused, and the nearest named",
        { configFile with Read = withoutLine "step " >> configFile.Read }
        "what is out of range gets its default",
        "every number out of range is refused, with its name",
        { configFile with
            Read =
                fun text ->
                    (match configFile.Read text with
                     | Error reason when reason.Contains "range" -> Ok Config.defaults
                     | other -> other)
        }
    ]

/// Tensors and metadata, to a file and back.
[<NoComparison; NoEquality>]
type TensorFile = { Save: string -> SafeTensorsContent -> unit; Load: string -> SafeTensorsContent }

let private content (Coloured(a, b)) =
    let arrays =
        [|
            for name, image in [ "α.weight", a; "β", b ] -> NamedArray(name, [| 3L; int64 image.Height; int64 image.Width |], image.Pixels)
        |]

    let bytes = NamedBytes("pixels", [| int64 a.Height; int64 a.Width |], Array.init a.Area (fun i -> byte (17 * i)))

    SafeTensorsContent(arrays, [| bytes |], dict [ "note", "quotes \" and umlauts ü"; "empty", "" ] |> Collections.Generic.Dictionary)

let private inFile (work: string -> 'a) =
    let path = Path.Combine(Path.GetTempPath(), "fae-spec-" + Guid.NewGuid().ToString "N")

    try
        work path
    finally
        File.Delete path

let private same (a: SafeTensorsContent) (b: SafeTensorsContent) =
    let arrays (c: SafeTensorsContent) =
        [
            for t in c.Arrays -> t.Name, List.ofArray t.Shape, [ for v in t.Values -> BitConverter.SingleToInt32Bits v ]
        ]

    let bytes (c: SafeTensorsContent) = [ for t in c.Bytes -> t.Name, List.ofArray t.Shape, List.ofArray t.Values ]

    let notes (c: SafeTensorsContent) = c.Metadata |> Seq.map (fun e -> e.Key, e.Value) |> Seq.sort |> List.ofSeq
    arrays a = arrays b && bytes a = bytes b && notes a = notes b

let private tensorLaws: Law<TensorFile> list =
    [
        Law.forAll "tensors, names, shapes and notes survive writing and reading, bit for bit" (fun file case ->
            inFile (fun path ->
                file.Save path (content case)
                same (file.Load path) (content case)))
        Law.forAll "a file that is cut anywhere is refused as damaged" (fun file (case, at: int) ->
            inFile (fun path ->
                file.Save path (content case)
                let bytes = File.ReadAllBytes path
                File.WriteAllBytes(path, Array.take ((at &&& Int32.MaxValue) % bytes.Length) bytes)

                try
                    file.Load path |> ignore
                    false
                with :? InvalidDataException ->
                    true))
        Law.forAll "the layout is that of safetensors: a length, JSON, and the values in order" (fun file case ->
            inFile (fun path ->
                file.Save path (content case)
                let bytes = File.ReadAllBytes path
                let header = int (BitConverter.ToUInt64(bytes, 0))
                let json = Text.Json.JsonDocument.Parse(ReadOnlyMemory(bytes, 8, header)).RootElement

                (content case).Arrays
                |> Seq.forall (fun array ->
                    let entry = json.GetProperty array.Name

                    let from, until = entry.GetProperty("data_offsets").[0].GetInt32(), entry.GetProperty("data_offsets").[1].GetInt32()

                    entry.GetProperty("dtype").GetString() = "F32"
                    && until - from = 4 * array.Values.Length
                    && Seq.forall
                        (fun i -> BitConverter.ToSingle(bytes, 8 + header + from + 4 * i) = array.Values[i])
                        (seq { 0 .. array.Values.Length - 1 }))))
    ]

let private safeTensors =
    {
        Save = fun path content -> SafeTensors.Write(path, content)
        Load = SafeTensors.Read
    }

let private tensorMutants =
    [
        "values pass through sixteen bits",
        "tensors, names, shapes and notes survive writing and reading, bit for bit",
        { safeTensors with
            Save =
                fun path c ->
                    SafeTensors.Write(
                        path,
                        SafeTensorsContent(
                            [|
                                for t in c.Arrays ->
                                    NamedArray(t.Name, t.Shape, Array.map (fun v -> float32 (Half.op_Explicit (v: float32): Half)) t.Values)
                            |],
                            c.Bytes,
                            c.Metadata
                        )
                    )
        }
        "what is missing is zero",
        "a file that is cut anywhere is refused as damaged",
        { safeTensors with
            Load =
                fun path ->
                    try
                        SafeTensors.Read path
                    with :? InvalidDataException ->
                        SafeTensorsContent([||], [||], Collections.Generic.Dictionary())
        }
        "a mark of our own before the length",
        "the layout is that of safetensors: a length, JSON, and the values in order",
        {
            Save =
                fun path c ->
                    SafeTensors.Write(path, c)
                    File.WriteAllBytes(path, Array.append "FAE1"B (File.ReadAllBytes path))
            Load =
                fun path ->
                    let bytes = File.ReadAllBytes path

                    if bytes.Length < 4 then raise (InvalidDataException "too short")

                    inFile (fun rest ->
                        File.WriteAllBytes(rest, bytes[4..])
                        SafeTensors.Read rest)
        }
    ]

let suites =
    [
        Suite.create "Configurations" "Files that people write." configLaws [ "TOML", configFile ] configMutants
        Suite.create "Model files" "Weights and what belongs to them." tensorLaws [ "safetensors", safeTensors ] tensorMutants
    ]
