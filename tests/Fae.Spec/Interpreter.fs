/// PTX, interpreted: what a GPU would be given, instruction by instruction on one CPU thread, with the checks that no GPU makes. Groups run one after the other;
/// a group's threads run each as far as the next barrier, in an order that changes from barrier to barrier, so that a barrier too few shows.
/// Every access must lie inside a span that the launch handed over, or inside the group's shared memory.
module Fae.Spec.Interpreter

open System
open System.Collections.Generic
open System.Globalization
open System.Runtime.InteropServices
open System.Text.RegularExpressions
open Fae.Kernels

let private fail (message: string) : 'a = invalidOp message

/// A thread of a group: registers hold bits; an address of shared memory is one that no memory of the process has.
[<AllowNullLiteral>]
type private Lane(registers: int, tid: int, group: int, x: int, y: int, shared: byte[]) =
    member val Registers: uint64[] = Array.zeroCreate registers
    member val At = 0 with get, set
    member val Waits = false with get, set
    member _.Tid = tid
    member _.Group = group
    member _.X = x
    member _.Y = y
    member _.Shared = shared

/// What a launch handed over: the parameters' bits, and the spans that may be touched.
type private Launch =
    {
        Parameters: byte[]
        Spans: struct (uint64 * uint64)[]
    }

type private Step = Launch -> Lane -> unit

type private Program =
    {
        Steps: Step[]
        Registers: int
        SharedBytes: int
        ParameterSizes: int[]
        /// The bytes of a span's values, of each parameter; 0 of what is no span.
        ElementSizes: int[]
    }

let private real (bits: uint64) = BitConverter.UInt32BitsToSingle(uint32 bits)
let private ofReal (value: float32) = uint64 (BitConverter.SingleToUInt32Bits value)
let private long (bits: uint64) = BitConverter.UInt64BitsToDouble bits
let private ofLong (value: float) = BitConverter.DoubleToUInt64Bits value
let private word (bits: uint64) = int32 (uint32 bits)
let private ofWord (value: int32) = uint64 (uint32 value)

let private sharedBase = 0xFFFF_0000_0000_0000UL

let private bytesOf (kind: string) =
    match kind[1..] with
    | "8" -> 1
    | "16" -> 2
    | "32" -> 4
    | "64" -> 8
    | _ -> fail $"a value of type {kind}"

/// The type's width in bits kept, so that a 32-bit register never holds more.
let private fit kind (bits: uint64) =
    match bytesOf kind with
    | 8 -> bits
    | bytes -> bits &&& ((1UL <<< (8 * bytes)) - 1UL)

let private signed kind (bits: uint64) =
    match kind with
    | "s8" -> int64 (sbyte bits)
    | "s16" -> int64 (int16 bits)
    | "s32"
    | "b32" -> int64 (word bits)
    | "u32"
    | "u16"
    | "u8" -> int64 (fit kind bits)
    | _ -> int64 bits

/// Two values to one.
let private binary operation kind : (uint64 -> uint64 -> uint64) =
    let reals (f: float32 -> float32 -> float32) (g: float -> float -> float) =
        if kind = "f32" then
            fun a b -> ofReal (f (real a) (real b))
        else
            fun a b -> ofLong (g (long a) (long b))

    let isReal = kind = "f32" || kind = "f64"
    let isSigned = kind.StartsWith 's'

    match operation with
    | "add" when isReal -> reals (+) (+)
    | "sub" when isReal -> reals (-) (-)
    | "mul" when isReal -> reals (*) (*)
    | "div" when isReal -> reals (/) (/)
    // PTX gives the other one where one is no number.
    | "min" when isReal ->
        reals
            (fun a b ->
                if Single.IsNaN a then b
                elif Single.IsNaN b then a
                else min a b)
            min
    | "max" when isReal ->
        reals
            (fun a b ->
                if Single.IsNaN a then b
                elif Single.IsNaN b then a
                else max a b)
            max
    | "add" -> fun a b -> fit kind (a + b)
    | "sub" -> fun a b -> fit kind (a - b)
    | "mul" -> fun a b -> fit kind (a * b)
    | "div" when isSigned -> fun a b -> fit kind (uint64 (signed kind a / signed kind b))
    | "div" -> fun a b -> a / b
    | "rem" when isSigned -> fun a b -> fit kind (uint64 (signed kind a % signed kind b))
    | "rem" -> fun a b -> a % b
    | "min" when isSigned -> fun a b -> if signed kind a <= signed kind b then a else b
    | "min" -> min
    | "max" when isSigned -> fun a b -> if signed kind a >= signed kind b then a else b
    | "max" -> max
    | "and" -> (&&&)
    | "or" -> (|||)
    | "xor" -> (^^^)
    | "shl" ->
        fun a b ->
            if b >= uint64 (8 * bytesOf kind) then
                0UL
            else
                fit kind (a <<< int b)
    | "shr" when isSigned -> fun a b -> fit kind (uint64 (signed kind a >>> int (min b 63UL)))
    | "shr" -> fun a b -> if b >= uint64 (8 * bytesOf kind) then 0UL else a >>> int b
    | _ -> fail $"no {operation}.{kind}"

