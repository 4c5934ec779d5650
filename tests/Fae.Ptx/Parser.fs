/// PTX text to a list of steps.
module Fae.Ptx.Parser

open System
open System.Collections.Generic
open System.Globalization
open System.Runtime.InteropServices
open System.Text.RegularExpressions
open Fae.Gpu
open Fae.Ptx.Operations

let matches pattern text = [ for m in Regex.Matches(text, pattern) -> m ]
let number (text: string) = Int32.Parse(text, CultureInfo.InvariantCulture)

/// A kernel's text as steps.
let parse (kernel: PtxKernel) =
    let head = kernel.Text.IndexOf(kernel.Entry, StringComparison.Ordinal)
    let body = kernel.Text.IndexOf('{', head)
    let text = kernel.Text.Substring(body + 1, kernel.Text.LastIndexOf '}' - body - 1)

    if kernel.Text.Contains ".func" then fail $"{kernel.Name} calls functions"

    let names = matches @"\.param\s+[^,)]*?(\w+)(\[\d+\])?\s*[,)]" (kernel.Text.Substring(head, body - head))
    // Each parameter begins at a multiple of eight here; only the names are the program's.
    let offsets = Dictionary<string, int>()
    let sizes = Array.ofSeq kernel.ParameterBytes

    for i, name in List.indexed names do
        offsets[name.Groups[1].Value] <- 16 * i

    if names.Length <> sizes.Length then
        fail $"{kernel.Name} has {names.Length} parameters and not {sizes.Length}"

    let shared = Dictionary<string, int>()
    let mutable sharedBytes = 0

    for m in matches @"\.shared\s+\.align\s+(\d+)\s+\.b8\s+(\w+)\[(\d+)\]" text do
        let align = number m.Groups[1].Value
        shared[m.Groups[2].Value] <- (sharedBytes + align - 1) / align * align
        sharedBytes <- shared[m.Groups[2].Value] + number m.Groups[3].Value

    let registers = Dictionary<string, int>()

    let registerOf name =
        match registers.TryGetValue name with
        | true, at -> at
        | _ ->
            registers[name] <- registers.Count
            registers[name]

    let labels = Dictionary<string, int>()
    let lines = List<string>()

    for raw in text.Split '\n' do
        let line = raw.Trim()

        if line.EndsWith ':' then
            labels[line.TrimEnd ':'] <- lines.Count
        elif line <> "" && not (line.StartsWith '.') && not (line.StartsWith "//") then
            lines.Add(line.TrimEnd ';')

    let immediate (operand: string) =
        if operand.StartsWith "0f" then
            UInt64.Parse(operand[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
        elif operand.StartsWith "0d" then
            UInt64.Parse(operand[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
        elif operand.StartsWith "0x" then
            UInt64.Parse(operand[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
        elif operand.StartsWith '-' then
            uint64 (Int64.Parse(operand, CultureInfo.InvariantCulture))
        else
            UInt64.Parse(operand, CultureInfo.InvariantCulture)

    /// What an operand is worth.
    let value kind (operand: string) : (Lane -> uint64) =
        match operand with
        | "%tid.x" -> fun lane -> uint64 lane.Tid
        | "%ntid.x" -> fun lane -> uint64 lane.Group
        | "%ctaid.x" -> fun lane -> uint64 lane.X
        | "%ctaid.y" -> fun lane -> uint64 lane.Y
        | "%nctaid.x" -> fun lane -> uint64 lane.Columns
        | "%nctaid.y" -> fun lane -> uint64 lane.Rows
        | _ when operand.StartsWith '%' ->
            if operand.Contains '.' then fail $"no {operand}"

            let at = registerOf operand
            fun lane -> lane.Registers[at]
        | _ when shared.ContainsKey operand ->
            let address = sharedBase + uint64 shared[operand]
            fun _ -> address
        | _ ->
            let bits = if kind = "pred" then immediate operand else fit kind (immediate operand)

            fun _ -> bits

    let addressOf (operand: string) : (Lane -> uint64) =
        match operand.Trim('[', ']').Split '+' with
        | [| one |] -> value "b64" one
        | [| one; offset |] ->
            let from, offset = value "b64" one, immediate offset
            fun lane -> from lane + offset
        | _ -> fail $"no address {operand}"

    let step (line: string) : Step =
        let guard, line =
            match line.StartsWith '@', line.IndexOf ' ' with
            | true, blank -> Some line[1 .. blank - 1], line.Substring(blank).Trim()
            | _ -> None, line

        let name, operands =
            match line.IndexOfAny [| ' '; '\t' |] with
            | -1 -> line, [||]
            | blank -> line.Substring(0, blank), line.Substring(blank).Split(',') |> Array.map _.Trim()

        let parts = name.Split '.'
        let kind = Array.last parts
        let into (lane: Lane) = lane.Registers
        let target () = registerOf operands[0]

        let one f : Step =
            let at, a = target (), value kind operands[1]
            fun _ lane -> (into lane)[at] <- f (a lane)

        let two f : Step =
            let at, a, b = target (), value kind operands[1], value kind operands[2]
            fun _ lane -> (into lane)[at] <- f (a lane) (b lane)

        /// What is multiplied, a width more than its factors.
        let wide (bits: uint64) = signed kind bits

        let act: Step =
            match List.ofArray parts with
            | "bra" :: _ ->
                let there = operands[0]
                fun _ lane -> lane.At <- labels[there]
            | "ret" :: _ -> fun _ lane -> lane.At <- Int32.MaxValue
            | "bar" :: _ -> fun _ lane -> lane.Waits <- true
            | "ld" :: "param" :: _ ->
                let at = target ()

                let offset =
                    match operands[1].Trim('[', ']').Split '+' with
                    | [| name |] -> offsets[name]
                    | parts -> offsets[parts[0]] + number parts[1]

                if bytesOf kind = 8 then
                    fun launch lane -> (into lane)[at] <- BitConverter.ToUInt64(launch.Parameters, offset)
                else
                    fun launch lane -> (into lane)[at] <- uint64 (BitConverter.ToUInt32(launch.Parameters, offset))
            | "ld" :: space :: _ ->
                let at, address, load = target (), addressOf operands[1], load space kind
                fun launch lane -> (into lane)[at] <- load launch lane (address lane)
            | "st" :: space :: _ ->
                let address, from, store = addressOf operands[0], value kind operands[1], store space kind
                fun launch lane -> store launch lane (address lane) (from lane)
            | "red" :: "add" :: "shared" :: _
            | "red" :: "shared" :: "add" :: _ ->
                let address, from = addressOf operands[0], value kind operands[1]
                let load, store = load "shared" kind, store "shared" kind

                fun launch lane ->
                    let at = address lane
                    store launch lane at (fit kind (load launch lane at + from lane))
            | "red" :: "add" :: "global" :: _
            | "red" :: "global" :: "add" :: _ ->
                let address, from = addressOf operands[0], value kind operands[1]

                fun launch lane ->
                    let there = checked' launch (address lane) 4
                    Marshal.WriteInt32(there, Marshal.ReadInt32 there + word (from lane))
            | "mov" :: _
            | "cvta" :: _ -> one id
            | "cvt" :: rest ->
                let source, target' = parts[parts.Length - 1], parts[parts.Length - 2]
                let rounding = if rest.Length > 2 then rest.Head else ""
                let at, a, f = target (), value source operands[1], convert rounding target' source
                fun _ lane -> (into lane)[at] <- f (a lane)
            | "setp" :: test :: _ ->
                let at, a, b, f = target (), value kind operands[1], value kind operands[2], compares test kind
                fun _ lane -> (into lane)[at] <- (if f (a lane) (b lane) then 1UL else 0UL)
            | "selp" :: _ ->
                let at, a, b, p = target (), value kind operands[1], value kind operands[2], value "pred" operands[3]
                fun _ lane -> (into lane)[at] <- (if p lane <> 0UL then a lane else b lane)
            | "mul" :: "wide" :: _ -> two (fun a b -> uint64 (wide a * wide b))
            | "mad" :: "lo" :: _ ->
                let at, a, b, c = target (), value kind operands[1], value kind operands[2], value kind operands[3]
                fun _ lane -> (into lane)[at] <- fit kind (a lane * b lane + c lane)
            | "fma" :: _ when kind = "f32" ->
                let at, a, b, c = target (), value kind operands[1], value kind operands[2], value kind operands[3]
                fun _ lane -> (into lane)[at] <- ofReal (MathF.FusedMultiplyAdd(real (a lane), real (b lane), real (c lane)))
            | ("neg" | "abs" | "not" | "sqrt" | "rcp" as operation) :: _ -> one (unary operation kind)
            | operation :: _ -> two (binary operation kind)
            | [] -> fail line

        match guard with
        | None -> act
        | Some guard when guard.StartsWith '!' ->
            let at = registerOf guard[1..]

            fun launch lane -> if lane.Registers[at] = 0UL then act launch lane
        | Some guard ->
            let at = registerOf guard

            fun launch lane -> if lane.Registers[at] <> 0UL then act launch lane

    let steps =
        [|
            for line in lines ->
                try
                    step line
                with e ->
                    fail $"{kernel.Name}: {line}: {e.Message}"
        |]

    {
        Steps = steps
        Registers = registers.Count
        SharedBytes = sharedBytes
        ParameterSizes = sizes
        ElementSizes = Array.ofSeq kernel.ElementBytes
    }
