/// What was inspected and what people said of it, in one SQLite file. Every inspection that was answered is in it, also after the process
/// was killed.
namespace Fae.Server

open System
open System.Collections.Generic
open System.IO
open System.Threading.Channels
open System.Threading.Tasks
open Microsoft.Data.Sqlite

[<NoComparison; NoEquality>]
type private Waiting = { Record: Record; Views: Views; Written: TaskCompletionSource<int64> }

type History private (path: string, connection: SqliteConnection, keep: Retention, next: int64) =
    static let record (row: SqliteDataReader) =
        {
            Id = row.GetInt64 0
            Time = Sqlite.timeOf row 1
            Model = row.GetString 2
            Fingerprint = row.GetString 3
            Name = row.GetString 4
            Score = float32 (row.GetDouble 5)
            PValue = row.GetDouble 6
            Anomalous = row.GetBoolean 7
            Width = row.GetInt32 8
            Height = row.GetInt32 9
            Regions = row.GetString 10
            Mark = if row.IsDBNull 11 then None else Some(row.GetBoolean 11)
        }

    let queue = Channel.CreateBounded<Waiting>(BoundedChannelOptions(256, SingleReader = true))
    let mutable last = next - 1L
    let mutable sinceTrim = 0

    let insert (waiting: Waiting) =
        let r, views = waiting.Record, waiting.Views

        Sqlite.execute
            connection
            ($"INSERT INTO inspections ({HistoryFile.columns}, picture, reconstruction, heatmap, mask) VALUES ($id, $time, $model, "
             + "$fingerprint, $name, $score, $p, $anomalous, $width, $height, $regions, NULL, $picture, $reconstruction, "
             + "$heatmap, $mask)")
            [
                "$id", box r.Id
                "$time", Sqlite.time r.Time
                "$model", box r.Model
                "$fingerprint", box r.Fingerprint
                "$name", box r.Name
                "$score", box (float r.Score)
                "$p", box r.PValue
                "$anomalous", box r.Anomalous
                "$width", box r.Width
                "$height", box r.Height
                "$regions", box r.Regions
                "$picture", box views.Picture
                "$reconstruction", box views.Reconstruction
                "$heatmap", box views.Heatmap
                "$mask", box views.Mask
            ]
        |> ignore

    /// What a person marked is kept whatever its age: it is what they know. An inspection is old when all before it are, too: a clock
    /// that was wrong for a while makes none old.
    let trim () =
        Sqlite.execute
            connection
            ("DELETE FROM inspections WHERE mark IS NULL AND (id <= $last - $count OR id < COALESCE((SELECT id FROM "
             + "inspections WHERE time >= $oldest ORDER BY id LIMIT 1), $last + 1))")
            [
                "$last", box last
                "$count", box (int64 keep.Count)
                "$oldest", Sqlite.time (DateTimeOffset.UtcNow.AddDays -keep.Days)
            ]
        |> ignore

    /// Writes several in one transaction and completes their tasks.
    let write (some: List<Waiting>) =
        try
            use transaction = connection.BeginTransaction()

            for waiting in some do
                insert waiting

            sinceTrim <- sinceTrim + some.Count

            if sinceTrim >= 100 then
                trim ()
                sinceTrim <- 0

            transaction.Commit()

            for waiting in some do
                waiting.Written.TrySetResult waiting.Record.Id |> ignore
        with :? SqliteException as e ->
            for waiting in some do
                waiting.Written.TrySetException e |> ignore

    let writing = DrainQueue.start queue.Reader 64 write

    let read work =
        use connection = Sqlite.connect path SqliteOpenMode.ReadWrite
        work connection

    /// Opens the file, or makes it.
    static member Open(path: string, keep: Retention) : Result<History, string> =
        HistoryFile.opened path (fun connection ->
            let next = 1L + Sqlite.whole connection "SELECT MAX(id) FROM inspections" []
            new History(path, connection, keep, next))

    /// Scores that people marked, of the model with this fingerprint: whether the part is anomalous.
    static member Marks(path: string, fingerprint: string) : Result<struct (float32 * bool) list, string> =
        if not (File.Exists path) then
            Error $"{path}: there is no such file"
        else
            try
                use connection = Sqlite.connect path SqliteOpenMode.ReadOnly

                Sqlite.rows
                    connection
                    "SELECT score, mark FROM inspections WHERE fingerprint = $fingerprint AND mark IS NOT NULL ORDER BY id"
                    [ "$fingerprint", box fingerprint ]
                    (fun row -> struct (float32 (row.GetDouble 0), row.GetBoolean 1))
                |> Ok
            with :? SqliteException as e ->
                Error(HistoryFile.problem path e)

    /// Adds an inspection; completes when it is in the file. Id and mark are set here.
    member _.Add(record: Record, views: Views) : Task<int64> =
        task {
            let waiting =
                {
                    Record = { record with Id = Threading.Interlocked.Increment &last; Mark = None }
                    Views = views
                    Written = TaskCompletionSource<int64>(TaskCreationOptions.RunContinuationsAsynchronously)
                }

            do! queue.Writer.WriteAsync waiting
            return! waiting.Written.Task
        }

    /// Those that a filter lets through, the newest first, at most `limit`.
    member _.Latest(filter: HistoryFilter, limit: int) : Record list =
        let where, parameters = HistoryFilter.sql filter

        read (fun connection ->
            Sqlite.rows
                connection
                $"SELECT {HistoryFile.columns} FROM inspections WHERE {where} ORDER BY id DESC LIMIT $limit"
                (("$limit", box limit) :: parameters)
                record)

    /// How many a filter lets through, and how many of these are anomalous.
    member _.Counts(filter: HistoryFilter) : struct (int64 * int64) =
        let where, parameters = HistoryFilter.sql filter

        read (fun connection ->
            Sqlite.rows connection $"SELECT COUNT(*), COALESCE(SUM(anomalous), 0) FROM inspections WHERE {where}" parameters (fun row ->
                struct (row.GetInt64 0, row.GetInt64 1)))
        |> List.exactlyOne

    /// The file.
    member _.Path = path

    member _.TryFind(id: int64) : Record option =
        read (fun connection ->
            Sqlite.rows connection $"SELECT {HistoryFile.columns} FROM inspections WHERE id = $id" [ "$id", box id ] record)
        |> List.tryHead

    /// The images of an inspection.
    member _.Views(id: int64) : Views option =
        let bytes (row: SqliteDataReader) column = row.GetFieldValue<byte[]> column

        read (fun connection ->
            Sqlite.rows
                connection
                "SELECT picture, reconstruction, heatmap, mask FROM inspections WHERE id = $id"
                [ "$id", box id ]
                (fun row -> { Picture = bytes row 0; Reconstruction = bytes row 1; Heatmap = bytes row 2; Mask = bytes row 3 }))
        |> List.tryHead

    /// Sets or removes the mark; false if there is no such inspection.
    member _.Mark(id: int64, anomalous: bool option) : bool =
        let mark: obj | null =
            match anomalous with
            | Some anomalous -> box anomalous
            | None -> null

        read (fun connection ->
            Sqlite.execute connection "UPDATE inspections SET mark = $mark WHERE id = $id" [ "$mark", mark; "$id", box id ] = 1)

    /// How many there are.
    member _.Count = read (fun connection -> Sqlite.whole connection "SELECT COUNT(*) FROM inspections" [])

    /// Accepts nothing more and writes what is queued.
    member _.Close() : Task =
        task {
            queue.Writer.TryComplete() |> ignore
            do! writing
            connection.Dispose()
            Sqlite.closeAll ()
        }
