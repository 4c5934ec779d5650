/// A background consumer of a channel that handles waiting items in batches.
namespace Fae.Server

open System.Collections.Generic
open System.Threading.Channels
open System.Threading.Tasks

[<RequireQualifiedAccess>]
module DrainQueue =
    /// Handles the items of a channel in batches of at most `most`, until the channel is closed and empty. Runs on its own task.
    let start (reader: ChannelReader<'a>) (most: int) (handle: List<'a> -> unit) : Task<unit> =
        Task.Run<unit>(fun () ->
            task {
                let mutable go = true

                while go do
                    let! more = reader.WaitToReadAsync()
                    go <- more

                    if more then
                        let some = List<'a>()
                        let mutable one = Unchecked.defaultof<'a>

                        while some.Count < most && reader.TryRead &one do
                            some.Add one

                        handle some
            })
