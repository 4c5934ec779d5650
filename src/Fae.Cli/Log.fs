/// Where messages go: plain lines for people, or a log with time and level for a service.
namespace Fae.Cli

open Microsoft.Extensions.Logging
open Microsoft.Extensions.Logging.Console

[<RequireQualifiedAccess>]
type LogFormat =
    | Plain
    | Text
    | Json

[<RequireQualifiedAccess>]
module Log =
    let private formats = [ "plain", LogFormat.Plain; "text", LogFormat.Text; "json", LogFormat.Json ]

    let parse (text: string) : Result<LogFormat, string> =
        match formats |> List.tryFind (fst >> (=) text) with
        | Some(_, format) -> Ok format
        | None -> Error $"""--log {text}: there are {formats |> List.map fst |> String.concat ", "}"""

    // One process, one standard error: set once, before anything is said.
    let mutable private logger: ILogger | null = null

    /// Says a message at a level; false where there is no log.
    let write (level: LogLevel) (text: string) : bool =
        match logger with
        | null -> false
        | logger ->
            logger.Log(level, EventId(), text, null, (fun text _ -> text))
            true

    let private factory (format: LogFormat) =
        LoggerFactory.Create(fun builder ->
            let time = "yyyy-MM-ddTHH:mm:ss.fffZ"

            (match format with
             | LogFormat.Json ->
                 builder.AddJsonConsole(fun options ->
                     options.TimestampFormat <- time
                     options.UseUtcTimestamp <- true)
             | _ ->
                 builder.AddSimpleConsole(fun options ->
                     options.TimestampFormat <- time + " "
                     options.UseUtcTimestamp <- true
                     options.SingleLine <- true
                     options.ColorBehavior <- LoggerColorBehavior.Disabled))
            |> ignore

            // Standard output is for results.
            builder.AddConsole(fun options -> options.LogToStandardErrorThreshold <- LogLevel.Trace) |> ignore)

    /// Runs something with its messages in this format; all are written when it returns.
    let using (format: LogFormat) (work: unit -> 'a) : 'a =
        if format = LogFormat.Plain then
            work ()
        else
            let factory = factory format
            logger <- factory.CreateLogger "fae"

            try
                work ()
            finally
                logger <- null
                factory.Dispose()
