/// The history's file by itself.
module Fae.Tests.HistoryStoreTests

open System
open System.IO
open System.Threading.Tasks
open Expecto
open Fae.Server
open Fae.Tests.Helpers

let private sample number =
    {
        Id = 0L
        Time = DateTimeOffset.UtcNow.AddDays(if number < 3 then -10.0 else 0.0)
        Model = "part"
        Fingerprint = if number % 2 = 0 then "A" else "B"
        Name = $"{number}.png"
        Score = float32 number
        PValue = 1.0 / float (number + 1)
        Anomalous = number % 3 = 0
        Width = 32
        Height = 24
        Regions = "[]"
        Mark = None
    }

let private views = { Picture = [| 1uy |]; Reconstruction = [| 2uy |]; Heatmap = [| 3uy |]; Mask = [| 4uy |] }

let private openOr path keep =
    match History.Open(path, keep) with
    | Ok history -> history
    | Error reason -> failtest reason

let tests =
    testList
        "History"
        [
            test "entries are kept across processes, newest first" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "deep", "history.db")
                    let keep = { Count = 1000; Days = 1000.0 }
                    let first = openOr path keep
                    let ids = [ for number in 0..9 -> first.Add(sample number, views).Result ]
                    Expect.equal ids [ 1L .. 10L ] "numbered as they came"
                    first.Close().Wait()
                    let second = openOr path keep
                    Expect.equal (second.Add(sample 10, views).Result) 11L "and on"
                    let latest = second.Latest(HistoryFilter.all, 4)
                    Expect.equal (latest |> List.map _.Name) [ "10.png"; "9.png"; "8.png"; "7.png" ] "newest first"

                    Expect.equal
                        (second.Latest({ HistoryFilter.all with Before = Some 8L }, 2) |> List.map _.Id)
                        [ 7L; 6L ]
                        "a page further"

                    Expect.equal
                        (second.Latest({ HistoryFilter.all with Anomalous = Some true }, 9) |> List.map _.Name)
                        [ "9.png"; "6.png"; "3.png"; "0.png" ]
                        "anomalous"

                    Expect.isEmpty (second.Latest({ HistoryFilter.all with Model = Some "other" }, 9)) "of another model"

                    match second.TryFind 10L with
                    | Some record ->
                        let expected = sample 9
                        Expect.equal { record with Time = expected.Time } { expected with Id = 10L } "field by field"
                        Expect.isLessThan (abs (record.Time - expected.Time).TotalSeconds) 10.0 "and when"
                    | None -> failtest "not found"

                    Expect.equal (second.Views 10L |> Option.map (fun v -> v.Picture[0], v.Mask[0])) (Some(1uy, 4uy)) "pictures"
                    second.Close().Wait())
            }
            test "old entries and those over the limit are deleted, marked ones stay" {
                inTemporaryFolder (fun folder ->
                    let history = openOr (Path.Combine(folder, "h.db")) { Count = 50; Days = 5.0 }
                    history.Add(sample 0, views).Wait()
                    Expect.isTrue (history.Mark(1L, Some true)) "marked"
                    Task.WaitAll [| for number in 1..199 -> history.Add(sample number, views) :> Task |]
                    let left = history.Latest(HistoryFilter.all, 500) |> List.map _.Id
                    // Trimmed at every hundred or a little later.
                    Expect.isLessThan left.Length 152 "old ones are gone"
                    Expect.contains left 1L "the marked one is not"
                    Expect.contains left 200L "nor the newest"
                    Expect.equal (int64 left.Length) history.Count "counted"
                    history.Close().Wait())
            }
            test "a clock that was wrong for a while deletes nothing too early" {
                inTemporaryFolder (fun folder ->
                    let history = openOr (Path.Combine(folder, "h.db")) { Count = 1000; Days = 5.0 }
                    let add number = history.Add(sample number, views).Wait()
                    let longAgo = DateTimeOffset(2001, 1, 1, 0, 0, 0, TimeSpan.Zero)
                    Seq.iter add [ 0..9 ]
                    history.Add({ sample 10 with Time = longAgo }, views).Wait()
                    Seq.iter add [ 11..199 ]
                    let left = history.Latest(HistoryFilter.all, 500) |> List.map _.Id
                    Expect.equal (List.rev left) [ 4L .. 200L ] "the first three are old, the eleventh was written between younger ones"
                    history.Close().Wait())
            }
            test "marks belong to one model's weights and can be removed" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "h.db")
                    let history = openOr path { Count = 50; Days = 50.0 }

                    for number in 0..5 do
                        history.Add(sample number, views).Wait()

                    for id, anomalous in [ 1L, Some true; 2L, Some false; 3L, Some false; 5L, Some true; 5L, None ] do
                        Expect.isTrue (history.Mark(id, anomalous)) "there is one"

                    Expect.isFalse (history.Mark(99L, Some true)) "there is none"
                    Expect.equal (History.Marks(path, "A")) (Ok [ struct (0.0f, true); struct (2.0f, false) ]) "of the model A"
                    Expect.equal (History.Marks(path, "C")) (Ok []) "of no model"
                    history.Close().Wait())
            }
            test "filters let through what they say, each alone and all together" {
                inTemporaryFolder (fun folder ->
                    let history = openOr (Path.Combine(folder, "h.db")) { Count = 50; Days = 50000.0 }
                    let day (number: int) = DateTimeOffset(2026, 1, 1 + number, 12, 0, 0, TimeSpan.Zero)

                    for number in 0..9 do
                        history.Add({ sample number with Time = day number; Name = $"100%%/Line_{number}.png" }, views).Wait()

                    history.Mark(1L, Some false) |> ignore
                    history.Mark(2L, Some false) |> ignore
                    let ids filter = history.Latest(filter, 100) |> List.map _.Id |> List.rev
                    let all = HistoryFilter.all
                    let onTime = { all with Since = Some(day 2); Until = Some(day 5) }
                    Expect.equal (ids all) [ 1L .. 10L ] "everything"
                    Expect.equal (ids onTime) [ 3L; 4L; 5L ] "from a time to before another"
                    Expect.equal (ids { all with Name = Some "line_3" }) [ 4L ] "part of a name, whatever its letters"
                    Expect.equal (ids { all with Name = Some "%/LINE" }).Length 10 "a percent sign is one"
                    Expect.isEmpty (ids { all with Name = Some "lin%3" }) "and no wildcard"
                    Expect.equal (ids { all with Anomalous = Some true }) [ 1L; 4L; 7L; 10L ] "anomalous"
                    Expect.equal (ids { all with Anomalous = Some false }).Length 6 "good"
                    Expect.equal (ids { all with Mark = Some Marked }) [ 1L; 2L ] "marked"
                    Expect.equal (ids { all with Mark = Some Wrong }) [ 1L ] "marked as the opposite"
                    Expect.equal (ids { all with Mark = Some Unmarked }).Length 8 "not marked"
                    Expect.equal (ids { onTime with Anomalous = Some true }) [ 4L ] "two together"
                    Expect.equal (history.Counts { all with Since = Some(day 2) }) (struct (8L, 3L)) "counted"
                    history.Close().Wait())
            }
            test "a file of the first layout is opened where it lies" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "h.db")
                    let old = openOr path { Count = 50; Days = 50.0 }
                    old.Add(sample 0, views).Wait()
                    old.Close().Wait()

                    using (new Microsoft.Data.Sqlite.SqliteConnection $"Data Source={path}") (fun connection ->
                        connection.Open()
                        use command = connection.CreateCommand()
                        command.CommandText <- "DROP TABLE audit; DROP TABLE sessions; DROP INDEX timed; PRAGMA user_version = 1"
                        command.ExecuteNonQuery() |> ignore)

                    let now = openOr path { Count = 50; Days = 50.0 }
                    Expect.equal (now.Latest(HistoryFilter.all, 9) |> List.map _.Name) [ "0.png" ] "nothing is lost"
                    now.Close().Wait()

                    match AuditLog.Open path with
                    | Ok audit -> (audit :> IDisposable).Dispose()
                    | Error reason -> failtest reason)
            }
            test "a file of another program is not changed" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "h.db")
                    File.WriteAllText(path, String.replicate 200 "no database ")

                    match History.Open(path, { Count = 1; Days = 1.0 }) with
                    | Error reason -> Expect.stringContains reason "no history of Fae's" reason
                    | Ok _ -> failtest "opened"

                    Expect.equal (File.ReadAllText path) (String.replicate 200 "no database ") "as it was"
                    Expect.isError (History.Marks(Path.Combine(folder, "none.db"), "A")) "no file")
            }
        ]