let private unary operation kind : (uint64 -> uint64) =
    match operation, kind with
    | "neg", "f32" -> fun a -> ofReal -(real a)
    | "neg", "f64" -> fun a -> ofLong -(long a)
    | "neg", _ -> fun a -> fit kind (0UL - a)
    | "abs", "f32" -> fun a -> ofReal (abs (real a))
    | "abs", "f64" -> fun a -> ofLong (abs (long a))
    | "abs", _ -> fun a -> fit kind (uint64 (abs (signed kind a)))
    | "not", "pred" -> fun a -> 1UL - a
    | "not", _ -> fun a -> fit kind ~~~a
    | "sqrt", "f32" -> fun a -> ofReal (sqrt (real a))
    | "sqrt", "f64" -> fun a -> ofLong (sqrt (long a))
    | "rcp", "f32" -> fun a -> ofReal (1.0f / real a)
    | "rcp", "f64" -> fun a -> ofLong (1.0 / long a)
    | _ -> fail $"no {operation}.{kind}"

let private compares test kind : (uint64 -> uint64 -> bool) =
    match kind, test with
    | "f32", "eq" -> fun a b -> real a = real b
    | "f32", ("ne" | "neu") -> fun a b -> real a <> real b
    | "f32", "lt" -> fun a b -> real a < real b
    | "f32", "le" -> fun a b -> real a <= real b
    | "f32", "gt" -> fun a b -> real a > real b
    | "f32", "ge" -> fun a b -> real a >= real b
    // The unordered ones hold for what is no number too.
    | "f32", "ltu" -> fun a b -> not (real a >= real b)
    | "f32", "leu" -> fun a b -> not (real a > real b)
    | "f32", "gtu" -> fun a b -> not (real a <= real b)
    | "f32", "geu" -> fun a b -> not (real a < real b)
    | ("f32" | "f64"), _ -> fail $"no setp.{test}.{kind}"
    | _, "eq" -> (=)
    | _, "ne" -> (<>)
    | _, ("lo" | "ls" | "hi" | "hs") ->
        match test with
        | "lo" -> (<)
        | "ls" -> (<=)
        | "hi" -> (>)
        | _ -> (>=)
    | _, _ ->
        let value: uint64 -> int64 =
            if kind.StartsWith 'u' then
                fun bits -> int64 (bits ^^^ (1UL <<< 63))
            else
                signed kind

        match test with
        | "lt" -> fun a b -> value a < value b
        | "le" -> fun a b -> value a <= value b
        | "gt" -> fun a b -> value a > value b
        | "ge" -> fun a b -> value a >= value b
        | _ -> fail $"no setp.{test}.{kind}"

