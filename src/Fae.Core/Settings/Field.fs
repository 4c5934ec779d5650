/// One row of the table of settings: its key, its meaning, how it is read from a value and written to one.
namespace Fae.Core

[<NoComparison; NoEquality>]
type Field =
    {
        Key: string
        Meaning: string
        /// The values that it takes, in words.
        Wanted: string
        Get: Config -> Setting
        Set: Setting -> Config -> Result<Config, ConfigError>
    }

/// A type of value: the values that it takes in words, and conversions to and from a setting.
[<NoComparison; NoEquality>]
type FieldType<'v> =
    {
        Wanted: string
        Show: 'v -> Setting
        /// Key, wanted values in words, and the setting.
        Read: string -> string -> Setting -> Result<'v, ConfigError>
    }

[<RequireQualifiedAccess>]
module FieldType =
    let private wrongType key wanted found = Error(WrongType(key, wanted, Setting.show found))
    let private outOfRange key wanted found = Error(OutOfRange(key, wanted, Setting.show found))

    let private wholeWhere wanted (accept: int64 -> bool) =
        {
            Wanted = wanted
            Show = int64 >> Whole
            Read =
                fun key wanted setting ->
                    match setting with
                    | Whole n when accept n -> Ok(int n)
                    | Whole _ -> outOfRange key wanted setting
                    | _ -> wrongType key wanted setting
        }

    let whole low high = wholeWhere $"a whole number from {low} to {high}" (fun n -> n >= int64 low && n <= int64 high)

    let odd low high = wholeWhere $"an odd number from {low} to {high}" (fun n -> n >= int64 low && n <= int64 high && n % 2L = 1L)

    /// One of a few numbers.
    let oneOf (numbers: int list) =
        let all = numbers |> List.map string
        let wanted = String.concat ", " (List.take (all.Length - 1) all) + " or " + List.last all
        wholeWhere wanted (fun n -> numbers |> List.exists (fun m -> int64 m = n))

    let real (low: float) (high: float) =
        let read (value: float) key wanted setting =
            if value >= low && value <= high then Ok(float32 value) else outOfRange key wanted setting

        {
            Wanted = $"a number from {Setting.show (Real low)} to {Setting.show (Real high)}"
            Show = Setting.ofFloat32
            Read =
                fun key wanted setting ->
                    match setting with
                    | Real r -> read r key wanted setting
                    | Whole n -> read (float n) key wanted setting
                    | _ -> wrongType key wanted setting
        }

    let flag =
        {
            Wanted = "true or false"
            Show = Flag
            Read =
                fun key wanted setting ->
                    match setting with
                    | Flag value -> Ok value
                    | _ -> wrongType key wanted setting
        }

    /// A word for each case of a union.
    let cases (named: (string * 'v) list) =
        {
            Wanted = named |> List.map (fun (name, _) -> $"\"{name}\"") |> String.concat ", "
            Show = fun value -> named |> List.find (fun (_, case) -> case = value) |> fst |> Text
            Read =
                fun key wanted setting ->
                    match setting with
                    | Text text ->
                        match named |> List.tryFind (fun (name, _) -> name = text) with
                        | Some(_, case) -> Ok case
                        | None -> outOfRange key wanted setting
                    | _ -> wrongType key wanted setting
        }

    let wholes most low high =
        {
            Wanted = $"a list of at most {most} whole numbers from {low} to {high}"
            Show = List.map int64 >> Wholes
            Read =
                fun key wanted setting ->
                    match setting with
                    | Wholes list when list.Length <= most && list |> List.forall (fun n -> n >= int64 low && n <= int64 high) ->
                        Ok(List.map int list)
                    | Wholes _ -> outOfRange key wanted setting
                    | _ -> wrongType key wanted setting
        }

    let private realsWhere count accept low high =
        let inside (r: float) = r >= low && r <= high

        let read key wanted found (list: float list) =
            if accept list.Length && List.forall inside list then
                Ok(List.map float32 list)
            else
                outOfRange key wanted found

        {
            Wanted = $"a list of {count} numbers from {Setting.show (Real low)} to {Setting.show (Real high)}"
            Show =
                List.map (fun value ->
                    match Setting.ofFloat32 value with
                    | Real r -> r
                    | _ -> float value)
                >> Reals
            Read =
                fun key wanted setting ->
                    match setting with
                    | Reals list -> read key wanted setting list
                    | Wholes list -> read key wanted setting (List.map float list)
                    | _ -> wrongType key wanted setting
        }

    /// A list of so many numbers.
    let reals count low high = realsWhere (string count) (fun n -> n = count) low high

    /// Two numbers, the first and the second.
    let pair low high =
        let list = reals 2 low high

        {
            Wanted = list.Wanted
            Show = fun (first, second) -> list.Show [ first; second ]
            Read =
                fun key wanted setting ->
                    match list.Read key wanted setting with
                    | Ok [ first; second ] -> Ok(first, second)
                    | Ok _ -> outOfRange key wanted setting
                    | Error error -> Error error
        }

    /// A list of one number to so many.
    let someReals most low high = realsWhere $"1 to {most}" (fun n -> n >= 1 && n <= most) low high

    /// A text that is not empty.
    let text wanted =
        {
            Wanted = wanted
            Show = Text
            Read =
                fun key wanted setting ->
                    match setting with
                    | Text "" -> outOfRange key wanted setting
                    | Text text -> Ok text
                    | _ -> wrongType key wanted setting
        }

    /// A list of texts.
    let texts =
        {
            Wanted = "a list of texts"
            Show = Texts
            Read =
                fun key wanted setting ->
                    match setting with
                    | Texts list -> Ok list
                    | Wholes [] -> Ok []
                    | _ -> wrongType key wanted setting
        }

    let measure =
        let words = Difference.named |> List.map (fun measure -> $"\"{Difference.name measure}\"") |> String.concat ", "

        {
            Wanted =
                words
                + ", \"combined\", a weighted sum like \"0.5*mse + 2*ssim\", or a geometric mean like "
                + "\"mse^0.5 * ssim@9x2^0.5\" (@: filtered before)"
            Show = Difference.name >> Text
            Read =
                fun key wanted setting ->
                    match setting with
                    | Text text ->
                        match Difference.tryParse text with
                        | Some measure -> Ok measure
                        | None -> outOfRange key wanted setting
                    | _ -> wrongType key wanted setting
        }

    let private auto = "auto"

    /// "auto" (`None`), or a value of the type.
    let orAuto inner =
        {
            Wanted = $"\"{auto}\" or {inner.Wanted}"
            Show = Option.map inner.Show >> Option.defaultValue (Text auto)
            Read =
                fun key wanted setting ->
                    match setting with
                    | Text text when text = auto -> Ok None
                    | _ -> inner.Read key wanted setting |> Result.map Some
        }

[<RequireQualifiedAccess>]
module Field =
    let make fieldType key meaning (get: Config -> 'v) (set: 'v -> Config -> Config) =
        {
            Key = key
            Meaning = meaning
            Wanted = fieldType.Wanted
            Get = get >> fieldType.Show
            Set = fun setting config -> fieldType.Read key fieldType.Wanted setting |> Result.map (fun value -> set value config)
        }
