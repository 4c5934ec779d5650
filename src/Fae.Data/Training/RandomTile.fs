/// What the network sees of a picture: all of it, or one tile at a random place.
namespace Fae.Data

open Fae.Core
open Fae.Kernels

[<RequireQualifiedAccess>]
module RandomTile =
    /// A picture as the network gets it: whole, or one tile of it, anywhere.
    let at (config: Config) (seed: Seed) (image: Image) =
        match InputGeometry.tiling config with
        | None -> image
        | Some tiling ->
            let key = Random.mix64 seed.State
            let first salt length = int (Random.hash key salt % uint64 (length - tiling.Side + 1))
            TileKernel.Crop(image, first 0UL image.Height, first 1UL image.Width, tiling.Side)
