/// What is no error and should not go unsaid of the pictures that a detector is given; `inspect`, `watch` and the server say it in the same words.
namespace Fae.Data

open System.Collections.Generic
open Fae.Core
open Fae.Detection

[<RequireQualifiedAccess>]
module Remark =
    /// Scores that are not those of good parts from the camera that the model was trained with.
    let drift (scores: int) (significance: float) =
        $"the scores of the latest {scores} pictures are not those of good parts (odds of chance {significance:E0}): many are anomalous, or the camera or the light has changed"

    /// Pictures of another kind than the model knows.
    let colours channels coloured =
        match channels, coloured with
        | 1, true -> Some "the pictures are in colour, the model was trained on grey ones: it does not see colours"
        | 3, false ->
            Some "the pictures are grey, the model was trained on colour: it will find everything unusual; give it the camera's colours"
        | _ -> None

/// Watches a line of pictures for one detector. Each remark is made when its cause begins, and not again before it has ended. Thread-safe.
type Lookout(card: ModelCard, heldOut: float32[], say: string -> unit) =
    /// Scores that are looked at together; after how many they are looked at anew, and after how many pictures their colours are.
    static let window, every, colourEvery = 500, 20, 50
    let gate = obj ()
    let latest = Queue<float32>()
    let mutable seen = 0
    let mutable drifting, strange = false, false

    let look () =
        match Drift.test heldOut (latest.ToArray()) with
        | None -> ()
        | Some drift ->
            let now = drift.Significance < Drift.alarm

            if now && not drifting then
                say (Remark.drift latest.Count drift.Significance)
            elif drifting && not now then
                say "the scores are those of good parts again"

            drifting <- now

    let compare coloured =
        match Remark.colours card.Channels coloured with
        | Some remark when not strange ->
            strange <- true
            say remark
        | Some _ -> ()
        | None -> strange <- false

    /// A picture got this score; whether it has colour is asked of the first and then of every fiftieth.
    member _.Saw(score: float32, coloured: unit -> bool) =
        let count () =
            let first = seen % colourEvery = 0
            seen <- seen + 1
            latest.Enqueue score

            if latest.Count > window then
                latest.Dequeue() |> ignore

            if seen % every = 0 then
                look ()

            first

        // It reads the picture: nobody is to wait for that.
        if lock gate count then
            let coloured = coloured ()
            lock gate (fun () -> compare coloured)