/// From one type to another: to whole numbers by the rounding that is named, cut at the ends of their range; to floats to the nearest.
let private convert rounding target source : (uint64 -> uint64) =
    let rounded: float -> float =
        match rounding with
        | "rmi" -> floor
        | "rpi" -> ceil
        | "rni" -> fun v -> Math.Round(v, MidpointRounding.ToEven)
        | _ -> truncate

    match source, target with
    | "f32", "f64" -> fun a -> ofLong (float (real a))
    | "f64", "f32" -> fun a -> ofReal (float32 (long a))
    | "f32", "f32" -> fun a -> ofReal (float32 (rounded (float (real a))))
    | "f64", "f64" -> fun a -> ofLong (rounded (long a))
    | ("f32" | "f64"), _ ->
        let value = if source = "f32" then real >> float else long

        let low, high =
            match target with
            | "s32" -> float Int32.MinValue, float Int32.MaxValue
            | "u32" -> 0.0, float UInt32.MaxValue
            | "s64" -> float Int64.MinValue, 9223372036854774784.0
            | _ -> fail $"no cvt.{target}.{source}"

        fun a ->
            let v = value a

            if Double.IsNaN v then
                0UL
            else
                fit target (uint64 (int64 (max low (min high (rounded v)))))
    | _, "f32" when source = "u64" -> fun a -> ofReal (float32 a)
    | _, "f32" -> fun a -> ofReal (float32 (signed source a))
    | _, "f64" when source = "u64" -> fun a -> ofLong (float a)
    | _, "f64" -> fun a -> ofLong (float (signed source a))
    | _ -> fun a -> fit target (uint64 (signed source a))

/// Where an address lies: in the group's shared memory, or in the process's, inside one of the launch's spans.
let private checked' (launch: Launch) (address: uint64) bytes =
    let last = address + uint64 bytes

    if
        not (
            launch.Spans
            |> Array.exists (fun struct (first, beyond) -> address >= first && last <= beyond)
        )
    then
        fail $"an access of {bytes} bytes at {address:x} lies in no span of the launch"

    if address % uint64 bytes <> 0UL then
        fail $"an access of {bytes} bytes at {address:x} is not aligned"

    nativeint address

let private offsetIn (lane: Lane) (address: uint64) bytes =
    let at = address - sharedBase

    if at + uint64 bytes > uint64 lane.Shared.Length then
        fail $"an access of {bytes} bytes at {at} of {lane.Shared.Length} bytes of shared memory"

    int at

