/// What was inspected and what people said of it, in one SQLite file. Every inspection that was answered is in it, also after the process
/// was killed.
namespace Fae.Server

open System
open System.Collections.Generic
open System.IO
open System.Threading.Channels
open System.Threading.Tasks
open Microsoft.Data.Sqlite

/// An inspection. Scores of models with different fingerprints are not comparable.
type Record =
    {
        Id: int64
        Time: DateTimeOffset
        Model: string
        Fingerprint: string
        Name: string
        Score: float32
        PValue: float
        Anomalous: bool
        Width: int
        Height: int
        /// JSON, as in the answer.
        Regions: string
        /// The mark of a person: `Some true` anomalous, `Some false` good.
        Mark: bool option
    }

/// The images of an inspection at the network's size: JPEG, JPEG, PNG, PNG.
[<NoComparison; NoEquality>]
type Views = { Picture: byte[]; Reconstruction: byte[]; Heatmap: byte[]; Mask: byte[] }

/// Limits of the history: number of inspections and age in days.
type Retention = { Count: int; Days: float }

[<NoComparison; NoEquality>]
type private Waiting = { Record: Record; Views: Views; Written: TaskCompletionSource<int64> }

type History private (path: string, connection: SqliteConnection, keep: Retention, next: int64) =
    /// Of this layout; others are refused.
    static let layout = 1L

    static let schema =
        """
        CREATE TABLE IF NOT EXISTS inspections (
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, model TEXT NOT NULL, fingerprint TEXT NOT NULL, name TEXT NOT NULL,
            score REAL NOT NULL, p_value REAL NOT NULL,
            anomalous INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, regions TEXT NOT NULL, mark INTEGER,
            picture BLOB NOT NULL, reconstruction BLOB NOT NULL, heatmap BLOB NOT NULL, mask BLOB NOT NULL);
        CREATE INDEX IF NOT EXISTS marked ON inspections (fingerprint, mark) WHERE mark IS NOT NULL;
        PRAGMA user_version = 1;
        """

    static let columns = "id, time, model, fingerprint, name, score, p_value, anomalous, width, height, regions, mark"

    static let connect (path: string) mode =
        let settings = SqliteConnectionStringBuilder(DataSource = path, Mode = mode, DefaultTimeout = 10)
        let connection = new SqliteConnection(settings.ToString())
        connection.Open()
        connection

    static let command (connection: SqliteConnection) (text: string) (parameters: (string * (obj | null)) list) =
        let command = connection.CreateCommand()
        command.CommandText <- text

        for name, value in parameters do
            command.Parameters.AddWithValue(name, value) |> ignore

        command

    static let execute connection text parameters =
        use command = command connection text parameters
        command.ExecuteNonQuery()

    static let whole connection text =
        use command = command connection text []

        match command.ExecuteScalar() with
        | :? int64 as value -> value
        | _ -> 0L

    static let record (row: SqliteDataReader) =
        {
            Id = row.GetInt64 0
            Time = DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64 1)
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

    static let rows connection text parameters (read: SqliteDataReader -> 'a) =
        use command = command connection text parameters
        use row = command.ExecuteReader()

        [
            while row.Read() do
                read row
        ]

    let queue = Channel.CreateBounded<Waiting>(BoundedChannelOptions(256, SingleReader = true))
    let mutable last = next - 1L
    let mutable sinceTrim = 0

    let insert (waiting: Waiting) =
        let r, views = waiting.Record, waiting.Views

        execute
            connection
            ($"INSERT INTO inspections ({columns}, picture, reconstruction, heatmap, mask) VALUES ($id, $time, $model, "
             + "$fingerprint, $name, $score, $p, $anomalous, $width, $height, $regions, NULL, $picture, $reconstruction, "
             + "$heatmap, $mask)")
            [
                "$id", box r.Id
                "$time", box (r.Time.ToUnixTimeMilliseconds())
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
        execute
            connection
            ("DELETE FROM inspections WHERE mark IS NULL AND (id <= $last - $count OR id < COALESCE((SELECT id FROM "
             + "inspections WHERE time >= $oldest ORDER BY id LIMIT 1), $last + 1))")
            [
                "$last", box last
                "$count", box (int64 keep.Count)
                "$oldest", box (DateTimeOffset.UtcNow.AddDays(-keep.Days).ToUnixTimeMilliseconds())
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
        use connection = connect path SqliteOpenMode.ReadWrite
        work connection

    static let problem (path: string) (e: SqliteException) =
        if e.SqliteErrorCode = 26 then
            $"{path}: is no history of Fae's (not an SQLite file)"
        else
            $"{path}: {e.Message}"

    /// Opens the file, or makes it.
    static member Open(path: string, keep: Retention) : Result<History, string> =
        try
            match Path.GetDirectoryName(Path.GetFullPath path) with
            | null -> ()
            | folder -> Directory.CreateDirectory folder |> ignore

            let connection = connect path SqliteOpenMode.ReadWriteCreate
            let version = whole connection "PRAGMA user_version"

            if version <> 0L && version <> layout then
                connection.Dispose()
                Error $"{path}: has layout {version}, this build knows {layout}: use the Fae that wrote it, or another file"
            else
                // A killed process loses nothing that was committed; readers do not wait for the writer.
                whole connection "PRAGMA journal_mode = WAL" |> ignore
                execute connection "PRAGMA synchronous = NORMAL" [] |> ignore
                execute connection schema [] |> ignore
                let next = 1L + whole connection "SELECT MAX(id) FROM inspections"
                Ok(new History(path, connection, keep, next))
        with
        | :? SqliteException as e -> Error(problem path e)
        | :? IOException
        | :? UnauthorizedAccessException as e -> Error $"{path}: {e.Message}"

    /// Scores that people marked, of the model with this fingerprint: whether the part is anomalous.
    static member Marks(path: string, fingerprint: string) : Result<struct (float32 * bool) list, string> =
        if not (File.Exists path) then
            Error $"{path}: there is no such file"
        else
            try
                use connection = connect path SqliteOpenMode.ReadOnly

                rows
                    connection
                    "SELECT score, mark FROM inspections WHERE fingerprint = $fingerprint AND mark IS NOT NULL ORDER BY id"
                    [ "$fingerprint", box fingerprint ]
                    (fun row -> struct (float32 (row.GetDouble 0), row.GetBoolean 1))
                |> Ok
            with :? SqliteException as e ->
                Error(problem path e)

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

    /// The latest before `before`, of one model or of all, newest first.
    member _.Latest(before: int64, limit: int, model: string option, anomalousOnly: bool) : Record list =
        read (fun connection ->
            rows
                connection
                ($"SELECT {columns} FROM inspections WHERE id < $before AND ($model = '' OR model = $model) AND ($bad = 0 "
                 + "OR anomalous = 1) ORDER BY id DESC LIMIT $limit")
                [
                    "$before", box before
                    "$model", box (defaultArg model "")
                    "$bad", box (if anomalousOnly then 1 else 0)
                    "$limit", box limit
                ]
                record)

    member _.TryFind(id: int64) : Record option =
        read (fun connection -> rows connection $"SELECT {columns} FROM inspections WHERE id = $id" [ "$id", box id ] record)
        |> List.tryHead

    /// The images of an inspection.
    member _.Views(id: int64) : Views option =
        let bytes (row: SqliteDataReader) column = row.GetFieldValue<byte[]> column

        read (fun connection ->
            rows connection "SELECT picture, reconstruction, heatmap, mask FROM inspections WHERE id = $id" [ "$id", box id ] (fun row ->
                { Picture = bytes row 0; Reconstruction = bytes row 1; Heatmap = bytes row 2; Mask = bytes row 3 }))
        |> List.tryHead

    /// Sets or removes the mark; false if there is no such inspection.
    member _.Mark(id: int64, anomalous: bool option) : bool =
        let mark: obj | null =
            match anomalous with
            | Some anomalous -> box anomalous
            | None -> box DBNull.Value

        read (fun connection ->
            execute connection "UPDATE inspections SET mark = $mark WHERE id = $id" [ "$mark", mark; "$id", box id ] = 1)

    /// How many there are.
    member _.Count = read (fun connection -> whole connection "SELECT COUNT(*) FROM inspections")

    /// Accepts nothing more and writes what is queued.
    member _.Close() : Task =
        task {
            queue.Writer.TryComplete() |> ignore
            do! writing
            connection.Dispose()
            SqliteConnection.ClearAllPools()
        }
