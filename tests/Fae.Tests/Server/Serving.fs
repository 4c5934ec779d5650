/// fae serve as a process, for tests that ask it something.
module Fae.Tests.Serving

open System
open System.Diagnostics
open System.Net.Http
open System.Text
open System.Text.Json.Nodes
open System.Threading.Tasks
open Expecto
open Fae.Tests.Helpers

/// A running server: its process and its address.
type Served = { Child: Process; Url: string; Said: StringBuilder }

/// Runs fae with these arguments as a server while the work runs.
let servingBy (args: string list) (work: Served -> unit) =
    let args = faeAssembly :: args

    match Process.Start(ProcessStartInfo("dotnet", args, RedirectStandardError = true, RedirectStandardOutput = true)) with
    | null -> failtest "fae did not start"
    | child ->
        use child = child
        let said = StringBuilder()
        let url = TaskCompletionSource<string>()

        child.ErrorDataReceived.Add(fun line ->
            match line.Data with
            | null -> url.TrySetException(Exception $"it ended: {said}") |> ignore
            | text ->
                lock said (fun () -> said.AppendLine text |> ignore)
                let found = RegularExpressions.Regex.Match(text, "at (https?://[^ ]+)")

                if found.Success then
                    url.TrySetResult(found.Groups[1].Value.Replace("/studio", "")) |> ignore)

        child.BeginErrorReadLine()
        child.BeginOutputReadLine()

        try
            if not (url.Task.Wait 60000) then failtest $"no address: {said}"

            work { Child = child; Url = url.Task.Result; Said = said }
        finally
            if not child.HasExited then child.Kill()

/// Serves at a port while the work runs.
let servingAt (port: string) (model: string) more work = servingBy ([ "serve"; "--model"; model; "--port"; port ] @ more) work

/// Serves at any port while the work runs.
let serving model more work = servingAt "0" model more work

let client () = new HttpClient(new SocketsHttpHandler(MaxConnectionsPerServer = 64), Timeout = TimeSpan.FromSeconds 60.0)

let post (http: HttpClient) (url: string) (bytes: byte[]) = http.PostAsync(url, new ByteArrayContent(bytes))

let text (answer: HttpResponseMessage) = answer.Content.ReadAsStringAsync().Result

let header (answer: HttpResponseMessage) (name: string) =
    match answer.Headers.TryGetValues name with
    | true, NonNull values -> String.concat "," values
    | _ -> ""

let json (answer: HttpResponseMessage) =
    match JsonNode.Parse(text answer) with
    | null -> failtest "no JSON"
    | json -> json

let status (answer: Task<HttpResponseMessage>) = int answer.Result.StatusCode

/// A metric's value by its name and labels.
let metric (http: HttpClient) url (name: string) =
    http.GetStringAsync(url + "/metrics").Result.Split '\n'
    |> Array.tryPick (fun line ->
        if line.StartsWith(name + " ", StringComparison.Ordinal) then
            Some(float (line.Substring(name.Length + 1)))
        else
            None)

/// The name of the first model, asked for with a key where one is needed; that of `brightnessModel` where no key is at hand.
let modelName (http: HttpClient) (url: string) (key: string) =
    let request = new HttpRequestMessage(HttpMethod.Get, url + "/v1/models")
    if key <> "" then request.Headers.Add("X-Api-Key", key)
    let answer = http.SendAsync(request).Result

    if answer.IsSuccessStatusCode then
        textOf (nonNull ((json answer).AsArray()[0])) "name"
    else
        "model"
