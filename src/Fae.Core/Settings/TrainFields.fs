/// The settings of the training: the section train.
namespace Fae.Core

[<RequireQualifiedAccess>]
module internal TrainFields =
    let private train = { Name = "train"; Get = _.Train; Put = fun c s -> { c with Train = s } }

    let private precisions = [ "float32", Precision.Float32; "bfloat16", Precision.BFloat16 ]

    let all =
        [
            Section.whole 1 10_000_000 train "steps" "optimiser steps" _.Steps (fun v s -> { s with Steps = v })
            Section.whole 1 1024 train "batch" "images per step" _.Batch (fun v s -> { s with Batch = v })
            Section.real 1e-7 1.0 train "learning_rate" "peak learning rate of Adam" _.LearningRate (fun v s -> { s with LearningRate = v })
            Section.real 0.0 1.0 train "lambda" "weight of corrupted against uncorrupted pixels" _.Lambda (fun v s -> { s with Lambda = v })
            Section.auto
                (FieldType.real 0.01 0.5)
                train
                "held_out"
                "fraction held out, at least; auto: a twentieth, up to 1,000"
                _.HeldOut
                (fun v s -> { s with HeldOut = v })
            Section.make
                (FieldType.text "\"auto\", \"none\" or a regular expression")
                train
                "groups"
                "pictures of one part are not trained on and held out both; auto: by their looks; else by what this finds in file names"
                _.Groups
                (fun v s -> { s with Groups = v })
            Section.flag
                train
                "drop_outliers"
                "outliers among the good pictures (outliers.json) are not trained on"
                _.DropOutliers
                (fun v s -> { s with DropOutliers = v })
            Section.whole 0 System.Int32.MaxValue train "seed" "seed of all randomness" _.Seed (fun v s -> { s with Seed = v })
            Section.whole 1 10_000_000 train "validate_every" "steps between validations" _.ValidateEvery (fun v s ->
                { s with ValidateEvery = v })
            Section.make
                (FieldType.cases precisions)
                train
                "precision"
                "number type of U-Nets' forward pass in training; weights stay 32-bit floats"
                _.Precision
                (fun v s -> { s with Precision = v })
        ]
