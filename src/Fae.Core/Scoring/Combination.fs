/// How much each difference measure counts in a combined heatmap.
namespace Fae.Core

/// What kind of map a measure is.
[<RequireQualifiedAccess>]
type MapFamily =
    /// The difference of a picture and its reconstruction: MSE, SSIM, GMS.
    | Reconstruction
    /// A map that the network predicts: that of a memory bank, at one of several scales.
    | AnomalyMap

/// The image scores of one measure with one filter, > 0: of good pictures, and of pictures with synthetic defects.
type MemberScores = { Family: MapFamily; Good: float32[]; Bad: float32[] }

[<RequireQualifiedAccess>]
module Combination =
    /// A measure weighs (2·AUROC − 1) to this power: the best dominates; one that is almost as good counts too.
    let private sharpness = 3.0

    /// The same of a family, by its best member. Synthetic defects order members of one family better than families
    /// (docs/method/experiments.md): nearly equal.
    let private between = 1.0

    /// The network that reconstructs was trained to repair defects like those that measure it. The AUROC of its measures promises more than
    /// that of a memory bank, which has seen good pictures alone.
    let private trust family =
        match family with
        | MapFamily.Reconstruction -> 0.5
        | MapFamily.AnomalyMap -> 1.0

    /// The share of a filter is (2·AUROC − 1) of its combination to this power. A hundred synthetic defects cannot tell filters apart that
    /// are almost equal: these are averaged.
    let private filterSharpness = 20.0

    /// A smaller deviation of log-scores counts as this one: two equal pictures would weigh without bound.
    let private leastDeviation = 0.02

    /// A term with a smaller share is left out: it costs time at each inspection.
    let private leastShare = 0.01

    let private logs = Array.map (fun (score: float32) -> log (float (max score System.Single.Epsilon)))

    let private deviation (values: float[]) = max leastDeviation (Statistics.summarise (List.ofArray values)).Deviation

    /// 2·AUROC − 1, at least 0.
    let private separation (good: float[]) (bad: float[]) =
        let scores = Array.append good bad |> Array.map float32
        let labels = Array.init scores.Length (fun i -> i >= good.Length)

        match Metrics.auroc scores labels with
        | Ok auroc -> max 0.0 (2.0 * auroc - 1.0)
        | Error _ -> 0.0

    /// What members weigh by how well each tells defects. A family weighs as its best member does: its members see the same and err
    /// together. Reconstruction measures divide that by how well each tells defects. Anomaly maps share it equally, as far as they tell
    /// anything: synthetic defects are painted at one scale and favour it.
    let private weighed (families: MapFamily list) (separations: float list) =
        let members = List.zip families separations

        members
        |> List.map (fun (family, one) ->
            let own separation =
                match family with
                | MapFamily.Reconstruction -> separation ** sharpness
                | MapFamily.AnomalyMap -> if separation > 0.0 then 1.0 else 0.0

            let ofFamily = members |> List.filter (fst >> (=) family) |> List.map snd
            let sum = List.sumBy own ofFamily

            if one > 0.0 then trust family * List.max ofFamily ** between * own one / sum else 0.0)

    /// Shares in proportion to weights; equal ones where all are 0.
    let private shares (weights: float list) =
        let sum = List.sum weights
        weights |> List.map (fun w -> if sum > 0.0 then w / sum else 1.0 / float weights.Length)

    /// For each filter the exponents of the measures in a geometric mean over both, which sum to 1. The log-scores of a measure are
    /// divided by their deviation on good pictures; its share grows with how well it alone tells synthetic defects from good pictures,
    /// that of a filter with how well its combination does. `scores` holds a list for each filter, of as many measures each, in one order.
    let weights (scores: MemberScores list list) : float list list =
        let fitted (members: MemberScores list) =
            let families = members |> List.map _.Family
            let members = members |> List.map (fun m -> logs m.Good, logs m.Bad)
            let shares = members |> List.map (fun (good, bad) -> separation good bad) |> weighed families |> shares
            let terms = List.map2 (fun share (good, _) -> share / deviation good) shares members

            let sum part =
                List.map2 (fun term logs -> Array.map (fun v -> term * v) (part logs)) terms members
                |> List.reduce (Array.map2 (+))

            separation (sum fst) (sum snd) ** filterSharpness, List.zip shares terms

        let filters = List.map fitted scores
        let filterShares = filters |> List.map fst |> shares

        let kept =
            [
                for filterShare, (_, terms) in List.zip filterShares filters ->
                    [ for share, term in terms -> if filterShare * share >= leastShare then filterShare * term else 0.0 ]
            ]

        let sum = List.sumBy List.sum kept
        kept |> List.map (List.map (fun weight -> weight / sum))

    /// How far good pictures' scores deviate when each is divided by the median of its own heatmap: the deviation of ln(score/median). With
    /// medians of 1 that of the scores as they are. A defect raises the logarithm by as much with the division as without it: what makes
    /// good pictures agree more tells more defects.
    let spread (scores: float32[]) (medians: float32[]) : float =
        Array.map2 (-) (logs scores) (logs medians) |> List.ofArray |> Statistics.summarise |> _.Deviation
