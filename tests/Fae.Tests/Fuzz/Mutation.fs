/// Mutated inputs by number, and what a reader does with them.
module Fae.Tests.Mutation

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.Text
open System.Threading
open System.Threading.Tasks
open Fae.Core

/// Something that reads. `Reads` says whether it took the bytes; what it throws is a defect.
[<NoComparison; NoEquality>]
type Target =
    {
        Name: string
        Seeds: Lazy<byte[][]>
        /// What its grammar is made of.
        Words: byte[][]
        Reads: byte[] -> bool
        /// Asked at the same time; more than there are cores where it waits for others.
        Together: int
    }

[<NoComparison; NoEquality>]
type ModelCounters =
    {
        Target: string
        Inputs: int
        Taken: int
        Seconds: float
        /// The first few inputs at which something else happened, by their numbers.
        Defects: (int * string) list
    }

/// Numbers that readers stumble over.
let numbers =
    [|
        "0"
        "-1"
        "1e999"
        "-0.0"
        "NaN"
        "2147483648"
        "9223372036854775807"
        "18446744073709551616"
        "1e-320"
        "0.1e1"
        "4294967296"
        "null"
        "true"
        "[]"
        "{}"
        "\"\""
    |]
    |> Array.map Encoding.ASCII.GetBytes

let words =
    [|
        yield! numbers
        yield!
            [| 0L; 1L; -1L; 255L; 65535L; int64 Int32.MaxValue; Int64.MaxValue; Int64.MinValue |]
            |> Array.map BitConverter.GetBytes
        for text in [ "\""; "{"; "}"; "["; "]"; ":"; ","; "\\u0000"; "\\"; "\n"; "\r\n"; "\000"; "\239\187\191"; "=" ] do
            Encoding.Latin1.GetBytes text
    |]

/// Input `number` of a target: a seed, bent up to eight times. The same number gives the same bytes.
let input (target: Target) (number: int) : byte[] =
    let key = Random.hash 0xF022UL (uint64 number)
    let mutable drawn = 0UL

    let next (below: int) =
        drawn <- drawn + 1UL
        int (Random.hash key drawn % uint64 (max 1 below))

    let pick (from: byte[][]) = from[next from.Length]

    let splice (bytes: byte[]) at removed (inserted: byte[]) =
        Array.concat [ Array.truncate at bytes; inserted; Array.skip (min bytes.Length (at + removed)) bytes ]

    let bend (bytes: byte[]) =
        let at = next (bytes.Length + 1)
        let near = 1 + next (1 <<< next 8)

        match next 9 with
        | 0 when at < bytes.Length ->
            let copy = Array.copy bytes
            copy[at] <- copy[at] ^^^ byte (1 <<< next 8)
            copy
        | 1 when at < bytes.Length ->
            let copy = Array.copy bytes
            copy[at] <- byte (next 256)
            copy
        | 2 -> splice bytes at near [||]
        | 3 -> splice bytes at 0 (bytes |> Array.skip at |> Array.truncate near)
        | 4 -> splice bytes at 0 (pick words)
        | 5 when target.Words.Length > 0 -> splice bytes at 0 (pick target.Words)
        | 6 ->
            // A number in the text becomes another.
            let digit (b: byte) = b >= '0'B && b <= '9'B

            match Array.tryFindIndex digit (Array.skip (min at bytes.Length) bytes) with
            | Some ahead ->
                let from = at + ahead
                let length = bytes |> Seq.skip from |> Seq.takeWhile digit |> Seq.length
                splice bytes from length (pick numbers)
            | None -> splice bytes at 0 (pick numbers)
        | 7 ->
            let other = pick target.Seeds.Value
            Array.append (Array.truncate at bytes) (Array.skip (min other.Length (next (other.Length + 1))) other)
        | _ -> Array.truncate at bytes

    let rec bent times (bytes: byte[]) = if times = 0 then bytes else bent (times - 1) (bend bytes)
    bent (1 + next (1 + next 8)) (pick target.Seeds.Value)

/// Hands the target so many inputs.
let run (target: Target) (first: int) (count: int) : ModelCounters =
    let clock = Stopwatch.StartNew()
    ThreadPool.SetMinThreads(target.Together, target.Together) |> ignore
    let mutable taken = 0
    let defects = ConcurrentQueue()

    Parallel.For(
        first,
        first + count,
        ParallelOptions(MaxDegreeOfParallelism = target.Together),
        fun number ->
            try
                if target.Reads(input target number) then Interlocked.Increment(&taken) |> ignore
            with e ->
                if defects.Count < 10 then
                    defects.Enqueue(number, $"{e.GetType().Name}: {e.Message}\n{e.StackTrace}")
    )
    |> ignore

    {
        Target = target.Name
        Inputs = count
        Taken = taken
        Seconds = clock.Elapsed.TotalSeconds
        Defects = List.ofSeq defects
    }
