/// The defects of the demo data set, each as an occlusion; their exact masks follow from it.
namespace Fae.Data

open Fae.Core

[<RequireQualifiedAccess>]
module internal DemoDefects =
    /// Defects in the part's own coordinates: an occlusion each, laid on the picture; exact masks follow from it.
    let private onDisc =
        sample {
            let! radius = Sampler.uniform 0.10f 0.34f
            let! angle = Sampler.uniform 0.0f 6.2831855f
            let! turn = Sampler.uniform 0.0f 6.2831855f
            return Pose.at (0.5f + radius * cos angle) (0.5f + radius * sin angle) turn
        }

    let private place pose = Shape.mapPose (fun _ -> pose)

    let private defect shape fill opacity softness =
        sample {
            let! pose = onDisc
            let! shape = shape
            let! fill = fill
            let! opacity = opacity

            return [ { Shape = place pose shape; Softness = softness; Fill = fill; Opacity = opacity } ]
        }

    let kinds: (string * Sampler<Plan>) list =
        [
            "scratch",
            defect
                (Shape.curve 0.15f 0.4f 0.008f 0.014f)
                (Sampler.uniform 0.8f 0.95f |> Sampler.map (fun v -> Plain [| v; v; v |]))
                (Sampler.uniform 0.7f 1.0f)
                0.004f
            "dent", defect (Shape.ellipse 0.02f 0.04f 0.3f) (Sampler.constant (Shade(0.45f, 0.0f))) (Sampler.uniform 0.8f 1.0f) 0.01f
            "stain",
            defect
                (Shape.ellipse 0.04f 0.08f 0.6f)
                (Sampler.constant (Plain [| 0.35f; 0.22f; 0.10f |]))
                (Sampler.uniform 0.45f 0.75f)
                0.012f
            "foreign",
            defect
                (Shape.ellipse 0.02f 0.04f 0.8f)
                (Sampler.bits
                 |> Sampler.map (fun key ->
                     Texture(Pose.at 0.5f 0.5f 0.0f, Spots, 0.02f, key, [| 0.7f; 0.15f; 0.1f |], [| 0.9f; 0.5f; 0.2f |])))
                (Sampler.constant 1.0f)
                0.0f
        ]
