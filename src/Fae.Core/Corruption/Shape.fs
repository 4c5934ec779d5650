/// The first dimension of a corruption: where it is. Remark 2 of the paper wants bulky and thin shapes, drawn independently.
namespace Fae.Core

/// An outline, before it is put on pixels.
type Shape =
    /// An elastically deformed ellipse: pose, the two radii, the displacement field.
    | Ellipse of pose: Pose * radiusX: float32 * radiusY: float32 * waves: Wave[]
    /// A thin curve through local knots, each with its own width.
    | Curve of pose: Pose * knots: Knot[]
    /// A rectangle: pose and half its sides.
    | Box of pose: Pose * halfX: float32 * halfY: float32
    /// One of `sets` random sets of the cells of a grid, `count` cells to the shorter side.
    | Cells of pose: Pose * count: int * sets: int * which: int * key: uint64
    /// Where smooth noise is above a level; `scale` is the size of its features.
    | Cloud of pose: Pose * scale: float32 * level: float32 * key: uint64

/// A rectangle of pixels with a mask value in [0, 1] for each of them; outside of it the mask is 0.
[<NoComparison>]
type Mask = { Left: int; Top: int; Columns: int; Rows: int; Values: float32[] }

[<RequireQualifiedAccess>]
module Shape =
    let pose =
        function
        | Ellipse(pose, _, _, _)
        | Curve(pose, _)
        | Box(pose, _, _)
        | Cells(pose, _, _, _, _)
        | Cloud(pose, _, _, _) -> pose

    /// The shape with another pose (flip, turn).
    let mapPose f =
        function
        | Ellipse(pose, rx, ry, waves) -> Ellipse(f pose, rx, ry, waves)
        | Curve(pose, knots) -> Curve(f pose, knots)
        | Box(pose, halfX, halfY) -> Box(f pose, halfX, halfY)
        | Cells(pose, count, sets, which, key) -> Cells(f pose, count, sets, which, key)
        | Cloud(pose, scale, level, key) -> Cloud(f pose, scale, level, key)

    /// Farther than any part of a picture is from any other, in its shorter sides.
    let private everywhere = 1000.0f

    /// The farthest that any part of the shape lies from its centre.
    let reach =
        function
        | Ellipse(_, rx, ry, waves) -> max rx ry + Elastic.reach waves
        | Curve(_, knots) ->
            knots
            |> Array.fold (fun far knot -> max far (sqrt (knot.AtX * knot.AtX + knot.AtY * knot.AtY) + 0.5f * knot.Width)) 0.0f
        | Box(_, halfX, halfY) -> sqrt (halfX * halfX + halfY * halfY)
        | Cells _
        | Cloud _ -> everywhere

    /// Ellipses with a geometric-mean radius log-uniform in [low, high], axis ratio up to e, deformed by up to `elastic` radii.
    let ellipse (low: float32) (high: float32) (elastic: float32) =
        sample {
            let! pose = Pose.anywhere
            let! radius = Sampler.logUniform low high
            let! stretch = Sampler.uniform -0.5f 0.5f
            let! deformation = Sampler.uniform 0.0f elastic
            let! waves = Elastic.field 4 (deformation * radius) (0.6f / radius)
            return Ellipse(pose, radius * exp stretch, radius * exp -stretch, waves)
        }

    /// Curves with a length log-uniform in [shortest, longest] and a width log-uniform in [thinnest, widest], from straight
    /// scratches to wandering cracks; the width varies along the way.
    let curve (shortest: float32) (longest: float32) (thinnest: float32) (widest: float32) =
        sample {
            let! pose = Pose.anywhere
            let! length = Sampler.logUniform shortest longest
            let! width = Sampler.logUniform thinnest widest
            let! curvature = Sampler.either 0.4f (Sampler.constant 0.05f) (Sampler.uniform 0.1f 0.7f)
            let count = max 3 (min 48 (int (length / 0.012f)))
            let! turns = Sampler.array count Sampler.normal
            let! widthFactors = Sampler.array count (Sampler.uniform 0.6f 1.4f)
            let step = length / float32 (count - 1)

            let walk (struct (x: float32, y: float32, heading: float32, turning: float32)) (turn: float32) =
                let turning = 0.8f * turning + curvature * turn * 0.5f
                let heading = heading + turning
                struct (x + step * cos heading, y + step * sin heading, heading, turning)

            let path = turns |> Array.scan walk (struct (-0.5f * length, 0.0f, 0.0f, 0.0f))

            let knots =
                Array.init count (fun i ->
                    let struct (x, y, _, _) = path[i]

                    { AtX = x; AtY = y; Width = width * widthFactors[i] })

            return Curve(pose, knots)
        }

    /// Rectangles that cover a share of the (square) picture log-uniform in [least, most], with sides in a ratio log-uniform in
    /// [1/longest, longest], turned by up to `tilt` radians either way.
    let box (least: float32) (most: float32) (longest: float32) (tilt: float32) =
        sample {
            let! x = Sampler.uniform 0.0f 1.0f
            let! y = Sampler.uniform 0.0f 1.0f
            let! angle = Sampler.uniform -tilt tilt
            let! share = Sampler.logUniform least most
            let! ratio = Sampler.logUniform (1.0f / longest) longest
            let half = 0.5f * sqrt share
            return Box(Pose.at x y angle, half * sqrt ratio, half / sqrt ratio)
        }

    /// One of `sets` sets of a grid's cells, their number along a side from fewest to most by doubling; over the whole picture, unturned.
    let cells (fewest: int) (most: int) (sets: int) =
        sample {
            let doublings = int (System.MathF.Log2(float32 most / float32 fewest))
            let! doubled = Sampler.integer 0 doublings
            let! which = Sampler.integer 0 (sets - 1)
            let! key = Sampler.bits
            return Cells(Pose.at 0.5f 0.5f 0.0f, fewest <<< doubled, sets, which, key)
        }

    /// Clouds with features log-uniform in [finest, coarsest], each covering less than half of the picture.
    let cloud (finest: float32) (coarsest: float32) =
        sample {
            let! pose = Pose.anywhere
            let! scale = Sampler.logUniform finest coarsest
            let! level = Sampler.uniform 0.6f 0.8f
            let! key = Sampler.bits
            return Cloud(pose, scale, level, key)
        }

    /// To an integer, clamped so that coordinates far outside of the picture do not overflow.
    let private whole (place: float32) = int (max -1e9f (min 1e9f place))

    /// Puts a shape on the pixels of an image of this size. The edge rises over `softness` shorter sides, never over less than
    /// one pixel (so that every size shows the same coverage).
    let render height width (softness: float32) shape =
        let side = float32 (min height width)
        let pose = pose shape
        let ramp = max 1.0f (softness * side)
        let margin = reach shape * side + 0.5f * ramp + 1.0f
        let cx = pose.X * float32 width
        let cy = pose.Y * float32 height
        let left = max 0 (whole (floor (cx - margin)))
        let top = max 0 (whole (floor (cy - margin)))
        let right = min width (whole (ceil (cx + margin)))
        let bottom = min height (whole (ceil (cy + margin)))
        let columns = max 0 (right - left)
        let rows = max 0 (bottom - top)
        let values = Array.zeroCreate (columns * rows)

        // One value a pixel, raised to the largest of the strokes that touch it; the loops mutate only this fresh array.
        let raiseIn x0 y0 x1 y1 (depth: float32 -> float32 -> float32) =
            for y in max top y0 .. min bottom y1 - 1 do
                for x in max left x0 .. min right x1 - 1 do
                    let dx = (float32 x + 0.5f - cx) / side
                    let dy = (float32 y + 0.5f - cy) / side
                    let d = depth (pose.A * dx + pose.B * dy) (pose.C * dx + pose.D * dy)
                    let m = max 0.0f (min 1.0f (0.5f + d * side / ramp))
                    let at = (y - top) * columns + x - left

                    if m > values[at] then values[at] <- m

        let raiseEverywhere depth = raiseIn left top right bottom depth

        match shape with
        | Box(_, halfX, halfY) -> raiseEverywhere (Geometry.boxDepth halfX halfY)
        | Cells(_, count, sets, which, key) -> raiseEverywhere (Geometry.cellsDepth count sets which key)
        | Cloud(_, scale, level, key) -> raiseEverywhere (Geometry.cloudDepth scale level key)
        | Ellipse(_, rx, ry, waves) ->
            raiseIn left top right bottom (fun u v ->
                let struct (u, v) = Elastic.displace waves u v
                Geometry.ellipseDepth rx ry u v)
        | Curve(_, knots) ->
            for p, q in Array.pairwise knots do
                // The stroke's own rectangle: local axes are orthogonal, so the inverse is the transpose.
                let px = cx + side * (pose.A * p.AtX + pose.C * p.AtY)
                let py = cy + side * (pose.B * p.AtX + pose.D * p.AtY)
                let qx = cx + side * (pose.A * q.AtX + pose.C * q.AtY)
                let qy = cy + side * (pose.B * q.AtX + pose.D * q.AtY)
                let pad = 0.5f * side * max p.Width q.Width + 0.5f * ramp + 1.0f

                raiseIn
                    (whole (floor (min px qx - pad)))
                    (whole (floor (min py qy - pad)))
                    (whole (ceil (max px qx + pad)))
                    (whole (ceil (max py qy + pad)))
                    (Geometry.strokeDepth p q)

        { Left = left; Top = top; Columns = columns; Rows = rows; Values = values }
