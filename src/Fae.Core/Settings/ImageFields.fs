/// The settings of pictures and of augmentation: the sections image and augment.
namespace Fae.Core

[<RequireQualifiedAccess>]
module internal ImageFields =
    let private image = { Name = "image"; Get = _.Image; Put = fun c s -> { c with Image = s } }
    let private augment = { Name = "augment"; Get = _.Augment; Put = fun c s -> { c with Augment = s } }

    let private channelModes = [ "auto", ChannelMode.Auto; "grey", ChannelMode.Grey; "colour", ChannelMode.Colour ]

    let all =
        [
            Section.auto
                (FieldType.whole 32 2048)
                image
                "size"
                "side in pixels to which pictures are resized, the shorter one if they are not square; auto: by the detail in the pictures"
                (fun s -> if s.Size = 0 then None else Some s.Size)
                (fun v s -> { s with Size = defaultArg v 0 })
            Section.auto
                (FieldType.real 0.02 50.0)
                image
                "aspect"
                "width over height of the resized pictures; auto: as the training pictures have, by their median"
                _.Aspect
                (fun v s -> { s with Aspect = v })
            Section.make
                (FieldType.cases channelModes)
                image
                "channels"
                "channels that the network sees; auto: as the training pictures have"
                _.Channels
                (fun v s -> { s with Channels = v })
            Section.auto
                (FieldType.oneOf (ValueRange.depths @ [ ValueRange.otherDepth ]))
                image
                "bits"
                "bits that the values of the pictures use; 32: floats and other types; auto: by the training pictures"
                _.Values.Bits
                (fun v s -> { s with Values = { s.Values with Bits = v } })
            Section.auto
                (FieldType.pair -1e9 1e9)
                image
                "range"
                "the values that become black and white; auto: 0 and the largest of so many bits, or found from the training pictures"
                _.Values.Range
                (fun v s -> { s with Values = { s.Values with Range = v } })
            Section.auto
                (FieldType.real 0.0 512.0)
                image
                "illumination_sigma"
                ("sigma in pixels of the illumination correction; 0: none; auto: a twelfth of the side if the light varies more from "
                 + "picture to picture than the parts do")
                (fun s -> if s.IlluminationSigma < 0.0f then None else Some s.IlluminationSigma)
                (fun v s -> { s with IlluminationSigma = defaultArg v -1.0f })
            Section.whole 0 2048 image "crop" "side of the random crops in training; 0: whole pictures" _.Crop (fun v s ->
                { s with Crop = v })
            Section.whole
                0
                65536
                image
                "tile"
                "side of the tiles that large pictures are split into, in their own pixels, each resized to size × size; 0: no tiles"
                _.Tile
                (fun v s -> { s with Tile = v })
            Section.whole
                0
                32768
                image
                "overlap"
                "overlap of neighbouring tiles in the picture's own pixels; tiles are blended there"
                _.Overlap
                (fun v s -> { s with Overlap = v })
            Section.auto
                FieldType.flag
                augment
                "flip_horizontal"
                "mirror left to right, half the time; auto: if the good pictures allow it"
                _.FlipHorizontal
                (fun v s -> { s with FlipHorizontal = v })
            Section.auto
                FieldType.flag
                augment
                "flip_vertical"
                "mirror top to bottom, half the time; auto: if the good pictures allow it"
                _.FlipVertical
                (fun v s -> { s with FlipVertical = v })
            Section.auto
                FieldType.flag
                augment
                "quarter_turns"
                "rotate by 0, 90, 180 or 270 degrees; auto: if the good pictures allow it"
                _.QuarterTurns
                (fun v s -> { s with QuarterTurns = v })
            Section.auto
                (FieldType.real 0.0 180.0)
                augment
                "rotate"
                "largest rotation in degrees, for half of the pictures; auto: 180 if the good pictures allow it"
                _.Rotate
                (fun v s -> { s with Rotate = v })
            Section.real 0.0 0.5 augment "shift" "largest shift, as a fraction of the side" _.Shift (fun v s -> { s with Shift = v })
            Section.real 0.0 0.9 augment "brightness" "largest change of brightness, as a fraction" _.Brightness (fun v s ->
                { s with Brightness = v })
        ]