let private load space kind : (Launch -> Lane -> uint64 -> uint64) =
    match space, bytesOf kind with
    | "global", 8 -> fun launch _ address -> uint64 (Marshal.ReadInt64(checked' launch address 8))
    | "global", 4 -> fun launch _ address -> uint64 (uint32 (Marshal.ReadInt32(checked' launch address 4)))
    | "shared", 8 -> fun _ lane address -> BitConverter.ToUInt64(lane.Shared, offsetIn lane address 8)
    | "shared", 4 -> fun _ lane address -> uint64 (BitConverter.ToUInt32(lane.Shared, offsetIn lane address 4))
    | _ -> fail $"no ld.{space}.{kind}"

let private store space kind : (Launch -> Lane -> uint64 -> uint64 -> unit) =
    match space, bytesOf kind with
    | "global", 8 -> fun launch _ address value -> Marshal.WriteInt64(checked' launch address 8, int64 value)
    | "global", 4 -> fun launch _ address value -> Marshal.WriteInt32(checked' launch address 4, word value)
    | "shared", 8 ->
        fun _ lane address value ->
            BitConverter.TryWriteBytes(Span(lane.Shared, offsetIn lane address 8, 8), value)
            |> ignore
    | "shared", 4 ->
        fun _ lane address value ->
            BitConverter.TryWriteBytes(Span(lane.Shared, offsetIn lane address 4, 4), uint32 value)
            |> ignore
    | _ -> fail $"no st.{space}.{kind}"

let private matches pattern text = [ for m in Regex.Matches(text, pattern) -> m ]
let private number (text: string) = Int32.Parse(text, CultureInfo.InvariantCulture)

/// A kernel's text as steps.
let private parse (kernel: PtxKernel) =
    let head = kernel.Text.IndexOf(kernel.Entry, StringComparison.Ordinal)
    let body = kernel.Text.IndexOf('{', head)
    let text = kernel.Text.Substring(body + 1, kernel.Text.LastIndexOf '}' - body - 1)

    if kernel.Text.Contains ".func" then
        fail $"{kernel.Name} calls functions"

    let names =
        matches @"\.param\s+[^,)]*?(\w+)(\[\d+\])?\s*[,)]" (kernel.Text.Substring(head, body - head))
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
        | _ when operand.StartsWith '%' ->
            if operand.Contains '.' then
                fail $"no {operand}"

            let at = registerOf operand
            fun lane -> lane.Registers[at]
        | _ when shared.ContainsKey operand ->
            let address = sharedBase + uint64 shared[operand]
            fun _ -> address
        | _ ->
            let bits =
                if kind = "pred" then
                    immediate operand
                else
                    fit kind (immediate operand)

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
            | "red" :: "add" :: "global" :: _ ->
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

            fun launch lane ->
                if lane.Registers[at] = 0UL then
                    act launch lane
        | Some guard ->
            let at = registerOf guard

            fun launch lane ->
                if lane.Registers[at] <> 0UL then
                    act launch lane

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

/// The group's threads, each to the next barrier, until all have ended.
let private runGroup program launch threads x y turn =
    let shared = Array.zeroCreate program.SharedBytes
    // What shared memory holds at first is anything.
    Random(turn).NextBytes shared
    let lanes = Array.init threads (fun tid -> Lane(program.Registers, tid, threads, x, y, shared))
    let mutable round = turn

    while lanes |> Array.exists (fun lane -> lane.At < program.Steps.Length) do
        let order = if round % 2 = 0 then lanes else Array.rev lanes

        for lane in order do
            lane.Waits <- false

            while not lane.Waits && lane.At < program.Steps.Length do
                let at = lane.At
                lane.At <- at + 1
                program.Steps[at] launch lane

        // A barrier is for all or for none: a thread that ended without it would leave the others waiting.
        if
            lanes |> Array.exists _.Waits
            && lanes |> Array.exists (fun lane -> not lane.Waits)
        then
            fail "some threads wait at a barrier that others have passed by"

        round <- round + 1

/// A driver that interprets, for an architecture; it may be one that forgets a kernel. Not for two threads at once.
type Driver(major: int, minor: int, forgotten: string) =
    let programs = List<Program>()
    let pins = Dictionary<nativeint, int64>()
    let transfers = Dictionary<nativeint, unit -> unit>()
    let mutable turn = 0
    let mutable sent = 0n

    /// A transfer happens once.
    let arrive transfer =
        transfers[transfer]()
        transfers[transfer] <- ignore

    new(major, minor) = new Driver(major, minor, "")

    interface IKernelDriver with
        member _.Capability = struct (major, minor)

        member _.Load kernel =
            let program = parse kernel

            programs.Add(
                if kernel.Name = forgotten then
                    { program with
                        Steps = [| fun _ lane -> lane.At <- Int32.MaxValue |]
                    }
                else
                    program
            )

            nativeint programs.Count

        member _.Launch(kernel, grid, threads, parameters) =
            let program = programs[int kernel - 1]
            let struct (columns, rows) = grid
            let bits: byte[] = Array.zeroCreate (16 * program.ParameterSizes.Length)

            let spans =
                [|
                    for i, size in Array.indexed program.ParameterSizes do
                        let address = Marshal.ReadIntPtr(parameters, 8 * i)
                        Marshal.Copy(address, bits, 16 * i, size)

                        if program.ElementSizes[i] > 0 then
                            let first = BitConverter.ToUInt64(bits, 16 * i)
                            let length = BitConverter.ToUInt64(bits, 16 * i + 8)
                            struct (first, first + length * uint64 program.ElementSizes[i])
                |]

            let launch = { Parameters = bits; Spans = spans }

            for y in 0 .. rows - 1 do
                for x in 0 .. columns - 1 do
                    runGroup program launch threads x y turn
                    turn <- turn + 1

        member _.Pin bytes =
            let address = Marshal.AllocHGlobal(nativeint bytes)
            pins[address] <- bytes
            address

        member _.Unpin address =
            if not (pins.Remove address) then
                fail "memory that was not pinned"

            Marshal.FreeHGlobal address

        // As late as a GPU might: what was touched too early shows.
        member _.Send(into, from, bytes) =
            if
                not (
                    pins
                    |> Seq.exists (fun pin -> from >= pin.Key && int64 from + bytes <= int64 pin.Key + pin.Value)
                )
            then
                fail "only pinned memory can be sent"

            sent <- sent + 1n

            transfers[sent] <-
                fun () ->
                    let between: byte[] = Array.zeroCreate (int bytes)
                    Marshal.Copy(from, between, 0, between.Length)
                    Marshal.Copy(between, 0, into, between.Length)

            sent

        member _.Follow transfer = arrive transfer

        member _.Wait transfer =
            arrive transfer

            if not (transfers.Remove transfer) then
                fail "a transfer that is over"

        member _.Dispose() =
            if pins.Count > 0 then
                fail "memory is still pinned"

            programs.Clear()
