/// Sessions of people in a browser: a cookie names them, the server knows only its hash.
namespace Fae.Server

open System
open System.Buffers.Text
open System.Security.Cryptography
open System.Text
open Microsoft.Data.Sqlite

/// Whose session it is, and what a request that changes something must bring besides the cookie.
type Session = { Name: string; Csrf: string }

/// Thread-safe. Owns its connection: to the history's file, so that sessions outlive the server, or to memory.
type Sessions private (connection: SqliteConnection) =
    static let lifetime = TimeSpan.FromHours 12.0
    /// An end is moved when it has come so much nearer, not at each request.
    static let renewal = TimeSpan.FromMinutes 10.0

    static let hash (token: string) = SHA256.HashData(Encoding.UTF8.GetBytes token)
    static let secret () = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes 32)

    let gate = obj ()
    let execute text parameters = lock gate (fun () -> Sqlite.execute connection text parameters |> ignore)

    static member Open(path: string option) : Result<Sessions, string> =
        match path with
        | Some path -> HistoryFile.opened path (fun connection -> new Sessions(connection))
        | None -> Ok(new Sessions(HistoryFile.inMemory ()))

    /// A new session and its token, for the cookie. Sessions that have ended are forgotten.
    member _.Begin(name: string, now: DateTimeOffset) : struct (string * Session) =
        let token, session = secret (), { Name = name; Csrf = secret () }
        execute "DELETE FROM sessions WHERE expires <= $now" [ "$now", Sqlite.time now ]

        execute
            "INSERT INTO sessions (token, name, csrf, expires) VALUES ($token, $name, $csrf, $expires)"
            [
                "$token", box (hash token)
                "$name", box session.Name
                "$csrf", box session.Csrf
                "$expires", Sqlite.time (now + lifetime)
            ]

        struct (token, session)

    /// The session of a token, which lasts twelve hours from its last use.
    member _.Find(token: string, now: DateTimeOffset) : Session option =
        let key = "$token", (box (hash token): obj | null)

        let found =
            lock gate (fun () ->
                Sqlite.rows
                    connection
                    "SELECT name, csrf, expires FROM sessions WHERE token = $token AND expires > $now"
                    [ key; "$now", Sqlite.time now ]
                    (fun row -> { Name = row.GetString 0; Csrf = row.GetString 1 }, Sqlite.timeOf row 2))
            |> List.tryHead

        match found with
        | Some(_, expires) when expires - now < lifetime - renewal ->
            execute "UPDATE sessions SET expires = $expires WHERE token = $token" [ key; "$expires", Sqlite.time (now + lifetime) ]
        | _ -> ()

        Option.map fst found

    member _.End(token: string) = execute "DELETE FROM sessions WHERE token = $token" [ "$token", box (hash token) ]

    interface IDisposable with
        member _.Dispose() = connection.Dispose()
