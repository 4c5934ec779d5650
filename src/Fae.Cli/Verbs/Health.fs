/// fae health: whether a server is ready, for a container's health check, where there is no curl.
namespace Fae.Cli

open System
open System.Net.Http
open System.Threading.Tasks
open Argu
open Fae.Data

[<RequireQualifiedAccess>]
module Health =
    let private limit = TimeSpan.FromSeconds 5.0

    let run (args: ParseResults<HealthArgs>) : Result<int, Fault> =
        let text = args.GetResult HealthArgs.Url

        match Uri.TryCreate(text.TrimEnd '/' + "/ready", UriKind.Absolute) with
        | true, NonNull url when url.Scheme.StartsWith "http" ->
            use client = new HttpClient(Timeout = limit)

            try
                use answer = client.GetAsync(url).GetAwaiter().GetResult()
                let said = answer.Content.ReadAsStringAsync().GetAwaiter().GetResult().Trim()

                if answer.IsSuccessStatusCode then
                    Console.say said
                    Ok 0
                else
                    Error(Machine $"{url}: {int answer.StatusCode}, {said}")
            with
            | :? HttpRequestException as e -> Error(Machine $"{url}: {e.Message}")
            | :? TaskCanceledException -> Error(Machine $"{url}: no answer in {limit.TotalSeconds} seconds")
        | _ -> Error(Usage [ $"{text}: write the server's address, like http://127.0.0.1:8080" ])
