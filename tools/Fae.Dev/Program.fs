/// The tasks of build.fsx that need compiled code.
module Fae.Dev.Program

let private check () =
    match Sources.longLines () @ UnusedOpens.find () with
    | [] -> 0
    | problems ->
        for problem in problems do
            eprintfn $"{problem}"

        1

[<EntryPoint>]
let main argv =
    let task (work: unit -> unit) =
        work ()
        0

    match List.ofArray argv with
    | [ "check" ] -> check ()
    | [ "precompile" ] -> task Precompile.run
    | [ "package" ] -> task (fun () -> Package.write false)
    | [ "assemble" ] -> task (Portable.assemble >> ignore)
    | [ "container" ] -> task (fun () -> Container.write true)
    | [ "container"; "--not-precompiled" ] -> task (fun () -> Container.write false)
    | "release" :: systems -> task (fun () -> Release.write systems)
    | "tool" :: id :: systems -> task (fun () -> Tool.write id false systems)
    | [ "portable" ] -> task Portable.write
    | [ "publish"; system ] -> task (fun () -> Publish.write system)
    | [ "publish"; system; "--not-precompiled" ] -> task (fun () -> Publish.folder system false |> ignore)
    | "measure" :: names -> task (fun () -> Measure.write names)
    | "leaderboard" :: names -> task (fun () -> Leaderboard.write names)
    | "reproduce" :: names -> task (fun () -> Evidence.write names)
    | "bench" :: parts -> task (fun () -> Bench.write parts)
    | [ "fuzz"; count ] -> task (fun () -> Fuzz.write count)
    | [ "coverage" ] -> task Coverage.write
    | [ "licences" ] -> task Licences.write
    | other ->
        eprintfn $"""there is no task '{String.concat " " other}'"""
        2
