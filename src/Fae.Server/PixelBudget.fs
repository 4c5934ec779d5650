/// How many pixels are decoded at once: a bound on memory, whatever comes together.
namespace Fae.Server

open System
open System.Threading

/// `most`: pixels at once. A picture that has more is decoded alone.
type PixelBudget(most: int64) =
    let gate = obj ()
    let mutable taken = 0L

    /// Waits until there is room for the pixels; dispose of the result when they are let go.
    member _.Take(pixels: int64) : IDisposable =
        lock gate (fun () ->
            while taken > 0L && taken + pixels > most do
                Monitor.Wait gate |> ignore

            taken <- taken + pixels)

        { new IDisposable with
            member _.Dispose() =
                lock gate (fun () ->
                    taken <- taken - pixels
                    Monitor.PulseAll gate)
        }
