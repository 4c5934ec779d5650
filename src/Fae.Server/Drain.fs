/// Work that waits, a few pieces at a time.
namespace Fae.Server

open System.Collections.Generic
open System.Threading.Channels
open System.Threading.Tasks

[<RequireQualifiedAccess>]
module Drain =
    /// Hands on what waits in a channel, at most so many pieces at once, until it is closed and empty; on a thread of its own.
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
