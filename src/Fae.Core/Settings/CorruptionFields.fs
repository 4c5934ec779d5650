/// The settings of synthetic corruptions: the section corruption.
namespace Fae.Core

[<RequireQualifiedAccess>]
module internal CorruptionFields =
    let private corruption = { Name = "corruption"; Get = _.Corruption; Put = fun c s -> { c with Corruption = s } }
    let private whole low high key meaning get set = Section.whole low high corruption key meaning get set
    let private real low high key meaning get set = Section.real low high corruption key meaning get set

    let all =
        [
            Section.make
                (FieldType.cases Corruption.families)
                corruption
                "family"
                "corruption model: the paper's occlusions, masked cells (RIAD), cut and paste (CutPaste), texture clouds (DRAEM)"
                _.Family
                (fun v s -> { s with Family = v })
            whole 2 1024 "cells_min" "masked cells: fewest along a side" _.CellsMin (fun v s -> { s with CellsMin = v })
            whole 2 1024 "cells_max" "masked cells: most along a side" _.CellsMax (fun v s -> { s with CellsMax = v })
            whole 2 64 "cell_sets" "masked cells: number of disjoint sets, of which one is masked" _.CellSets (fun v s ->
                { s with CellSets = v })
            whole 1 64 "max_count" "most occlusions in one image" _.MaxCount (fun v s -> { s with MaxCount = v })
            real 0.0 1.0 "clean_chance" "probability of an image without occlusion" _.CleanChance (fun v s -> { s with CleanChance = v })
            real 0.0 1.0 "curve_chance" "probability of a thin curve instead of an ellipse" _.CurveChance (fun v s ->
                { s with CurveChance = v })
            real 0.001 0.5 "radius_min" "smallest radius of ellipses, in image sides" _.RadiusMin (fun v s -> { s with RadiusMin = v })
            real 0.001 0.5 "radius_max" "largest radius of ellipses, in image sides" _.RadiusMax (fun v s -> { s with RadiusMax = v })
            real 0.0 2.0 "elastic" "elastic deformation of ellipses, in radii" _.Elastic (fun v s -> { s with Elastic = v })
            real 0.01 2.0 "length_min" "shortest curve, in image sides" _.LengthMin (fun v s -> { s with LengthMin = v })
            real 0.01 2.0 "length_max" "longest curve, in image sides" _.LengthMax (fun v s -> { s with LengthMax = v })
            real 0.001 0.2 "width_min" "thinnest curve, in image sides" _.WidthMin (fun v s -> { s with WidthMin = v })
            real 0.001 0.2 "width_max" "widest curve, in image sides" _.WidthMax (fun v s -> { s with WidthMax = v })
            real 0.0 1.0 "opaque_chance" "probability of full opacity" _.OpaqueChance (fun v s -> { s with OpaqueChance = v })
            real 0.01 1.0 "opacity_min" "lowest opacity of the others" _.OpacityMin (fun v s -> { s with OpacityMin = v })
            real 0.0 1.0 "hard_chance" "probability of a hard edge" _.HardChance (fun v s -> { s with HardChance = v })
            real 0.0 0.5 "softness_max" "widest soft edge, in image sides" _.SoftnessMax (fun v s -> { s with SoftnessMax = v })
            real 0.0 1000.0 "plain_weight" "weight of plain colours" _.PlainWeight (fun v s -> { s with PlainWeight = v })
            real 0.0 1000.0 "texture_weight" "weight of procedural textures" _.TextureWeight (fun v s -> { s with TextureWeight = v })
            real 0.0 1000.0 "patch_weight" "weight of patches of other pictures" _.PatchWeight (fun v s -> { s with PatchWeight = v })
            real 0.0 1000.0 "shade_weight" "weight of the surface itself, darker or brighter" _.ShadeWeight (fun v s ->
                { s with ShadeWeight = v })
            real
                0.0
                1.0
                "part_colour_chance"
                "probability that a plain colour or texture takes a colour of the parts"
                _.PartColourChance
                (fun v s -> { s with PartColourChance = v })
            real 0.0 1.0 "jitter_chance" "probability that the contrast and brightness of a patch change" _.JitterChance (fun v s ->
                { s with JitterChance = v })
            Section.auto
                FieldType.flag
                corruption
                "binary"
                "two levels: defects opaque, hard, in the parts' colours; auto: as found"
                _.Binary
                (fun v s -> { s with Binary = v })
        ]
