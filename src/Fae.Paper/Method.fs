/// The methods of the paper's tables and their simpler relatives: which of them run here, as an objective × a corruption model × a
/// network × a scorer in a configuration of their own, and which are known by their published numbers alone.
namespace Fae.Paper

type Method =
    {
        /// What it is called on a command line; its configuration is configs/methods/NAME.toml.
        Name: string
        /// What it is called in the paper's tables, or, where it is not in them, by people.
        Title: string
        /// Who described it.
        Source: string
        RunsHere: bool
    }

[<RequireQualifiedAccess>]
module Method =
    let private here name title source = { Name = name; Title = title; Source = source; RunsHere = true }

    let private published title source = { Name = title; Title = title; Source = source; RunsHere = false }

    /// In the order of the tables; those that are not in them come first.
    let all =
        [
            here "ae" "AE" "Bergmann et al., VISAPP 2019"
            here "dae" "DAE" "Vincent et al., ICML 2008"
            here "rcae" "RCAE" "Alain and Bengio, JMLR 2014"
            here "anogan" "AnoGAN" "Schlegl et al., IPMI 2017, in the fast form of Medical Image Analysis 2019"
            here "vae" "VAE" "Liu et al., CVPR 2020"
            here "lsr" "LSR" "Wang et al., Applied Sciences 2020"
            here "riad" "RIAD" "Zavrtanik et al., Pattern Recognition 2021"
            here "cutpaste" "CutPaste" "Li et al., CVPR 2021"
            here "intra" "InTra" "Pirnay and Chai, ICIAP 2022"
            here "draem" "DRAEM" "Zavrtanik et al., ICCV 2021"
            published "SimpleNet" "Liu et al., CVPR 2023"
            here "patchcore" "PatchCore" "Roth et al., CVPR 2022"
            published "RD++" "Tien et al., CVPR 2023"
            published "MSFlow" "Zhou et al., TNNLS 2024"
            published "PNI" "Bae et al., ICCV 2023"
            published "RealNet" "Zhang et al., CVPR 2024"
            here "sdc" "SDC" "Bauer and Nakajima, Mathematics 2024"
            published "GLASS" "Chen et al., ECCV 2024"
            here "fae" "FAE" "the paper"
        ]

    /// Those that can be trained.
    let running = all |> List.filter _.RunsHere

    let tryFind name = running |> List.tryFind (fun m -> m.Name = name)
