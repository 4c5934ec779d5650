/// The SQLite file of a server: its layout, and what an inspection is in it.
namespace Fae.Server

open System
open System.IO
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

[<RequireQualifiedAccess>]
module internal HistoryFile =
    /// Layout 1 had the inspections alone; it is extended where it lies. Others are refused.
    let private layout = 2L

    let private schema =
        """
        CREATE TABLE IF NOT EXISTS inspections (
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, model TEXT NOT NULL, fingerprint TEXT NOT NULL, name TEXT NOT NULL,
            score REAL NOT NULL, p_value REAL NOT NULL,
            anomalous INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, regions TEXT NOT NULL, mark INTEGER,
            picture BLOB NOT NULL, reconstruction BLOB NOT NULL, heatmap BLOB NOT NULL, mask BLOB NOT NULL);
        CREATE INDEX IF NOT EXISTS marked ON inspections (fingerprint, mark) WHERE mark IS NOT NULL;
        CREATE INDEX IF NOT EXISTS timed ON inspections (time, anomalous, model);
        CREATE TABLE IF NOT EXISTS audit (
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
            fingerprint TEXT NOT NULL, detail TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS sessions (
            token BLOB PRIMARY KEY, name TEXT NOT NULL, csrf TEXT NOT NULL, expires INTEGER NOT NULL);
        PRAGMA user_version = 2;
        """

    /// Of a record, in the order of its fields.
    let columns = "id, time, model, fingerprint, name, score, p_value, anomalous, width, height, regions, mark"

    let problem (path: string) (e: SqliteException) =
        if e.SqliteErrorCode = 26 then
            $"{path}: is no history of Fae's (not an SQLite file)"
        else
            $"{path}: {e.Message}"

    /// Makes the tables that are not there yet.
    let private prepare connection =
        // A killed process loses nothing that was committed; readers do not wait for the writer.
        Sqlite.whole connection "PRAGMA journal_mode = WAL" [] |> ignore
        Sqlite.execute connection "PRAGMA synchronous = NORMAL" [] |> ignore
        Sqlite.execute connection schema [] |> ignore

    /// The same tables in memory, for a server without a history: its sessions end with it.
    let inMemory () =
        let connection = Sqlite.connect ":memory:" SqliteOpenMode.ReadWriteCreate
        prepare connection
        connection

    /// Opens the file, or makes it; `work` gets the connection and owns it.
    let opened (path: string) (work: SqliteConnection -> 'a) : Result<'a, string> =
        try
            match Path.GetDirectoryName(Path.GetFullPath path) with
            | null -> ()
            | folder -> Directory.CreateDirectory folder |> ignore

            let connection = Sqlite.connect path SqliteOpenMode.ReadWriteCreate

            try
                let version = Sqlite.whole connection "PRAGMA user_version" []

                if version < 0L || version > layout then
                    connection.Dispose()
                    Error $"{path}: has layout {version}, this build knows {layout}: use the Fae that wrote it, or another file"
                else
                    prepare connection
                    Ok(work connection)
            with _ ->
                connection.Dispose()
                reraise ()
        with
        | :? SqliteException as e -> Error(problem path e)
        | :? IOException
        | :? UnauthorizedAccessException as e -> Error $"{path}: {e.Message}"
