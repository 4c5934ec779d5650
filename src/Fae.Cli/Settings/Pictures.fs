/// The pictures of a training, read and prepared.
namespace Fae.Cli

open Fae.Core
open Fae.Data
open Fae.Imaging
open Fae.Kernels

[<RequireQualifiedAccess>]
module Pictures =
    /// The working size in words.
    let scale (config: Config) =
        let size = config.Image.Size

        match InputGeometry.tiling config with
        | None -> $"{size}×{size}"
        | Some tiling ->
            $"in tiles of {config.Image.Tile}×{config.Image.Tile} pixels seen at {size}×{size}, overlapping by {tiling.Overlap}"

    /// The pictures of some files, as many of them in memory as fit.
    let cache (config: Config) channels ignore paths =
        ImageCache.Open(ImageCache.DefaultCapacity, ImagePreparation.ofFileWithMask config channels ignore >> Result.map _.Image, paths)
        |> Result.mapError Data

    /// About as many pictures are compared to find their symmetry.
    let private symmetrySample = 48

    /// The configuration with augmentation chosen by the symmetry of the good pictures; of large pictures the centre tile is used.
    let settled (config: Config) (pictures: ImageCache) =
        let middle (image: Image) =
            match InputGeometry.tiling config with
            | None -> image
            | Some tiling -> TileKernel.Crop(image, (image.Height - tiling.Side) / 2, (image.Width - tiling.Side) / 2, tiling.Side)

        let symmetry = pictures.Some symmetrySample |> List.map middle |> Symmetry.ofImages
        let augment = Augment.settle symmetry config.Augment

        if augment <> config.Augment then Console.say (Symmetry.describe symmetry)

        { config with Augment = augment }

    /// The pictures of a texture folder, at the network's size.
    let textures (config: Config) channels (folder: string option) =
        match folder with
        | None -> Ok []
        | Some folder ->
            match ImageFolder.list folder with
            | [] -> Error(Data [ NoPictures folder ])
            | paths ->
                let whole = { config with Config.Image.Tile = 0 }

                DataSet.readAll (ImagePreparation.ofFile whole channels >> Result.map _.Image) paths |> Result.mapError Data

    /// The channels: as configured, else as the pictures have.
    let channels (config: Config) paths =
        match config.Image.Channels with
        | ChannelMode.Grey -> 1
        | ChannelMode.Colour -> 3
        | ChannelMode.Auto -> DataSet.channelsOf paths
