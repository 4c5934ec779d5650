/// The settings of scoring and calibration: the sections score and calibration.
namespace Fae.Core

[<RequireQualifiedAccess>]
module internal ScoreFields =
    let private score = { Name = "score"; Get = _.Score; Put = fun c s -> { c with Score = s } }
    let private calibration = { Name = "calibration"; Get = _.Calibration; Put = fun c s -> { c with Calibration = s } }

    let all =
        [
            Section.auto FieldType.measure score "measure" "difference measure between picture and reconstruction" _.Measure (fun v s ->
                { s with Measure = v })
            Section.auto (FieldType.odd 1 255) score "filter_size" "size k of the mean filter" _.FilterSize (fun v s ->
                { s with FilterSize = v })
            Section.auto (FieldType.whole 0 64) score "filter_passes" "passes n of the mean filter" _.FilterPasses (fun v s ->
                { s with FilterPasses = v })
            Section.auto
                (FieldType.cases Reduction.kinds)
                score
                "reduction"
                "how the heatmap becomes the image score"
                _.Reduction
                (fun v s -> { s with Reduction = v })
            Section.real 0.00001 1.0 score "top_fraction" "fraction of the pixels that \"top\" averages" _.TopFraction (fun v s ->
                { s with TopFraction = v })
            Section.auto (FieldType.whole 0 256) score "border" "outermost pixels that the image score leaves out" _.Border (fun v s ->
                { s with Border = v })
            Section.auto
                FieldType.flag
                score
                "normalise_by_median"
                "divide the score by the median of the picture's own heatmap"
                _.NormaliseByMedian
                (fun v s -> { s with NormaliseByMedian = v })
            Section.whole
                1
                8
                score
                "views"
                "test-time augmentation: at most so many mirrored and rotated views, those that augmentation allows, are averaged"
                _.Views
                (fun v s -> { s with Views = v })
            Section.auto
                (FieldType.real 0.0001 0.5)
                calibration
                "false_alarm"
                "rate of good images called anomalous; auto: 0.05, or the smallest that the held-out pictures can promise"
                _.FalseAlarm
                (fun v s -> { s with FalseAlarm = v })
            Section.real
                0.0000001
                0.5
                calibration
                "pixel_false_alarm"
                "rate of good pixels above the pixel threshold"
                _.PixelFalseAlarm
                (fun v s -> { s with PixelFalseAlarm = v })
        ]
