/// Values of a configuration file, and what can be wrong with them.
namespace Fae.Core

open System
open System.Globalization

/// A value as a configuration file or `--set` gives it.
type Setting =
    | Whole of int64
    | Real of float
    | Flag of bool
    | Text of string
    | Wholes of int64 list
    | Reals of float list
    | Texts of string list

type ConfigError =
    | UnknownKey of key: string * nearest: string
    | WrongType of key: string * wanted: string * found: string
    | OutOfRange of key: string * wanted: string * found: string

[<RequireQualifiedAccess>]
module Setting =
    let private invariant = CultureInfo.InvariantCulture

    /// A 32-bit float by its shortest decimal that reads back as the same bits: 0.05f becomes 0.05.
    let ofFloat32 (value: float32) = Real(Double.Parse(value.ToString("R", invariant), invariant))

    /// Without an exponent where no digit is lost.
    let private decimalText (r: float) =
        let plain = r.ToString("0.0##############", invariant)

        if Double.Parse(plain, invariant) = r then plain else r.ToString("R", invariant)

    /// The value as TOML.
    let rec show =
        function
        | Whole n -> string n
        | Real r -> decimalText r
        | Flag true -> "true"
        | Flag false -> "false"
        | Text text -> "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\""
        | Wholes list -> "[" + String.Join(", ", list) + "]"
        | Reals list -> "[" + String.Join(", ", List.map decimalText list) + "]"
        | Texts list -> "[" + String.Join(", ", List.map (Text >> show) list) + "]"

[<RequireQualifiedAccess>]
module ConfigError =
    let explain =
        function
        | UnknownKey(key, nearest) -> $"unknown key '{key}'; did you mean '{nearest}'?"
        | WrongType(key, wanted, found) -> $"'{key}' is {found}, but must be {wanted}"
        | OutOfRange(key, wanted, found) -> $"'{key}' is {found}, which is out of range; it must be {wanted}"
