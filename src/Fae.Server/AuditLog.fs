/// Who changed what: marks, thresholds, models. Entries are added and never changed or removed.
namespace Fae.Server

open System
open System.Text.Json
open Fae.Detection
open Microsoft.Data.Sqlite

/// What was done.
type AuditAction =
    | Mark
    | Threshold
    /// The model's file was replaced, by somebody outside of the server.
    | Replaced
    /// A version of a project's model serves from now on.
    | Published
    /// A training of the studio was begun, stopped or resumed.
    | Trained
    /// A folder is watched from now on, or no longer.
    | Watched

type AuditEntry =
    {
        Id: int64
        Time: DateTimeOffset
        Who: string
        Action: AuditAction
        /// The model, or the inspection's number.
        Subject: string
        /// Of the model.
        Fingerprint: string
        /// JSON.
        Detail: string
    }

/// The detail of `Threshold`: the false-alarm rate and what it was before.
type ThresholdChange = { FalseAlarm: float; Threshold: float32; Before: float }

/// Thread-safe. It shares the file of the history and owns its connection to it.
type AuditLog private (connection: SqliteConnection) =
    static let name =
        function
        | Mark -> "mark"
        | Threshold -> "threshold"
        | Replaced -> "replaced"
        | Published -> "published"
        | Trained -> "training"
        | Watched -> "folder"

    static let action text = [ Mark; Threshold; Replaced; Published; Trained; Watched ] |> List.find (fun action -> name action = text)

    static let entry (row: SqliteDataReader) =
        {
            Id = row.GetInt64 0
            Time = Sqlite.timeOf row 1
            Who = row.GetString 2
            Action = action (row.GetString 3)
            Subject = row.GetString 4
            Fingerprint = row.GetString 5
            Detail = row.GetString 6
        }

    let gate = obj ()

    /// What an action is called in answers.
    static member Name(action: AuditAction) = name action

    /// Of a history's file.
    static member Open(path: string) : Result<AuditLog, string> = HistoryFile.opened path (fun connection -> new AuditLog(connection))

    member _.Add(who: string, action: AuditAction, subject: string, fingerprint: string, detail: 'detail) =
        lock gate (fun () ->
            Sqlite.execute
                connection
                ("INSERT INTO audit (time, who, action, subject, fingerprint, detail) VALUES ($time, $who, $action, "
                 + "$subject, $print, $detail)")
                [
                    "$time", Sqlite.time DateTimeOffset.UtcNow
                    "$who", box who
                    "$action", box (name action)
                    "$subject", box subject
                    "$print", box fingerprint
                    "$detail", box (JsonSerializer.Serialize(detail, FaeJson.Compact))
                ]
            |> ignore)

    /// The latest before `before`, newest first.
    member _.Latest(before: int64, limit: int) : AuditEntry list =
        lock gate (fun () ->
            Sqlite.rows
                connection
                ("SELECT id, time, who, action, subject, fingerprint, detail FROM audit WHERE id < $before ORDER BY id DESC "
                 + "LIMIT $limit")
                [ "$before", box before; "$limit", box limit ]
                entry)

    /// The false-alarm rate that somebody set for the model with this fingerprint, the last time.
    member _.FalseAlarmOf(fingerprint: string) : float option =
        let details =
            lock gate (fun () ->
                Sqlite.rows
                    connection
                    "SELECT detail FROM audit WHERE action = 'threshold' AND fingerprint = $print ORDER BY id DESC LIMIT 1"
                    [ "$print", box fingerprint ]
                    (_.GetString(0)))

        details
        |> List.tryHead
        |> Option.bind (fun text -> JsonSerializer.Deserialize<ThresholdChange>(text, FaeJson.Compact) |> Option.ofObj)
        |> Option.map _.FalseAlarm

    interface IDisposable with
        member _.Dispose() = connection.Dispose()
