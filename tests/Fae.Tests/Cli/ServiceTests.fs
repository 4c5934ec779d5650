/// The program under a service manager.
module Fae.Tests.ServiceTests

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Net.Sockets
open System.Text
open System.Text.Json.Nodes
open System.Threading
open Expecto
open Fae.Tests.Helpers

/// systemd's end of the socket that it names in NOTIFY_SOCKET: what it was told, in order.
let private withSystemd folder (work: string -> ConcurrentQueue<string> -> unit) =
    let path = Path.Combine(folder, "notify")
    use socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
    socket.Bind(UnixDomainSocketEndPoint path)
    let told = ConcurrentQueue<string>()

    let reader =
        Thread(
            (fun () ->
                let bytes = Array.zeroCreate<byte> 4096

                try
                    while true do
                        told.Enqueue(Encoding.UTF8.GetString(bytes, 0, socket.Receive bytes))
                with
                | :? SocketException
                | :? ObjectDisposedException -> ()),
            IsBackground = true
        )

    reader.Start()
    work path told

/// fae with variables of its environment, until the work has seen enough; then SIGTERM. Its exit code and its standard error.
let private under (variables: (string * string) list) args (work: unit -> unit) =
    let start =
        ProcessStartInfo("dotnet", (faeAssembly :: args: string list), RedirectStandardError = true, RedirectStandardOutput = true)

    for name, value in variables do
        start.Environment[name] <- value

    match Process.Start start with
    | null -> failtest "fae did not start"
    | child ->
        use child = child
        let errors = child.StandardError.ReadToEndAsync()
        child.StandardOutput.ReadToEndAsync() |> ignore

        try
            work ()
            terminate child
            Expect.isTrue (child.WaitForExit 60000) "it stops"
            child.ExitCode, errors.Result
        finally
            if not child.HasExited then child.Kill()

let private serve model more = [ "serve"; "--model"; model; "--port"; "0" ] @ more

let private watchArgs folder model =
    let input = Path.Combine(folder, "in")
    Directory.CreateDirectory input |> ignore
    [ "watch"; input; "--model"; model; "--out"; Path.Combine(folder, "out") ]

let private lines (text: string) = text.Split('\n', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray

let tests =
    testList
        "Services"
        [
            test "systemd is told that serve and watch are ready, live, and stop" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder

                    for name, args in [ "serve", serve model []; "watch", watchArgs folder model ] do
                        let place = Path.Combine(folder, name)
                        Directory.CreateDirectory place |> ignore

                        withSystemd place (fun socket told ->
                            let heard state = Seq.contains state told
                            let variables = [ "NOTIFY_SOCKET", socket; "WATCHDOG_USEC", "1000000" ]

                            let code, errors =
                                under variables args (fun () ->
                                    until 60.0 (fun () -> $"{name} is not ready") (fun () -> heard "READY=1")
                                    // Often enough for a limit of one second.
                                    let before = told.Count
                                    Thread.Sleep 3000
                                    let alive = told |> Seq.skip before |> Seq.filter ((=) "WATCHDOG=1") |> Seq.length
                                    Expect.isGreaterThanOrEqual alive 3 $"{name}: once a second")

                            Expect.equal code 0 errors
                            Expect.equal (Seq.tryHead told) (Some "READY=1") $"{name}: first of all"
                            // The reader may be a moment behind.
                            until 10.0 (fun () -> $"{name} does not say that it stops") (fun () -> heard "STOPPING=1")))
            }
            test "--log text has time and level, --log json a line of JSON each" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    File.WriteAllText(Path.Combine(folder, "bad.png"), "no picture")

                    let watched format =
                        let place = Path.Combine(folder, format)
                        Directory.CreateDirectory place |> ignore
                        let args = watchArgs place model @ [ "--once"; "--log"; format ]
                        File.WriteAllBytes(Path.Combine(place, "in", "part.png"), lightPicture 1)
                        let run = fae args
                        Expect.equal run.Code 0 run.Error
                        Expect.equal run.Output "" "results alone go to standard output"
                        lines run.Error

                    for line in watched "text" do
                        Expect.isTrue
                            (RegularExpressions.Regex.IsMatch(
                                line,
                                @"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (info|warn|fail): fae\[0\] \S"
                            ))
                            line

                    let json = watched "json" |> List.map (fun line -> nonNull (JsonNode.Parse line))
                    Expect.isGreaterThanOrEqual json.Length 2 "start and verdict"

                    for line in json do
                        Expect.isTrue (fst (DateTime.TryParse(textOf line "Timestamp"))) "a time"
                        Expect.equal (textOf line "LogLevel") "Information" "a level"

                    Expect.exists json (fun line -> (textOf line "Message").StartsWith "part.png: good") "the verdict"

                    let failed = fae [ "watch"; folder; "--model"; folder + "/none"; "--out"; folder + "/o"; "--log"; "json" ]
                    Expect.equal failed.Code 4 failed.Error
                    Expect.equal (textOf (nonNull (JsonNode.Parse failed.Error)) "LogLevel") "Error" "a failure too"
                    let wrong = fae [ "watch"; folder; "--model"; model; "--out"; folder + "/o"; "--log"; "xml" ]
                    Expect.equal wrong.Code 2 wrong.Error
                    Expect.stringContains wrong.Error "plain, text, json" "what there is")
            }
            test "systemd accepts the units of the samples" {
                Expect.isTrue
                    (available (fun () -> (command "sh" [ "-c"; "command -v systemd-analyze" ]).Code = 0) [ "systemd" ])
                    "systemd-analyze"

                inTemporaryFolder (fun folder ->
                    let unit (sample: string) name =
                        let text = File.ReadAllText(Path.Combine(repository, "samples", "08-services", sample))
                        let path = Path.Combine(folder, name)
                        // A program that is there.
                        File.WriteAllText(path, text.Replace("/opt/fae/fae", "/bin/true"))
                        path

                    let units = [ unit "fae-serve.service" "fae-serve.service"; unit "fae-watch@.service" "fae-watch@line4.service" ]
                    let verified = command "systemd-analyze" ("verify" :: units)
                    Expect.equal (verified.Code, verified.Error.Trim()) (0, "") verified.Output)
            }
            test "the options of the units are those of the program" {
                for sample in [ "fae-serve.service"; "fae-watch@.service"; "install-service.ps1" ] do
                    let text = File.ReadAllText(Path.Combine(repository, "samples", "08-services", sample))
                    let verb = if sample.Contains "watch" then "watch" else "serve"
                    let help = (fae [ verb; "--help" ]).Output

                    for found in RegularExpressions.Regex.Matches(text, @" (--[a-z-]+) ") do
                        Expect.stringContains help found.Groups[1].Value sample
            }
        ]
