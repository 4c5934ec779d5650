/// The library under load: batches, threads, and a camera's stream.
module Fae.Tests.LibraryStreamTests

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open Expecto
open Fae
open Fae.Tests.Helpers
open Fae.Tests.LibraryTests

/// Pictures of a camera that waits for nobody.
let private stream (sources: ImageSource seq) : IAsyncEnumerable<ImageSource> =
    { new IAsyncEnumerable<ImageSource> with
        member _.GetAsyncEnumerator stop =
            let inner = sources.GetEnumerator()

            { new IAsyncEnumerator<ImageSource> with
                member _.Current = inner.Current

                member _.MoveNextAsync() =
                    stop.ThrowIfCancellationRequested()
                    ValueTask<bool>(inner.MoveNext())

                member _.DisposeAsync() =
                    inner.Dispose()
                    ValueTask()
            }
    }

let private all (inspections: IAsyncEnumerable<Inspection>) (stop: CancellationToken) =
    task {
        let found = List<Inspection>()
        let inner = inspections.GetAsyncEnumerator stop
        let mutable go = true

        while go do
            let! more = inner.MoveNextAsync()
            go <- more

            if more then found.Add inner.Current

        do! inner.DisposeAsync()
        return List.ofSeq found
    }

let tests =
    testList
        "Library under load"
        [
            test "batch, sixteen threads and stream give the results of single calls, in order" {
                opened (fun detector ->
                    let source number =
                        if number % 7 = 5 then
                            ImageSource.FromBytes(ReadOnlyMemory "broken"B, string number)
                        else
                            ImageSource.FromBytes(ReadOnlyMemory(lightPicture number), string number)

                    let numbers = [| 0..40 |]
                    let alone = numbers |> Array.map (fun number -> detector.Inspect(source number))

                    let equal what (others: Inspection seq) =
                        let others = Array.ofSeq others
                        Expect.equal (Array.map (fun (i: Inspection) -> i.Name) others) (Array.map string numbers) $"{what}: in order"

                        for a, b in Array.zip alone others do
                            Expect.equal b.Verdict a.Verdict $"{what}: {a.Name}"

                            if a.Verdict <> Verdict.Unreadable then
                                Expect.floatClose Accuracy.medium (float b.Score) (float a.Score) $"{what}: {a.Name}"

                    detector.Inspect(Array.map source numbers) |> equal "a batch"

                    numbers
                    |> Array.map (fun number -> Task.Run(fun () -> detector.Inspect(source number)))
                    |> Task.WhenAll
                    |> _.Result
                    |> equal "threads"

                    (all (detector.InspectAsync(stream (Seq.map source numbers))) CancellationToken.None).Result
                    |> equal "a stream")
            }
            test "a stream can be cancelled, and passes on the camera's exception" {
                opened (fun detector ->
                    use stop = new CancellationTokenSource()

                    let endless =
                        Seq.initInfinite (fun number ->
                            if number = 20 then stop.Cancel()

                            ImageSource.FromBytes(ReadOnlyMemory(lightPicture (number % 3))))

                    let run () = (all (detector.InspectAsync(stream endless, stop.Token)) CancellationToken.None).GetAwaiter().GetResult()

                    let stopped =
                        try
                            run () |> ignore
                            false
                        with :? OperationCanceledException ->
                            true

                    Expect.isTrue stopped "stopped"

                    let failing =
                        seq {
                            ImageSource.FromBytes(ReadOnlyMemory(lightPicture 1))
                            raise (TimeoutException "the camera is silent")
                        }

                    Expect.throwsT<TimeoutException>
                        (fun () -> (all (detector.InspectAsync(stream failing)) CancellationToken.None).GetAwaiter().GetResult() |> ignore)
                        "the camera's own words")
            }
        ]
