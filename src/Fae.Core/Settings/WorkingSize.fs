/// How pictures are seen, by what is in the good ones: the working size and the illumination correction.
namespace Fae.Core

/// What some good pictures say.
type PictureSurvey =
    {
        /// Medians, in pixels.
        Height: int
        Width: int
        /// For some shorter sides below the pictures' own, in rising order, the mean share of variance that shrinking to it loses.
        Lost: (int * float) list
        /// Whether they have two levels only.
        IsBinary: bool
        /// `Detail.lightVariation`.
        LightVariation: float
    }

/// How pictures are looked at.
[<RequireQualifiedAccess>]
type Resolution =
    /// As wholes with so many pixels on the shorter side.
    | Whole of side: int
    /// In tiles of `tile` of their own pixels, each seen with `side` pixels.
    | Tiles of side: int * tile: int

[<RequireQualifiedAccess>]
module WorkingSize =
    /// The sizes that are tried.
    let candidates = [ 256; 320; 384; 448; 512; 640; 768; 896; 1024 ]

    /// A share of the variance that may be lost.
    let private mostLost = 0.0005

    /// Pixels of a working picture, at most; more where the user names the smallest defect.
    let private mostPixels, mostWithDefect = 768.0 * 768.0, 1280.0 * 1280.0

    /// A defect must be so many pixels wide in the working picture.
    let private pixelsOfDefect = 4.0

    let private multiple = 16

    /// The shorter side of the working picture: the smallest candidate that keeps the detail, or the pictures' own; so large that the
    /// smallest defect (in the pictures' own pixels) stays visible; and no larger than can be inspected in reasonable time. At least 256.
    let choose (smallestDefect: int option) (survey: PictureSurvey) =
        let own = min survey.Height survey.Width
        let aspect = float (max survey.Height survey.Width) / float own

        let detailed = survey.Lost |> List.tryFind (fun (_, lost) -> lost <= mostLost) |> Option.map fst |> Option.defaultValue own

        let wanted =
            match smallestDefect with
            | None -> detailed
            | Some pixels -> max detailed (min own (int (ceil (float own * pixelsOfDefect / float pixels))))

        let most = if smallestDefect.IsSome then mostWithDefect else mostPixels
        let affordable = int (sqrt (most / aspect))
        max candidates.Head (min wanted affordable / multiple * multiple)

    /// The side at which tiles are seen.
    let private tileSide = 256

    /// Whole at the chosen side, or, where the smallest defect needs more pixels than a whole picture may have, in tiles: so fine that the
    /// defect stays visible, but that a prepared picture has at most `mostHeld` pixels, as many as memory holds in training.
    let resolution (mostHeld: float) (smallestDefect: int option) (survey: PictureSurvey) =
        let area = float survey.Height * float survey.Width

        let wanted =
            smallestDefect
            |> Option.map (fun pixels -> min 1.0 (pixelsOfDefect / float pixels))
            |> Option.defaultValue 0.0

        let scale = min wanted (sqrt (mostHeld / area))
        let tile = int (round (float tileSide / max 1e-6 scale))

        if scale * scale * area > mostWithDefect && tile <= min survey.Height survey.Width then
            Resolution.Tiles(tileSide, tile)
        else
            Resolution.Whole(choose smallestDefect survey)

    /// The width in the pictures' own pixels that a defect must have to be seen.
    let visibleDefect resolution (survey: PictureSurvey) =
        match resolution with
        | Resolution.Whole side -> pixelsOfDefect * float (min survey.Height survey.Width) / float side
        | Resolution.Tiles(side, tile) -> pixelsOfDefect * float tile / float side

    /// Pixels of a working picture that a U-Net and a memory bank in eight bits inspect in about 30 ms on two cores, and the least side
    /// of one.
    let private fastPixels, fastSide = 256.0 * 256.0, 128

    /// The shorter side of a working picture that is inspected fast, whatever detail that loses.
    let fast (survey: PictureSurvey) =
        let own = min survey.Height survey.Width
        let aspect = float (max survey.Height survey.Width) / float own
        max fastSide (min own (int (sqrt (fastPixels / aspect))) / multiple * multiple)

    /// The scales at which memory banks see pictures of a working height and width: as they are, and with as many pixels as 256×256 have
    /// where that is much smaller. Features see more of a part at once there. The number of pixels counts, not the shorter side
    /// (docs/method/experiments.md).
    let bankScales (height: int) (width: int) =
        let coarse = float32 (float candidates.Head / sqrt (float height * float width))
        if coarse <= 2.0f / 3.0f then [ 1.0f; coarse ] else [ 1.0f ]

    /// The light has no detail finer than the side over this.
    let lightScale = 12.0f

    /// Where the light varies this much, it is divided out. Photographs of one set-up have half of it and less.
    let private mostLight = 1.0

    /// Sigma of the illumination correction at a working size: a twelfth of its side, or 0.
    let illumination (size: int) (survey: PictureSurvey) =
        if survey.LightVariation > mostLight && not survey.IsBinary then
            round (float32 size / lightScale)
        else
            0.0f
