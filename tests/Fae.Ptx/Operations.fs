/// Arithmetic, conversions and memory accesses of PTX.
module Fae.Ptx.Operations

open System
open System.Runtime.InteropServices

let fail (message: string) : 'a = invalidOp message

/// A thread of a group: registers hold bits; an address of shared memory is one that no memory of the process has.
[<AllowNullLiteral>]
type Lane(registers: int, tid: int, group: int, x: int, y: int, columns: int, rows: int, shared: byte[]) =
    member val Registers: uint64[] = Array.zeroCreate registers
    member val At = 0 with get, set
    member val Waits = false with get, set
    member _.Tid = tid
    member _.Group = group
    member _.X = x
    member _.Y = y

    /// How many groups there are, along and down.
    member _.Columns = columns
    member _.Rows = rows
    member _.Shared = shared

/// What a launch handed over: the parameters' bits, and the spans that may be touched.
type Launch = { Parameters: byte[]; Spans: struct (uint64 * uint64)[] }

type Step = Launch -> Lane -> unit

type Program =
    {
        Steps: Step[]
        Registers: int
        SharedBytes: int
        ParameterSizes: int[]
        /// The bytes of a span's values, of each parameter; 0 of what is no span.
        ElementSizes: int[]
    }

let real (bits: uint64) = BitConverter.UInt32BitsToSingle(uint32 bits)
let ofReal (value: float32) = uint64 (BitConverter.SingleToUInt32Bits value)
let long (bits: uint64) = BitConverter.UInt64BitsToDouble bits
let ofLong (value: float) = BitConverter.DoubleToUInt64Bits value
let word (bits: uint64) = int32 (uint32 bits)
let ofWord (value: int32) = uint64 (uint32 value)

let sharedBase = 0xFFFF_0000_0000_0000UL

let bytesOf (kind: string) =
    match kind[1..] with
    | "8" -> 1
    | "16" -> 2
    | "32" -> 4
    | "64" -> 8
    | _ -> fail $"a value of type {kind}"

/// The type's width in bits kept, so that a 32-bit register never holds more.
let fit kind (bits: uint64) =
    match bytesOf kind with
    | 8 -> bits
    | bytes -> bits &&& ((1UL <<< (8 * bytes)) - 1UL)

let signed kind (bits: uint64) =
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
let binary operation kind : (uint64 -> uint64 -> uint64) =
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
    | "shl" -> fun a b -> if b >= uint64 (8 * bytesOf kind) then 0UL else fit kind (a <<< int b)
    | "shr" when isSigned -> fun a b -> fit kind (uint64 (signed kind a >>> int (min b 63UL)))
    | "shr" -> fun a b -> if b >= uint64 (8 * bytesOf kind) then 0UL else a >>> int b
    | _ -> fail $"no {operation}.{kind}"

let unary operation kind : (uint64 -> uint64) =
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

let compares test kind : (uint64 -> uint64 -> bool) =
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
        let value: uint64 -> int64 = if kind.StartsWith 'u' then fun bits -> int64 (bits ^^^ (1UL <<< 63)) else signed kind

        match test with
        | "lt" -> fun a b -> value a < value b
        | "le" -> fun a b -> value a <= value b
        | "gt" -> fun a b -> value a > value b
        | "ge" -> fun a b -> value a >= value b
        | _ -> fail $"no setp.{test}.{kind}"

/// From one type to another: to whole numbers by the rounding that is named, cut at the ends of their range; to floats to the nearest.
let convert rounding target source : (uint64 -> uint64) =
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
let checked' (launch: Launch) (address: uint64) bytes =
    let last = address + uint64 bytes

    if not (launch.Spans |> Array.exists (fun struct (first, beyond) -> address >= first && last <= beyond)) then
        fail $"an access of {bytes} bytes at {address:x} lies in no span of the launch"

    if address % uint64 bytes <> 0UL then
        fail $"an access of {bytes} bytes at {address:x} is not aligned"

    nativeint address

let offsetIn (lane: Lane) (address: uint64) bytes =
    let at = address - sharedBase

    if at + uint64 bytes > uint64 lane.Shared.Length then
        fail $"an access of {bytes} bytes at {at} of {lane.Shared.Length} bytes of shared memory"

    int at

let load space kind : (Launch -> Lane -> uint64 -> uint64) =
    match space, bytesOf kind with
    | "global", 8 -> fun launch _ address -> uint64 (Marshal.ReadInt64(checked' launch address 8))
    | "global", 4 -> fun launch _ address -> uint64 (uint32 (Marshal.ReadInt32(checked' launch address 4)))
    | "shared", 8 -> fun _ lane address -> BitConverter.ToUInt64(lane.Shared, offsetIn lane address 8)
    | "shared", 4 -> fun _ lane address -> uint64 (BitConverter.ToUInt32(lane.Shared, offsetIn lane address 4))
    | _ -> fail $"no ld.{space}.{kind}"

let store space kind : (Launch -> Lane -> uint64 -> uint64 -> unit) =
    match space, bytesOf kind with
    | "global", 8 -> fun launch _ address value -> Marshal.WriteInt64(checked' launch address 8, int64 value)
    | "global", 4 -> fun launch _ address value -> Marshal.WriteInt32(checked' launch address 4, word value)
    | "shared", 8 -> fun _ lane address value -> BitConverter.TryWriteBytes(Span(lane.Shared, offsetIn lane address 8, 8), value) |> ignore
    | "shared", 4 ->
        fun _ lane address value -> BitConverter.TryWriteBytes(Span(lane.Shared, offsetIn lane address 4, 4), uint32 value) |> ignore
    | _ -> fail $"no st.{space}.{kind}"
