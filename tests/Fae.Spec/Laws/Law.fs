/// A law is a named property that every implementation of a thing must have. A mutant is an implementation that is wrong on purpose: the
/// law that is meant to catch it must reject it, so that no law is there for show.
namespace Fae.Spec

open System
open FsCheck

/// How hard a law is tried: the cases that are drawn, and the generator they are drawn from (none: a new one each time).
type Effort = { Cases: int; Replay: Replay option }

/// `Try` looks for a counterexample in an implementation; an error tells the smallest one found and how to find it again.
[<NoComparison; NoEquality>]
type Law<'I> = { Name: string; Try: Effort -> 'I -> Result<unit, string> }

[<RequireQualifiedAccess>]
module Effort =
    /// The same cases every time: for mutants, whose table is part of the documentation.
    let repeatable cases = { Cases = cases; Replay = Some { Rnd = Rnd(20261125UL, 0x9E3779B97F4A7C15UL); Size = None } }

    /// New cases every time.
    let exploring cases = { Cases = cases; Replay = None }

    /// The cases of a failure that was reported as (seed, gamma).
    let replaying cases (seed, gamma) = { Cases = cases; Replay = Some { Rnd = Rnd(seed, gamma); Size = None } }

/// Keeps what FsCheck found instead of printing it.
type private Witness() =
    let mutable verdict = Ok()

    member _.Verdict = verdict

    interface IRunner with
        member _.OnStartFixture _ = ()
        member _.OnArguments(_, _, _) = ()
        member _.OnShrink(_, _) = ()

        member _.OnFinished(_, result) =
            match result with
            | TestResult.Passed _ -> ()
            | TestResult.Exhausted _ -> verdict <- Error "no case could be drawn"
            | TestResult.Failed(data, _, shrunk, outcome, seed, _, _) ->
                let rec show (argument: obj | null) =
                    match argument with
                    | :? Generators.IShown as shown -> shown.Show()
                    | :? Runtime.CompilerServices.ITuple as tuple ->
                        [ for i in 0 .. tuple.Length - 1 -> show tuple[i] ] |> String.concat "\n"
                    | other -> $"%A{other}"

                let how =
                    match outcome with
                    | Outcome.Failed e -> $"{e.GetType().Name}: {e.Message}"
                    | _ -> "does not hold"

                let replay = $"replay with --cases {data.NumberOfTests} --replay {seed.Seed},{seed.Gamma}"

                verdict <- Error(String.concat "\n" ([ how ] @ List.map show shrunk @ [ replay ]))

[<RequireQualifiedAccess>]
module Law =
    /// For all that our generators draw, the property holds; what it throws counts against it.
    let forAll name (property: 'I -> 'a -> bool) =
        {
            Name = name
            Try =
                fun effort implementation ->
                    let witness = Witness()

                    let config =
                        Config.Quick
                            .WithMaxTest(effort.Cases)
                            .WithReplay(effort.Replay)
                            .WithArbitrary([ typeof<Generators.Arbitraries> ])
                            .WithRunner(witness)

                    Check.One(config, property implementation)
                    witness.Verdict
        }

    /// What holds or not, without anything to draw: known answers, and statistics from a fixed seed.
    let once name (holds: 'I -> bool) =
        {
            Name = name
            Try =
                fun _ implementation ->
                    try
                        if holds implementation then Ok() else Error "does not hold"
                    with e ->
                        Error $"{e.GetType().Name}: {e.Message}"
        }

/// A subject's laws, the implementations that must keep them and the mutants that must not, with their type forgotten: a name beside what
/// tries a law (by its name) on it.
[<NoComparison; NoEquality>]
type Suite =
    {
        Subject: string
        /// What the subject is, in a sentence or two.
        About: string
        Laws: string list
        Implementations: (string * (Effort -> string -> Result<unit, string>)) list
        /// Name, the law that is meant to catch it, and what tries a law on it.
        Mutants: (string * string * (Effort -> string -> Result<unit, string>)) list
    }

[<RequireQualifiedAccess>]
module Suite =
    let private attempt (laws: Law<'I> list) implementation effort name =
        (laws |> List.find (fun law -> law.Name = name)).Try effort implementation

    /// `implementations`: by name. `mutants`: what is wrong with it, the law that is meant to see it, and the wrong implementation.
    let create subject about (laws: Law<'I> list) (implementations: (string * 'I) list) (mutants: (string * string * 'I) list) =
        {
            Subject = subject
            About = about
            Laws = laws |> List.map _.Name
            Implementations = [ for name, implementation in implementations -> name, attempt laws implementation ]
            Mutants = [ for name, law, implementation in mutants -> name, law, attempt laws implementation ]
        }

    /// And some more implementations, by name, which are emulated and therefore slow: they get a tenth of the cases.
    let withEmulated (laws: Law<'I> list) (implementations: (string * 'I) list) suite =
        let tenth implementation effort law = attempt laws implementation { effort with Cases = max 1 (effort.Cases / 10) } law

        { suite with
            Implementations = suite.Implementations @ [ for name, implementation in implementations -> name, tenth implementation ]
        }
