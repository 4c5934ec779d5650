/// Shape × fill × opacity: one occlusion; and a plan, the list of occlusions that corrupts one image.
namespace Fae.Core

/// One local corruption. `Softness`: over how many shorter sides its edge rises; `Opacity` α in [0, 1].
type Occlusion = { Shape: Shape; Softness: float32; Fill: Fill; Opacity: float32 }

/// What is done to one image, as plain data: occlusions in the order in which they are laid on, later over earlier.
type Plan = Occlusion list

/// An image corrupted by a plan: x̃, and the real-valued mask M in [0, 1] (one plane) of where it was touched.
[<NoComparison>]
type Corrupted = { Image: Image; Mask: Image }

[<RequireQualifiedAccess>]
module Plan =
    let empty: Plan = []

    let private mapPose f (plan: Plan) : Plan =
        plan
        |> List.map (fun occlusion -> { occlusion with Shape = Shape.mapPose f occlusion.Shape; Fill = Fill.mapPose f occlusion.Fill })

    /// The plan for the mirrored image. Rendering and flipping commute.
    let flip plan = mapPose Pose.flip plan

    /// The plan for the image after a quarter turn against the clock. Rendering and turning commute.
    let turn plan = mapPose Pose.turn plan

    /// Renders a plan: for each occlusion in turn x̃ ← (1 − αm)·x̃ + αm·t, with m its shape's mask and t its fill. Fills that
    /// look at the image (Shade, Patch −1) look at the clean one. M is the largest αm' over the occlusions, with α' = max(α, ½):
    /// a faint stain counts as touched, an untouched pixel stays bit-identical and has M = 0.
    let render (bank: Image[]) (clean: Image) (plan: Plan) : Corrupted =
        let height, width, area = clean.Height, clean.Width, clean.Area
        let pixels = Array.copy clean.Pixels
        let touched = Array.zeroCreate<float32> area

        for occlusion in plan do
            let mask = Shape.render height width occlusion.Softness occlusion.Shape
            let paint = Fill.paint bank clean occlusion.Fill
            let counted = max 0.5f occlusion.Opacity

            for row in 0 .. mask.Rows - 1 do
                for column in 0 .. mask.Columns - 1 do
                    let m = mask.Values[row * mask.Columns + column]

                    if m > 0.0f && occlusion.Opacity > 0.0f then
                        let y = mask.Top + row
                        let x = mask.Left + column
                        let at = y * width + x
                        let weight = occlusion.Opacity * m

                        for c in 0 .. clean.Channels - 1 do
                            let i = c * area + at
                            pixels[i] <- (1.0f - weight) * pixels[i] + weight * paint y x c

                        touched[at] <- max touched[at] (counted * m)

        { Image = { clean with Pixels = pixels }; Mask = Image.ofArray 1 height width touched }
