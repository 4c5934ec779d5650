/// The live feed: what viewers are told, and that it stays small.
module Fae.Tests.LiveTests

open System
open System.IO
open System.Net.Http
open System.Text.Json.Nodes
open System.Threading
open Expecto
open Fae.Server
open Fae.Tests.Helpers
open Fae.Tests.Serving
open FsCheck.FSharp

let private record number anomalous : Record =
    {
        Id = 0L
        Time = DateTimeOffset.UtcNow
        Model = "part"
        Fingerprint = "A"
        Name = $"{number}.png"
        Score = 1.0f
        PValue = 0.5
        Anomalous = anomalous
        Width = 1
        Height = 1
        Regions = "[]"
        Mark = None
    }

let private noViews = lazy { Picture = [||]; Reconstruction = [||]; Heatmap = [||]; Mask = [||] }

let private feedTests =
    [
        test "it keeps the latest ones and the latest anomalous ones, and counts all" {
            let feed = LiveFeed(5, [], (fun _ -> struct (100L, 7L)))

            for number in 1..50 do
                feed.Add(None, record number (number % 10 = 0), 0.5f, noViews)

            let struct (kept, _, leave) = feed.Subscribe()
            use _ = leave
            Expect.equal (kept |> List.map _.Number) [ 10L; 20L; 30L; 40L; 46L; 47L; 48L; 49L; 50L ] "the oldest first"
            Expect.isTrue (feed.TryFind(10L).IsSome) "an anomalous one"
            Expect.isNone (feed.TryFind 11L |> Option.map _.Number) "an old good one"
            Expect.equal (feed.Counts.Inspected, feed.Counts.Anomalous) (150L, 12L) "with those of the history"
        }
        test "a viewer that reads nothing holds a bounded number of events; one that leaves holds none" {
            let feed = LiveFeed(5, [], (fun _ -> struct (0L, 0L)))
            let struct (_, events, leave) = feed.Subscribe()

            for number in 1..1000 do
                feed.Add(None, record number false, 0.5f, noViews)

            let mutable seen = []
            let mutable event = Clock

            while events.TryRead &event do
                match event with
                | Inspected one -> seen <- one.Number :: seen
                | _ -> ()

            Expect.equal seen.Head 1000L "the newest is there"
            Expect.isLessThan seen.Length 100 "the oldest are dropped"
            leave.Dispose()
            Expect.equal feed.Viewers 0 "gone"
        }
        testProperty "a shift began at one of its times, not after now and within a day"
        <| Prop.forAll
            (Gen.zip (Gen.choose (0, 3 * 24 * 60)) (Gen.listOf (Gen.choose (0, 24 * 60 - 1))) |> Arb.fromGen)
            (fun (minute: int, starts: int list) ->
                let now = DateTimeOffset(2026, 11, 27, 0, 0, 0, TimeSpan.FromHours 1.0).AddMinutes(float minute)
                let starts = starts |> List.map (fun start -> TimeOnly.MinValue.AddMinutes(float start))
                let start = Shift.startOf starts now
                let times = if starts.IsEmpty then [ TimeOnly.MinValue ] else starts

                start <= now
                && now - start < TimeSpan.FromDays 1.0
                && List.contains (TimeOnly.FromTimeSpan start.TimeOfDay) times
                && times
                   |> List.forall (fun time ->
                       // No other start lies between.
                       let next = DateTimeOffset(start.Date + time.ToTimeSpan(), start.Offset)
                       let next = if next > start then next else next.AddDays 1.0
                       next > now))
    ]

/// Events of a stream, as long as `go` says so: their names and data.
let private events (http: HttpClient) (url: string) (go: string * JsonNode -> bool) =
    use limit = new CancellationTokenSource(TimeSpan.FromSeconds 30.0)
    use stream = http.GetStreamAsync(url, limit.Token).Result
    use reader = new StreamReader(stream)
    let mutable name = ""
    let mutable more = true
    let seen = ResizeArray()

    while more do
        match reader.ReadLineAsync(limit.Token).AsTask().Result with
        | null -> more <- false
        | line when line.StartsWith "event: " -> name <- line.Substring 7
        | line when line.StartsWith "data: " ->
            let event = name, nonNull (JsonNode.Parse(line.Substring 6))
            seen.Add event
            more <- go event
        | _ -> ()

    List.ofSeq seen

let private overHttp =
    test "server-sent events: what is kept, the state, each inspection, a changed threshold, a replaced model" {
        inTemporaryFolder (fun folder ->
            let model = brightnessModel folder
            let history = [ "--history"; Path.Combine(folder, "h.db"); "--shifts"; "0:00" ]

            serving model history (fun served ->
                use http = client ()
                let send number = (post http (served.Url + "/v1/inspect") (lightPicture number)).Wait()
                send 0
                let mutable inspections = 0

                let step (name: string, data: JsonNode) =
                    match name with
                    | "state" when inspections = 0 ->
                        inspections <- 1
                        send 1
                        true
                    | "inspection" ->
                        let body = new StringContent("{\"false_alarm\": 0.3}", Text.Encoding.UTF8, "application/json")
                        let path = $"{served.Url}/v1/models/{modelName http served.Url String.Empty}/threshold"
                        http.PostAsync(path, body).Wait()
                        true
                    | "change" when not (isNull data["who"]) ->
                        File.SetLastWriteTimeUtc(model, DateTime.UtcNow.AddMinutes 1.0)
                        true
                    | "change" -> false
                    | _ -> true

                let seen = events http (served.Url + "/v1/live") step
                let of' name = seen |> List.filter (fst >> (=) name) |> List.map snd
                let recent = (List.head (of' "recent")).AsArray()
                Expect.equal recent.Count 1 "what is kept"
                Expect.equal (textOf (nonNull recent[0]) "anomalous") "true" "the dark one"
                let state = List.head (of' "state")
                Expect.equal (textOf state "inspected", textOf state "anomalous") ("1", "1") "the shift's counts"
                let one = List.exactlyOne (of' "inspection")
                Expect.equal (textOf one "anomalous", textOf one "id") ("false", "2") "the bright one"
                let number = textOf one "number"
                let picture = http.GetAsync($"{served.Url}/v1/live/{number}/picture.jpg").Result
                Expect.equal (string picture.Content.Headers.ContentType) "image/jpeg" "its picture"
                Expect.equal (int (http.GetAsync(served.Url + "/v1/live/77/picture.jpg").Result.StatusCode)) 404 "no such"
                Expect.equal (of' "change" |> List.map (fun change -> isNull change["who"])) [ false; true ] "a person, then a file"))
    }

let tests = testList "Live feed" (feedTests @ [ overHttp ])
