/// The demo data set, made by code: a machined disc with a brushed ring and four bores on a grainy ground, lit from one side, never
/// quite in the same place; and parts with scratches, dents, stains, missing bores and foreign bodies, with exact masks.
namespace Fae.Data

open Fae.Core

[<RequireQualifiedAccess>]
module internal DemoPart =
    let side = 256
    let private clamp (v: float32) = max 0.0f (min 1.0f v)

    /// Value of smooth noise at a point, for grain and brush marks; from the pattern bank.
    let private noise key u v = Fill.pattern Grain key u v - 0.5f

    /// A part: where its centre lies, how it is turned, how bright the lamp is.
    type Part = { CentreX: float32; CentreY: float32; Angle: float32; Lamp: float32; Key: uint64 }

    let parts =
        sample {
            let! x = Sampler.uniform 0.48f 0.52f
            let! y = Sampler.uniform 0.48f 0.52f
            let! angle = Sampler.uniform -0.06f 0.06f
            let! lamp = Sampler.uniform 0.92f 1.08f
            let! key = Sampler.bits

            return { CentreX = x; CentreY = y; Angle = angle; Lamp = lamp; Key = key }
        }

    /// From 0 to 1 over about a pixel and a half around the edge, positive inside.
    let private edge (depth: float32) = clamp (0.5f + depth * float32 side / 1.5f)

    let private mix (t: float32) (a: float32[]) (b: float32[]) = Array.map2 (fun a b -> a + t * (b - a)) a b

    let private bores = [ 0.0f; 1.5707964f; 3.1415927f; 4.712389f ]

    /// The picture of a part; `missing` is the number of a bore that was forgotten, or −1.
    let draw (p: Part) missing =
        let ground = [| 0.20f; 0.23f; 0.27f |]
        let metal = [| 0.62f; 0.60f; 0.56f |]
        let ring = [| 0.45f; 0.43f; 0.42f |]
        let dark = [| 0.09f; 0.09f; 0.10f |]

        let pixel y x =
            let u = (float32 x + 0.5f) / float32 side
            let v = (float32 y + 0.5f) / float32 side
            let dx, dy = u - p.CentreX, v - p.CentreY
            let r = sqrt (dx * dx + dy * dy)
            let theta = atan2 dy dx
            let grain = noise p.Key (u * 128.0f) (v * 128.0f)
            let coarse = noise (p.Key + 1UL) (u * 24.0f) (v * 24.0f)
            // Brush marks run around the centre: noise that changes fast with the radius and slowly with the angle.
            let brush = noise (p.Key + 2UL) (r * 180.0f) (theta * 4.0f)

            let surface =
                mix
                    (edge (0.40f - r))
                    (Array.map (fun c -> c + 0.05f * coarse + 0.04f * grain) ground)
                    (Array.map (fun c -> c + 0.10f * brush + 0.02f * grain) metal)

            let inRing = min (edge (0.30f - r)) (edge (r - 0.22f))
            let surface = mix inRing surface (Array.map (fun c -> c + 0.06f * brush) ring)

            let bored =
                bores
                |> List.indexed
                |> List.fold
                    (fun colour (i, at) ->
                        let bx = 0.26f * cos (at + p.Angle)
                        let by = 0.26f * sin (at + p.Angle)
                        let d = sqrt ((dx - bx) * (dx - bx) + (dy - by) * (dy - by))

                        if i = missing then colour else mix (edge (0.032f - d)) colour dark)
                    surface

            let hub = mix (edge (0.08f - r)) bored dark
            let light = p.Lamp * (0.82f + 0.30f * u + 0.10f * v)
            Array.map (fun c -> clamp (light * c)) hub

        let colours = Array.init (side * side) (fun i -> pixel (i / side) (i % side))
        Image.init 3 side side (fun c y x -> colours[y * side + x][c])

    /// A part without one of its bores, and the mask of the pixels that this changed.
    let missingBore p which =
        let whole, broken = draw p -1, draw p which

        let mask = Image.init 1 side side (fun _ y x -> if abs (whole[0, y, x] - broken[0, y, x]) > 0.02f then 1.0f else 0.0f)

        broken, mask
