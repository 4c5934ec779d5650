/// How long the rest of a training will take: by the plan, at the pace so far.
namespace Fae.Cli

open System
open System.Diagnostics
open Fae.Core

/// Begins with the first of these stages, which are expected to take so many minutes each. Thread-safe.
type TrainingClock(stages: (TrainingStage * float) list) =
    let gate = obj ()
    let clock = Stopwatch.StartNew()
    let minutes = dict stages
    let mutable stage, share = fst stages.Head, 0.0
    /// Expected minutes of what was done here: a training that is resumed begins in the middle.
    let mutable work = 0.0

    let later stage = stages |> List.filter (fun (other, _) -> other > stage) |> List.sumBy snd
    let atPace expected = TimeSpan.FromMinutes(expected * TrainingPlan.pace work clock.Elapsed.TotalMinutes)

    let move next nextShare =
        if next > stage then
            work <- work + (1.0 - share) * minutes[stage]
            stage <- next
            share <- nextShare
        elif next = stage && nextShare > share then
            work <- work + (nextShare - share) * minutes[stage]
            share <- nextShare

    /// A stage is done to this share, in [0, 1]; what is left of it and of all later ones.
    member _.Left(now: TrainingStage, share': float) =
        lock gate (fun () ->
            move now share'
            atPace ((1.0 - share) * minutes[stage] + later stage))

    /// The same, where the stage itself says what is left of it.
    member _.Left(now: TrainingStage, share': float, left: TimeSpan) =
        lock gate (fun () ->
            move now share'
            left + atPace (later stage))
