/// What good pictures say before a training: how much detail a size loses, how the light varies, the working size.
module Fae.Spec.SurveyLaws

open FsCheck
open Fae.Core
open Fae.Spec.Generators

[<NoComparison; NoEquality>]
type Detail =
    {
        Lost: Image -> Image -> float
        Within: Image list -> float
        Spread: Image list -> float
        Light: Image list -> Image list -> float
    }

let private near (a: float) b = abs (a - b) <= 1e-3 * max 1.0 (abs b)

let private detailLaws: Law<Detail> list =
    [
        Law.forAll "an equal copy has lost nothing" (fun d (Grey image) -> d.Lost image image = 0.0)
        Law.forAll "contrast and brightness of both change nothing" (fun d (Pair(a, b)) ->
            let changed = Image.map (fun v -> 0.25f + 0.5f * v)
            let isFlat = Array.max a.Pixels - Array.min a.Pixels < 0.1f
            isFlat || near (d.Lost (changed a) (changed b)) (d.Lost a b))
        Law.once "a copy without any detail has lost everything" (fun d ->
            let image = speckled 5UL 1 8 9
            near (d.Lost image (Image.map (fun _ -> Array.average image.Pixels) image)) 1.0)
        Law.forAll "what remains within two levels is a share" (fun d (Grey image) ->
            let share = d.Within [ image ]
            share >= 0.0 && share <= 1.0)
        Law.forAll "pictures of two levels leave nothing within them, whatever their numbers" (fun d (rare: PositiveInt) ->
            let level i = if i % (2 + rare.Get % 20) = 0 then 0.2f else 0.9f
            d.Within [ Image.init 1 6 7 (fun _ y x -> level (7 * y + x)); Image.constant 1 3 3 0.9f ] < 1e-9)
        Law.once "evenly spread greys keep a quarter" (fun d ->
            let ramp = Image.init 1 1 256 (fun _ _ x -> (float32 x + 0.5f) / 256.0f)
            near (d.Within [ ramp ]) 0.25)
        Law.forAll "pictures of two levels have no spread, though a tenth of their pixels is between" (fun d (rare: PositiveInt) ->
            let level i =
                if i % 10 = 0 then 0.2f + 0.07f * float32 (rare.Get % 10)
                elif i % 3 = 0 then 0.2f
                else 0.9f

            d.Spread [ Image.init 1 6 10 (fun _ y x -> level (10 * y + x)) ] = 0.0)
        Law.forAll "two classes spread by their noise, as a share of the contrast" (fun d (noise: PositiveInt) ->
            let share = float (noise.Get % 10) / 100.0
            let class' middle i = middle + 0.5 * share * float (i % 3 - 1)

            let image =
                Image.init 1 12 12 (fun _ y x ->
                    let i = 12 * y + x
                    float32 (if x < 6 then class' 0.25 i else class' 0.75 i))

            abs (d.Spread [ image ] - share) < 0.01)
        Law.forAll "flat pictures are no two levels" (fun d (level: uint8) ->
            d.Spread [ Image.constant 1 4 4 (float32 level / 255.0f) ] = 1.0)
        Law.forAll "pictures under one light do not vary" (fun d (Pair(a, light)) ->
            abs (d.Light [ a; a; a ] [ light; light; light ]) < 1e-6)
        Law.once "light that varies as much as the detail counts as one" (fun d ->
            let detail = Image.init 1 4 4 (fun _ y x -> if (y + x) % 2 = 0 then 0.1f else -0.1f)
            let lights = [ Image.constant 1 4 4 0.3f; Image.constant 1 4 4 0.5f ]
            near (d.Light (lights |> List.map (Image.map2 (+) detail)) lights) 1.0)
    ]

let private plain =
    {
        Lost = Detail.lost
        Within = Detail.withinTwoLevels
        Spread = Detail.spreadOfLevels
        Light = Detail.lightVariation
    }

