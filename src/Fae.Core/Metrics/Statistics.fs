/// Statistics of a few runs with different seeds: mean, deviation, confidence intervals. Student, "The Probable Error of a Mean"
/// (Biometrika 1908).
namespace Fae.Core

/// Mean and sample standard deviation (over n − 1; 0 of a single value).
[<Struct>]
type SampleStatistics = { Count: int; Mean: float; Deviation: float }

/// A mean and the interval that holds the true one with the level asked for.
[<Struct>]
type Interval = { Middle: float; Low: float; High: float }

[<RequireQualifiedAccess>]
module Statistics =
    /// The upper median; 0 of nothing.
    let inline median (values: ^a[]) : ^a =
        if values.Length = 0 then
            LanguagePrimitives.GenericZero
        else
            (Array.sort values)[values.Length / 2]

    /// The value below which a share, in [0, 1], of the sorted values lies: between two of them by proportion, as NumPy does by default
    /// (type 7 of Hyndman and Fan, 1996). Of at least one value.
    let inline quantile (share: float) (sorted: ^a[]) : float =
        let at = share * float (sorted.Length - 1)
        let below = int at
        let low, high = float sorted[below], float sorted[min (sorted.Length - 1) (below + 1)]
        low + (at - float below) * (high - low)

    /// Of at least one value.
    let summarise (values: float list) =
        let mean = List.average values
        let squares = values |> List.sumBy (fun v -> (v - mean) ** 2.0)

        {
            Count = values.Length
            Mean = mean
            Deviation = if values.Length < 2 then 0.0 else sqrt (squares / float (values.Length - 1))
        }

    /// P(|T| < t) of Student's distribution with `freedom` degrees: the finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4.
    let studentWithin (freedom: int) (t: float) =
        let angle = atan (t / sqrt (float freedom))
        let square = cos angle * cos angle

        // 1 + a·c² + a·b·c⁴ + …, with the ratios (k − 1)/k for k = first, first + 2, … below `freedom`.
        let series first =
            let rec add term sum k =
                if k >= freedom then
                    sum
                else
                    let next = term * square * float (k - 1) / float k
                    add next (sum + next) (k + 2)

            add 1.0 1.0 first

        if freedom % 2 = 0 then sin angle * series 2
        elif freedom = 1 then 2.0 / System.Math.PI * angle
        else 2.0 / System.Math.PI * (angle + sin angle * cos angle * series 3)

    /// The t with P(|T| < t) = level, by bisection.
    let student (freedom: int) (level: float) =
        let rec narrow low high left =
            let middle = 0.5 * (low + high)

            if left = 0 then middle
            elif studentWithin freedom middle < level then narrow middle high (left - 1)
            else narrow low middle (left - 1)

        let rec above t = if studentWithin freedom t < level then above (2.0 * t) else t

        narrow 0.0 (above 1.0) 100

    /// The mean of paired differences with its two-sided interval; `None` of fewer than two.
    let interval (level: float) (differences: float list) =
        if differences.Length < 2 then
            None
        else
            let s = summarise differences
            let reach = student (s.Count - 1) level * s.Deviation / sqrt (float s.Count)

            Some { Middle = s.Mean; Low = s.Mean - reach; High = s.Mean + reach }

    /// Pearson's correlation of paired values, in [−1, 1]. `None` of fewer than two pairs, and where one side is constant.
    let correlation (first: float[]) (second: float[]) =
        let centred values =
            let mean = Array.average values
            values |> Array.map (fun v -> v - mean)

        let product a b = Array.fold2 (fun sum x y -> sum + x * y) 0.0 a b

        if first.Length < 2 then
            None
        else
            let a, b = centred first, centred second
            let scale = sqrt (product a a * product b b)
            // Rounding of equal values is no variation.
            if scale < 1e-12 then None else Some(max -1.0 (min 1.0 (product a b / scale)))

    /// Ranks from 1; equal values share their mean rank.
    let ranks (values: float[]) : float[] =
        let ranked = Array.indexed values |> Array.sortBy snd

        let rankOf =
            ranked
            |> Array.indexed
            |> Array.groupBy (fun (_, (_, value)) -> value)
            |> Array.collect (fun (_, equal) ->
                let rank = 1.0 + (equal |> Array.averageBy (fst >> float))
                equal |> Array.map (fun (_, (at, _)) -> at, rank))

        rankOf |> Array.sortBy fst |> Array.map snd

    /// Spearman's rank correlation of paired values: `correlation` of their ranks.
    let rankCorrelation first second = correlation (ranks first) (ranks second)
