/// Masks as labelling tools and people write them, and what an ignore mask hides.
module Fae.Tests.MaskTests

open System.IO
open System.Text.Json
open Expecto
open Fae.Core
open Fae.Imaging
open Fae.Tests.Helpers

/// A square on a background, in the colours of some bands.
let private square (inside: int list) (outside: int list) path =
    let byteAt y x = if y >= 10 && y < 20 && x >= 30 && x < 45 then inside else outside

    let bytes =
        [|
            for y in 0..39 do
                for x in 0..59 do
                    for value in byteAt y x -> byte value
        |]

    use memory = NetVips.Image.NewFromMemory(bytes, 60, 40, inside.Length, NetVips.Enums.BandFormat.Uchar)

    let colours =
        if inside.Length < 3 then
            NetVips.Enums.Interpretation.Bw
        else
            NetVips.Enums.Interpretation.Srgb

    use picture = memory.Copy(interpretation = colours)
    picture.WriteToFile path

let private wanted = Image.init 1 40 60 (fun _ y x -> if y >= 10 && y < 20 && x >= 30 && x < 45 then 1.0f else 0.0f)

let private scoreOf (json: string) =
    use parsed = JsonDocument.Parse json
    let first = Seq.head (parsed.RootElement.EnumerateArray())
    first.GetProperty("score").GetDouble()

let tests =
    oneByOne
        "Masks"
        [
            for what, inside, outside in
                [
                    "white", [ 255 ], [ 0 ]
                    "grey 100", [ 100 ], [ 0 ]
                    "class number 1", [ 1 ], [ 0 ]
                    "red", [ 255; 0; 0 ], [ 0; 0; 0 ]
                    "blue", [ 0; 0; 40 ], [ 0; 0; 0 ]
                    "white on transparent", [ 255; 255; 255; 255 ], [ 255; 255; 255; 0 ]
                ] do
                test $"a mask in {what} labels what is not background" {
                    inTemporaryFolder (fun folder ->
                        let path = Path.Combine(folder, "mask.png")
                        square inside outside path

                        match MaskDecoder.read path with
                        | Ok mask -> Expect.equal mask wanted "the square"
                        | Error problem -> failtest (string problem))
                }

            test "a mask with soft edges is divided at its middle value; one without background is refused with its values" {
                inTemporaryFolder (fun folder ->
                    let soft = writePng folder "soft.png" (Image.init 1 8 64 (fun _ _ x -> float32 x / 63.0f))

                    match MaskDecoder.read soft with
                    | Ok mask -> Expect.equal mask (Image.init 1 8 64 (fun _ _ x -> if x >= 32 then 1.0f else 0.0f)) "its middle"
                    | Error problem -> failtest (string problem)

                    let classes = Path.Combine(folder, "classes.png")
                    square [ 2 ] [ 1 ] classes

                    match MaskDecoder.read classes with
                    | Ok _ -> failtest "which is background?"
                    | Error problem -> Expect.stringContains problem.Reason "1, 2" "the values")
            }

            test "inverted masks are refused; masks of turned pictures are upright" {
                inTemporaryFolder (fun folder ->
                    let model = Path.GetDirectoryName(brightnessModel folder)
                    let data = Path.Combine(folder, "data")

                    for i in 0..3 do
                        writePng data $"test/good/{i}.png" (part 32 i) |> ignore
                        writePng data $"test/dent/{i}.png" (part 32 (10 + i)) |> ignore

                        writePng
                            data
                            $"ground_truth/dent/{i}_mask.png"
                            (Image.init 1 32 32 (fun _ y x -> if y < 6 && x < 6 then 0.0f else 1.0f))
                        |> ignore

                    let refused = fae [ "eval"; "--model"; string model; "--data"; data ]
                    Expect.equal refused.Code 3 refused.Error
                    Expect.stringContains refused.Error "inverted" "why"
                    Expect.stringContains refused.Error "_mask.png" "which"

                    // A camera that was turned: 60×40 pixels are stored, 40×60 are seen.
                    let turned = Path.Combine(folder, "turned.jpg")
                    use stored = NetVips.Image.Black(60, 40)
                    use tagged = stored.Mutate(fun image -> image.Set(NetVips.GValue.GIntType, "orientation", 6))
                    tagged.Jpegsave turned

                    match ImageDecoder.header turned with
                    | Ok(struct (width, height, _)) -> Expect.equal (width, height) (40, 60) "upright"
                    | Error problem -> failtest (string problem))
            }

            test "any content under the ignore mask gives the same score; how much is hidden is said; useless masks are refused" {
                inTemporaryFolder (fun folder ->
                    let data, run = Path.Combine(folder, "data"), Path.Combine(folder, "run")

                    // The lower right of each picture holds a label, each time another one.
                    let labelled (number: int) (image: Image) =
                        Image.init 1 96 96 (fun _ y x ->
                            if y >= 60 && x >= 50 then
                                float32 ((number * 7 + x / 5 + y / 3) % 5) / 4.0f
                            else
                                image[0, y, x])

                    for i in 0..23 do
                        writePng data $"train/good/{i:D2}.png" (labelled i (part 96 i)) |> ignore

                    let mask = writePng folder "ignore.png" (Image.init 1 96 96 (fun _ y x -> if y >= 60 && x >= 50 then 0.2f else 0.0f))

                    let train more =
                        fae (
                            training data run ([ "image.size=64"; "image.illumination_sigma=8"; "network.width=8"; "train.steps=20" ])
                            @ more
                        )

                    let done' = train [ "--ignore"; mask ]
                    Expect.equal done'.Code 0 done'.Error
                    Expect.stringContains done'.Error "% of a picture is not looked at" "how much"

                    let inspected name image =
                        let path = writePng folder name image
                        let found = fae [ "inspect"; "--model"; run; path; "--json"; "-" ]
                        Expect.equal found.Code 0 found.Error
                        scoreOf found.Output

                    let black = Image.init 1 96 96 (fun _ y x -> if y >= 60 && x >= 50 then 0.0f else (part 96 77)[0, y, x])
                    let pictures = black :: [ for number in [ 1; 2; 3 ] -> labelled number (part 96 77) ]
                    let scores = pictures |> List.mapi (fun i picture -> inspected $"part{i}.png" picture)

                    for score in scores do
                        Expect.equal score scores.Head "one part, whatever its label is"

                    let all = writePng folder "all.png" (Image.constant 1 96 96 1.0f)
                    let wide = writePng folder "wide.png" (Image.init 1 96 160 (fun _ _ x -> if x < 9 then 1.0f else 0.0f))

                    for path, word in [ all, "hides the whole picture"; wide, "not the shape of the pictures" ] do
                        let refused = train [ "--ignore"; path ]
                        Expect.equal refused.Code 3 refused.Error
                        Expect.stringContains refused.Error word "why")
            }
        ]
