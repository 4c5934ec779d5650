/// What lies under the ignore mask does not exist: no content there changes anything outside.
namespace Fae.Core

[<RequireQualifiedAccess>]
module IgnoreMask =
    /// Whether a pixel of a mask, of values in [0, 1], is hidden.
    let hides (value: float32) = value >= 0.5f

    /// The share of hidden pixels.
    let share (mask: Image) = mask.Pixels |> Array.averageBy (fun value -> if hides value then 1.0 else 0.0)

    /// The picture with each hidden pixel as the mean of the visible ones of its channel; black where all are hidden.
    let fill (mask: Image) (image: Image) =
        let visible = Array.init mask.Area (fun i -> not (hides mask.Pixels[i]))
        let count = visible |> Array.sumBy (fun seen -> if seen then 1 else 0)

        if count = mask.Area then
            image
        else
            let mean channel =
                let mutable sum = 0.0

                for i in 0 .. mask.Area - 1 do
                    if visible[i] then sum <- sum + float image.Pixels[channel * mask.Area + i]

                float32 (sum / float (max 1 count))

            let means = Array.init image.Channels mean

            image.Pixels
            |> Array.mapi (fun i value -> if visible[i % mask.Area] then value else means[i / mask.Area])
            |> Image.ofArray image.Channels image.Height image.Width

    /// The mask with all pixels hidden that have a hidden one at most so many rows and columns away.
    let grown (radius: int) (mask: Image) =
        let near = MeanFilter.once (2 * radius + 1) (Image.map (fun value -> if hides value then 1.0f else 0.0f) mask)
        let least = 0.5f / float32 ((2 * radius + 1) * (2 * radius + 1))
        Image.map (fun value -> if value > least then 1.0f else 0.0f) near
