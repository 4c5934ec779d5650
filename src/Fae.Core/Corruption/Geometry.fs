/// Where things are and how they bend. All lengths are in units of the image's shorter side, so that a plan drawn for one
/// size means the same at another; centres are fractions of the width and the height.
namespace Fae.Core

/// A local coordinate system: local = [A B; C D]·(offset from the centre). [A B; C D] is orthogonal.
type Pose = { X: float32; Y: float32; A: float32; B: float32; C: float32; D: float32 }

/// One plane wave of an elastic displacement field: at local point p the outline moves by
/// (PushX, PushY)·cos(2π(FreqX·px + FreqY·py) + Phase). Frequencies in cycles per shorter side.
[<Struct>]
type Wave = { FreqX: float32; FreqY: float32; Phase: float32; PushX: float32; PushY: float32 }

/// A local point of a curve, and the curve's width there.
[<Struct>]
type Knot = { AtX: float32; AtY: float32; Width: float32 }

[<RequireQualifiedAccess>]
module Pose =
    /// A pose at a centre, turned by an angle in radians.
    let at x y (angle: float32) = { X = x; Y = y; A = cos angle; B = sin angle; C = -(sin angle); D = cos angle }

    /// Anywhere, in any direction.
    let anywhere =
        sample {
            let! x = Sampler.uniform 0.0f 1.0f
            let! y = Sampler.uniform 0.0f 1.0f
            let! angle = Sampler.uniform 0.0f (2.0f * System.MathF.PI)
            return at x y angle
        }

    /// The pose seen in the image mirrored left to right.
    let flip pose = { pose with X = 1.0f - pose.X; A = -pose.A; C = -pose.C }

    /// The pose seen in the image after a quarter turn against the clock.
    let turn pose = { X = pose.Y; Y = 1.0f - pose.X; A = pose.B; B = -pose.A; C = pose.D; D = -pose.C }

[<RequireQualifiedAccess>]
module Elastic =
    /// A smooth random field of `count` waves whose total push is at most `amplitude`, at about `frequency` cycles per shorter side.
    let field count (amplitude: float32) (frequency: float32) =
        sample {
            let wave =
                sample {
                    let! pitch = Sampler.uniform (0.5f * frequency) (1.5f * frequency)
                    let! direction = Sampler.uniform 0.0f (2.0f * System.MathF.PI)
                    let! phase = Sampler.uniform 0.0f (2.0f * System.MathF.PI)
                    let! push = Sampler.uniform 0.0f (2.0f * System.MathF.PI)
                    let each = amplitude / float32 (max 1 count)

                    return
                        {
                            FreqX = pitch * cos direction
                            FreqY = pitch * sin direction
                            Phase = phase
                            PushX = each * cos push
                            PushY = each * sin push
                        }
                }

            return! Sampler.array count wave
        }

    /// A bound on how far the field moves any point.
    let reach (waves: Wave[]) = waves |> Array.sumBy (fun wave -> sqrt (wave.PushX * wave.PushX + wave.PushY * wave.PushY))

    /// The point (u, v) moved by the field.
    let displace (waves: Wave[]) (u: float32) (v: float32) =
        let mutable du = 0.0f
        let mutable dv = 0.0f

        for wave in waves do
            let swing = cos (2.0f * System.MathF.PI * (wave.FreqX * u + wave.FreqY * v) + wave.Phase)

            du <- du + wave.PushX * swing
            dv <- dv + wave.PushY * swing

        struct (u + du, v + dv)

[<RequireQualifiedAccess>]
module Geometry =
    /// Signed distance (positive inside) from a point to an axis-parallel ellipse at the origin, to first order: exact on the
    /// outline, and of the right sign everywhere.
    let ellipseDepth (radiusX: float32) (radiusY: float32) (u: float32) (v: float32) =
        let a = u / radiusX
        let b = v / radiusY
        let q = sqrt (a * a + b * b)

        if q < 1e-6f then
            min radiusX radiusY
        else
            let gx = a / radiusX
            let gy = b / radiusY
            (1.0f - q) * q / sqrt (gx * gx + gy * gy)

    /// Signed distance (positive inside) from a point to the round-ended stroke between two knots.
    let strokeDepth (p: Knot) (q: Knot) (u: float32) (v: float32) =
        let ex = q.AtX - p.AtX
        let ey = q.AtY - p.AtY
        let length = ex * ex + ey * ey

        let t =
            if length = 0.0f then
                0.0f
            else
                max 0.0f (min 1.0f (((u - p.AtX) * ex + (v - p.AtY) * ey) / length))

        let dx = u - p.AtX - t * ex
        let dy = v - p.AtY - t * ey
        0.5f * (p.Width + t * (q.Width - p.Width)) - sqrt (dx * dx + dy * dy)

    /// Signed distance (positive inside) from a point to the sides of a rectangle at the origin, half as long as given.
    let boxDepth (halfX: float32) (halfY: float32) (u: float32) (v: float32) = min (halfX - abs u) (halfY - abs v)

    /// Signed distance from a point to the nearest side where the chosen set of cells begins or ends, `count` cells a unit; positive in
    /// the set. Cells that only touch at a corner are not looked at.
    let cellsDepth (count: int) (sets: int) (which: int) (key: uint64) (u: float32) (v: float32) =
        let x = (u + 0.5f) * float32 count
        let y = (v + 0.5f) * float32 count
        let column = int (floor x)
        let row = int (floor y)
        let chosen column row = Lattice.setOf key sets column row = which
        let inside = chosen column row
        let s = x - floor x
        let t = y - floor y

        let toward dc dr distance = if chosen (column + dc) (row + dr) = inside then 1.0f else distance

        let nearest = min (min (toward -1 0 s) (toward 1 0 (1.0f - s))) (min (toward 0 -1 t) (toward 0 1 (1.0f - t)))

        (if inside then nearest else -nearest) / float32 count

    /// Where value noise with features of this size is above the level, as a distance to first order: its slope is about two a feature.
    let cloudDepth (scale: float32) (level: float32) (key: uint64) (u: float32) (v: float32) =
        0.5f * scale * (Lattice.noise key (u / scale) (v / scale) - level)
