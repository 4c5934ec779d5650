/// PTX, interpreted: what a GPU would be given, instruction by instruction on one CPU thread, with the checks that no GPU makes. Groups
/// run one after the other; a group's threads run each as far as the next barrier, in an order that changes from barrier to barrier, so
/// that a barrier too few shows. Every access must lie inside a span that the launch handed over, or inside the group's shared memory.
module Fae.Ptx.Interpreter

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open Fae.Gpu
open Fae.Ptx.Operations
open Fae.Ptx.Parser

/// The group's threads, each to the next barrier, until all have ended.
let private runGroup program launch threads (struct (columns, rows)) x y turn =
    let shared = Array.zeroCreate program.SharedBytes
    // What shared memory holds at first is anything.
    Random(turn).NextBytes shared
    let lanes = Array.init threads (fun tid -> Lane(program.Registers, tid, threads, x, y, columns, rows, shared))
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
        if lanes |> Array.exists _.Waits && lanes |> Array.exists (fun lane -> not lane.Waits) then
            fail "some threads wait at a barrier that others have passed by"

        round <- round + 1

/// A driver that interprets, for an architecture; it may be one that forgets a kernel. Not for two threads at once.
type Driver(major: int, minor: int, forgotten: string) =
    let programs = List<Program>()
    let pins = Dictionary<nativeint, int64>()
    let memory = Dictionary<nativeint, int64>()
    let transfers = Dictionary<nativeint, unit -> unit>()
    let mutable turn = 0
    let mutable sent = 0n

    /// The address, if all that is meant lies in one piece of allocated memory.
    let allocated (address: nativeint) (bytes: int) =
        let lies (piece: KeyValuePair<nativeint, int64>) =
            address >= piece.Key && int64 address + int64 bytes <= int64 piece.Key + piece.Value

        if not (Seq.exists lies memory) then fail "a copy beyond the allocated memory"

        address

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
                    { program with Steps = [| fun _ lane -> lane.At <- Int32.MaxValue |] }
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
                    runGroup program launch threads grid x y turn
                    turn <- turn + 1

        member _.Synchronise() = ()

        member _.Allocate bytes =
            let address = Marshal.AllocHGlobal(nativeint bytes)
            let noise: byte[] = Array.zeroCreate (int bytes)
            // What memory holds at first is anything.
            Random(int bytes).NextBytes noise
            Marshal.Copy(noise, 0, address, noise.Length)
            memory[address] <- bytes
            address

        member _.Free address =
            if not (memory.Remove address) then fail "memory that was not allocated"

            Marshal.FreeHGlobal address

        member _.Write(into, from) = Marshal.Copy(from.ToArray(), 0, allocated into from.Length, from.Length)

        member _.Read(into, from) =
            let values: byte[] = Array.zeroCreate into.Length
            Marshal.Copy(allocated from into.Length, values, 0, values.Length)
            values.CopyTo into

        member _.Pin bytes =
            let address = Marshal.AllocHGlobal(nativeint bytes)
            pins[address] <- bytes
            address

        member _.Unpin address =
            if not (pins.Remove address) then fail "memory that was not pinned"

            Marshal.FreeHGlobal address

        // As late as a GPU might: what was touched too early shows.
        member _.Send(into, from, bytes) =
            if not (pins |> Seq.exists (fun pin -> from >= pin.Key && int64 from + bytes <= int64 pin.Key + pin.Value)) then
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

            if not (transfers.Remove transfer) then fail "a transfer that is over"

        member _.Dispose() =
            if pins.Count > 0 then fail "memory is still pinned"

            if memory.Count > 0 then fail "memory is still allocated"

            programs.Clear()
