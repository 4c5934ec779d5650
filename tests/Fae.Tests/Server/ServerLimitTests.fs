/// The full queue, shutdown, and wrong arguments of the server.
module Fae.Tests.ServerLimitTests

open System
open System.Diagnostics
open System.IO
open System.Threading.Tasks
open Expecto
open Fae.Core
open Fae.Imaging
open Fae.Tests.Helpers
open Fae.Tests.Serving

let tests =
    oneByOne
        "Server limits"
        [
            test "a full queue answers 503; on shutdown accepted requests are finished" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder

                    serving model [ "--queue"; "1"; "--batch"; "1" ] (fun served ->
                        use http = client ()

                        let large =
                            ImageEncoder.toPng (Noise.field 3UL 0.2f 1 1200 1200 |> Image.map (fun v -> max 0.0f (min 1.0f (v + 0.5f))))

                        let answers = Task.WhenAll([ for _ in 1..40 -> post http (served.Url + "/v1/inspect") large ]).Result
                        let counts = answers |> Array.countBy (fun a -> int a.StatusCode) |> Map.ofArray

                        Expect.equal
                            (counts |> Map.keys |> Set.ofSeq |> Set.union (set [ 200; 429 ]))
                            (set [ 200; 429 ])
                            $"nothing else: {counts}"

                        Expect.isGreaterThan (counts |> Map.tryFind 200 |> Option.defaultValue 0) 0 "some are inspected"
                        Expect.isGreaterThan (counts |> Map.tryFind 429 |> Option.defaultValue 0) 0 "some are asked to come again"

                        for answer in answers do
                            if int answer.StatusCode = 429 then
                                Expect.equal (Seq.head (answer.Headers.GetValues "Retry-After")) "1" "when")

                    serving model [] (fun served ->
                        use http = client ()
                        let large = ImageEncoder.toPng (Image.constant 1 3000 3000 0.7f)
                        let taken = [ for _ in 1..6 -> post http (served.Url + "/v1/inspect") large ]
                        // Begun: at least one is answered, the others are on their way.
                        Task.WhenAny(taken).Wait()
                        terminate served.Child

                        let answers =
                            taken
                            |> List.map (fun t ->
                                try
                                    int t.Result.StatusCode
                                with :? AggregateException ->
                                    0)

                        Expect.isTrue (served.Child.WaitForExit 40000) "it ends"
                        Expect.equal served.Child.ExitCode 0 "in order"
                        Expect.equal (List.distinct answers) [ 200 ] "what was taken is finished"))
            }

            test "wrong arguments of the server give one line" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    let keys = Path.Combine(folder, "keys")
                    File.WriteAllText(keys, "sesame\n")

                    for args, code, word in
                        [
                            [ "--model"; Path.Combine(folder, "none") ], 4, "no such model"
                            [ "--model"; model + "," + model ], 2, "same name"
                            [ "--model"; model; "--bind"; "nowhere" ], 2, "--bind"
                            [ "--model"; model; "--keys"; keys ], 2, "SHA-256"
                            [ "--model"; model; "--queue"; "0" ], 2, "at least 1"
                        ] do
                        match Process.Start(ProcessStartInfo("dotnet", [ faeAssembly; "serve" ] @ args, RedirectStandardError = true)) with
                        | null -> failtest "fae did not start"
                        | child ->
                            use child = child
                            let said = child.StandardError.ReadToEnd()
                            child.WaitForExit()
                            Expect.equal child.ExitCode code said
                            Expect.stringContains said word "line")
            }
        ]
