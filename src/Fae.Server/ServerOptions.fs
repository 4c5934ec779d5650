/// What a server is started with.
namespace Fae.Server

open System
open System.Net
open System.Security.Cryptography.X509Certificates

[<NoComparison; NoEquality>]
type ServerOptions =
    {
        Address: IPAddress
        /// 0: any free one.
        Port: int
        /// Of a request's body, and of a picture.
        MaxBytes: int64
        MaxPixels: int64
        /// Pictures that may wait for the network; requests beyond are answered 429.
        QueueCapacity: int
        /// Pictures that the network gets at once.
        MaxBatch: int
        /// Seconds after which a request is given up.
        Timeout: float
        Keys: Keys option
        People: People option
        Web: WebOptions
        /// TLS, where there is one.
        Certificate: X509Certificate2 option
        /// Where inspections are kept, and how many of them.
        History: (string * Retention) option
        /// The false-alarm rate of all models, where nobody has set another on the page; `None`: their own.
        FalseAlarm: float option
        /// Whether there are routes for projects too, and a page for them.
        HasStudio: bool
        /// When shifts begin, local time of day.
        Shifts: TimeOnly list
    }

/// What a server tells the program that runs it.
[<NoComparison; NoEquality>]
type ServerEvents =
    {
        /// It answers at this address, and what is inspected elsewhere in this program can be added to its log.
        Started: InspectionLog -> string -> unit
        Say: string -> unit
        Warn: string -> unit
        /// An error that it goes on after.
        Fail: string -> unit
        /// Twice a second while pictures get through.
        Alive: unit -> unit
    }