let private detailMutants =
    [
        "a floor", "an equal copy has lost nothing", { plain with Lost = fun a b -> 0.01 + Detail.lost a b }
        "the difference is not divided by the variance",
        "contrast and brightness of both change nothing",
        { plain with
            Lost = fun a b -> Seq.zip a.Pixels b.Pixels |> Seq.averageBy (fun (v, w) -> float (v - w) ** 2.0)
        }
        "half of it", "a copy without any detail has lost everything", { plain with Lost = fun a b -> 0.5 * Detail.lost a b }
        "in percent",
        "what remains within two levels is a share",
        { plain with Within = fun images -> 100.0 * Detail.withinTwoLevels images }
        "the threshold is the middle of the range",
        "pictures of two levels leave nothing within them, whatever their numbers",
        { plain with
            Within =
                fun images ->
                    Detail.withinTwoLevels (
                        images |> List.map (Image.map (fun v -> 0.5f * v + 0.4f * v * v)) |> List.map (MeanFilter.apply 3 1)
                    )
        }
        "three levels", "evenly spread greys keep a quarter", { plain with Within = fun images -> Detail.withinTwoLevels images / 2.25 }
        "the deviation instead of the median",
        "pictures of two levels have no spread, though a tenth of their pixels is between",
        { plain with Spread = fun images -> sqrt (Detail.withinTwoLevels images) }
        "half the spread",
        "two classes spread by their noise, as a share of the contrast",
        { plain with Spread = fun images -> 0.5 * Detail.spreadOfLevels images }
        "flat pictures have no spread",
        "flat pictures are no two levels",
        { plain with
            Spread = fun images -> if Detail.withinTwoLevels images = 1.0 then 0.0 else Detail.spreadOfLevels images
        }
        "the lights' squares instead of their variance",
        "pictures under one light do not vary",
        { plain with Light = fun images lights -> 1.0 + Detail.lightVariation images lights }
        "the deviation instead of the variance",
        "light that varies as much as the detail counts as one",
        { plain with Light = fun images lights -> 2.0 * sqrt (Detail.lightVariation images lights) }
    ]

/// Smallest defect → survey → side.
type private Chooser = int option -> PictureSurvey -> int

/// Sides of 40 to 4,039 pixels; detail is lost ever less.
let private survey (height: PositiveInt) (width: PositiveInt) (NonNegativeInt lost) =
    let side (n: PositiveInt) = 40 + n.Get * 37 % 4000
    let own = min (side height) (side width)

    {
        Height = side height
        Width = side width
        Lost =
            [
                for i, candidate in List.indexed (WorkingSize.candidates |> List.filter (fun c -> c < own)) ->
                    candidate, float lost * 1e-4 / float (1 <<< i)
            ]
        IsBinary = false
        LightVariation = 0.0
    }

let private sizeLaws: Law<Chooser> list =
    [
        Law.forAll "at least 256, a multiple of 16" (fun choose (h, w, lost, defect: PositiveInt) ->
            [ None; Some defect.Get ]
            |> List.forall (fun defect ->
                let size = choose defect (survey h w lost)
                size >= 256 && size % 16 = 0))
        Law.forAll "never larger than the pictures, unless they are smaller than 256" (fun choose (h, w, lost, defect: PositiveInt) ->
            let survey = survey h w lost
            choose (Some defect.Get) survey <= max 256 (min survey.Height survey.Width))
        Law.forAll "a smaller defect is never seen at a smaller size" (fun choose (h, w, lost, defect: PositiveInt) ->
            let survey = survey h w lost
            choose (Some defect.Get) survey >= choose (Some(defect.Get + 1)) survey)
        Law.forAll "more detail is never seen at a smaller size" (fun choose (h, w, NonNegativeInt lost) ->
            choose None (survey h w (NonNegativeInt(lost + 50))) >= choose None (survey h w (NonNegativeInt lost)))
        Law.forAll "without a defect that is named, no more pixels than 768 squared, or a shorter side of 256" (fun choose (h, w, lost) ->
            let survey = survey h w lost
            let size = choose None survey
            let aspect = float (max survey.Height survey.Width) / float (min survey.Height survey.Width)
            size = 256 || float (size * size) * aspect <= 768.0 * 768.0)
        Law.once "a set of ours: 500×1259 pixels whose detail no smaller size keeps" (fun choose ->
            let survey = { Height = 1259; Width = 500; Lost = [ 256, 0.0022; 448, 0.0006 ]; IsBinary = false; LightVariation = 0.2 }
            choose None survey = 480)
    ]

