/// The first dimension of a corruption: where it is. Remark 2 of the paper wants bulky and thin shapes, drawn independently.
namespace Fae.Core

/// An outline, before it is put on pixels.
type Shape =
    /// An elastically deformed ellipse: frame, the two radii, the displacement field.
    | Ellipse of Frame * radiusX: float32 * radiusY: float32 * Wave[]
    /// A thin curve through local knots, each with its own width.
    | Curve of Frame * Knot[]

/// A rectangle of pixels with a mask value in [0, 1] for each of them; outside of it the mask is 0.
[<NoComparison>]
type Mask =
    {
        Left: int
        Top: int
        Columns: int
        Rows: int
        Values: float32[]
    }

[<RequireQualifiedAccess>]
module Shape =
    let frame =
        function
        | Ellipse(frame, _, _, _)
        | Curve(frame, _) -> frame

    /// The shape seen through a change of its frame (flip, turn).
    let mapFrame f =
        function
        | Ellipse(frame, rx, ry, waves) -> Ellipse(f frame, rx, ry, waves)
        | Curve(frame, knots) -> Curve(f frame, knots)

    /// The farthest that any part of the shape lies from its centre.
    let reach =
        function
        | Ellipse(_, rx, ry, waves) -> max rx ry + Elastic.reach waves
        | Curve(_, knots) ->
            knots
            |> Array.fold (fun far knot -> max far (sqrt (knot.AtX * knot.AtX + knot.AtY * knot.AtY) + 0.5f * knot.Width)) 0.0f

    /// Ellipses with a geometric-mean radius log-uniform in [low, high], axis ratio up to e, deformed by up to `elastic` radii.
    let ellipse (low: float32) (high: float32) (elastic: float32) =
        sample {
            let! frame = Frame.anywhere
            let! radius = Sampler.logUniform low high
            let! stretch = Sampler.uniform -0.5f 0.5f
            let! bend = Sampler.uniform 0.0f elastic
            let! waves = Elastic.field 4 (bend * radius) (0.6f / radius)
            return Ellipse(frame, radius * exp stretch, radius * exp -stretch, waves)
        }

    /// Curves with a length log-uniform in [shortest, longest] and a width log-uniform in [thinnest, widest], from straight
    /// scratches to wandering cracks; the width varies along the way.
    let curve (shortest: float32) (longest: float32) (thinnest: float32) (widest: float32) =
        sample {
            let! frame = Frame.anywhere
            let! length = Sampler.logUniform shortest longest
            let! width = Sampler.logUniform thinnest widest
            let! nervous = Sampler.either 0.4f (Sampler.constant 0.05f) (Sampler.uniform 0.1f 0.7f)
            let count = max 3 (min 48 (int (length / 0.012f)))
            let! turns = Sampler.array count Sampler.normal
            let! swells = Sampler.array count (Sampler.uniform 0.6f 1.4f)
            let step = length / float32 (count - 1)

            let walk (struct (x: float32, y: float32, heading: float32, curl: float32)) (turn: float32) =
                let curl = 0.8f * curl + nervous * turn * 0.5f
                let heading = heading + curl
                struct (x + step * cos heading, y + step * sin heading, heading, curl)

            let path = turns |> Array.scan walk (struct (-0.5f * length, 0.0f, 0.0f, 0.0f))

            let knots =
                Array.init count (fun i ->
                    let struct (x, y, _, _) = path[i]

                    {
                        AtX = x
                        AtY = y
                        Width = width * swells[i]
                    })

            return Curve(frame, knots)
        }

    /// Puts a shape on the pixels of an image of this size. The edge rises over `softness` shorter sides, never over less than
    /// one pixel (so that every size shows the same coverage).
    let render height width (softness: float32) shape =
        let side = float32 (min height width)
        let frame = frame shape
        let ramp = max 1.0f (softness * side)
        let margin = reach shape * side + 0.5f * ramp + 1.0f
        let cx = frame.X * float32 width
        let cy = frame.Y * float32 height
        let left = max 0 (int (floor (cx - margin)))
        let top = max 0 (int (floor (cy - margin)))
        let right = min width (int (ceil (cx + margin)))
        let bottom = min height (int (ceil (cy + margin)))
        let columns = max 0 (right - left)
        let rows = max 0 (bottom - top)
        let values = Array.zeroCreate (columns * rows)

        // One value a pixel, raised to the largest of the strokes that touch it; the loops mutate only this fresh array.
        let raise' x0 y0 x1 y1 (depth: float32 -> float32 -> float32) =
            for y in max top y0 .. min bottom y1 - 1 do
                for x in max left x0 .. min right x1 - 1 do
                    let dx = (float32 x + 0.5f - cx) / side
                    let dy = (float32 y + 0.5f - cy) / side
                    let d = depth (frame.A * dx + frame.B * dy) (frame.C * dx + frame.D * dy)
                    let m = max 0.0f (min 1.0f (0.5f + d * side / ramp))
                    let at = (y - top) * columns + x - left

                    if m > values[at] then
                        values[at] <- m

        match shape with
        | Ellipse(_, rx, ry, waves) ->
            raise' left top right bottom (fun u v ->
                let struct (u, v) = Elastic.displace waves u v
                Geometry.ellipseDepth rx ry u v)
        | Curve(_, knots) ->
            for p, q in Array.pairwise knots do
                // The stroke's own rectangle: local axes are orthogonal, so the inverse is the transpose.
                let px = cx + side * (frame.A * p.AtX + frame.C * p.AtY)
                let py = cy + side * (frame.B * p.AtX + frame.D * p.AtY)
                let qx = cx + side * (frame.A * q.AtX + frame.C * q.AtY)
                let qy = cy + side * (frame.B * q.AtX + frame.D * q.AtY)
                let pad = 0.5f * side * max p.Width q.Width + 0.5f * ramp + 1.0f

                raise'
                    (int (floor (min px qx - pad)))
                    (int (floor (min py qy - pad)))
                    (int (ceil (max px qx + pad)))
                    (int (ceil (max py qy + pad)))
                    (Geometry.strokeDepth p q)

        {
            Left = left
            Top = top
            Columns = columns
            Rows = rows
            Values = values
        }
