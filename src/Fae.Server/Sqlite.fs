/// Short forms for SQLite: a connection, a command, rows.
namespace Fae.Server

open System
open Microsoft.Data.Sqlite

[<RequireQualifiedAccess>]
module internal Sqlite =
    let connect (path: string) mode =
        let settings = SqliteConnectionStringBuilder(DataSource = path, Mode = mode, DefaultTimeout = 10)
        let connection = new SqliteConnection(settings.ToString())
        connection.Open()
        connection

    let private command (connection: SqliteConnection) (text: string) (parameters: (string * (obj | null)) list) =
        let command = connection.CreateCommand()
        command.CommandText <- text

        for name, value in parameters do
            command.Parameters.AddWithValue(name, (if isNull value then box DBNull.Value else value)) |> ignore

        command

    /// The number of rows that changed.
    let execute connection text parameters =
        use command = command connection text parameters
        command.ExecuteNonQuery()

    /// A single integer; 0 where there is none.
    let whole connection text parameters =
        use command = command connection text parameters

        match command.ExecuteScalar() with
        | :? int64 as value -> value
        | _ -> 0L

    let rows connection text parameters (read: SqliteDataReader -> 'a) =
        use command = command connection text parameters
        use row = command.ExecuteReader()

        [
            while row.Read() do
                read row
        ]

    /// Closes the files of connections that were given back.
    let closeAll () = SqliteConnection.ClearAllPools()

    let time (value: DateTimeOffset) = box (value.ToUnixTimeMilliseconds())
    let timeOf (row: SqliteDataReader) (column: int) = DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64 column)