let private sizeMutants: (string * string * Chooser) list =
    [
        "the pictures' own side", "at least 256, a multiple of 16", (fun _ survey -> min survey.Height survey.Width)
        "always 1,024", "never larger than the pictures, unless they are smaller than 256", (fun _ _ -> 1024)
        "the defect's width is the size",
        "a smaller defect is never seen at a smaller size",
        (fun defect _ -> 256 + 16 * defaultArg defect 0)
        "detail is ignored where there is little of it to lose",
        "more detail is never seen at a smaller size",
        (fun defect survey ->
            match survey.Lost with
            | (_, lost) :: _ when lost > 0.004 -> 256
            | _ -> WorkingSize.choose defect survey)
        "the limit is for squares",
        "without a defect that is named, no more pixels than 768 squared, or a shorter side of 256",
        (fun _ survey -> max 256 (min 768 (min survey.Height survey.Width) / 16 * 16))
        "the smallest candidate, always", "a set of ours: 500×1259 pixels whose detail no smaller size keeps", (fun _ _ -> 256)
    ]

/// Height → width of a working picture → the scales of its memory banks.
type private Scaler = int -> int -> float32 list

let private scaleLaws: Law<Scaler> list =
    let side (n: PositiveInt) = 128 + 16 * (n.Get % 80)

    [
        Law.forAll "the first bank sees the working picture" (fun scales (h: PositiveInt, w: PositiveInt) ->
            List.head (scales (side h) (side w)) = 1.0f)
        Law.forAll "the second one sees as many pixels as 256×256 have" (fun scales (h, w) ->
            let pixels = float (side h) * float (side w)

            scales (side h) (side w)
            |> List.tail
            |> List.forall (fun scale -> near (float scale * float scale * pixels) 65536.0))
        Law.forAll "there is a second one where it sees at most four ninths of the pixels" (fun scales (h, w) ->
            let fewer = 65536.0 / (float (side h) * float (side w))
            let isNear = abs (fewer - 4.0 / 9.0) < 1e-3
            isNear || (scales (side h) (side w)).Length = (if fewer < 4.0 / 9.0 then 2 else 1))
        Law.once "384×384: the smallest square with two" (fun scales -> (scales 384 384).Length = 2 && (scales 368 384).Length = 1)
    ]

let private scaleMutants: (string * string * Scaler) list =
    let byShorterSide (h: int) (w: int) = 256.0f / float32 (min h w)

    [
        "the coarse one alone",
        "the first bank sees the working picture",
        (fun h w ->
            match WorkingSize.bankScales h w with
            | [ _; coarse ] -> [ coarse ]
            | one -> one)
        "the shorter side counts",
        "the second one sees as many pixels as 256×256 have",
        (fun h w -> if byShorterSide h w <= 2.0f / 3.0f then [ 1.0f; byShorterSide h w ] else [ 1.0f ])
        "always two",
        "there is a second one where it sees at most four ninths of the pixels",
        (fun h w -> [ 1.0f; float32 (256.0 / sqrt (float h * float w)) ])
        "two thirds are not enough",
        "384×384: the smallest square with two",
        (fun h w -> WorkingSize.bankScales h w |> List.filter (fun scale -> scale = 1.0f || scale < 0.66f))
    ]

let suites =
    [
        Suite.create
            "Scales of memory banks"
            "The scales at which memory banks beside a U-Net see working pictures, without a configuration."
            scaleLaws
            [ "plain", WorkingSize.bankScales ]
            scaleMutants
        Suite.create
            "Detail"
            "How much a smaller copy loses, whether pictures are binary, and how their light varies."
            detailLaws
            [ "plain", plain ]
            detailMutants
        Suite.create
            "Working size"
            "The size that pictures are seen at without a configuration."
            sizeLaws
            [ "plain", WorkingSize.choose ]
            sizeMutants
    ]
