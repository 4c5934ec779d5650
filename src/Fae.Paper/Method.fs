/// The methods of the paper's tables and their simpler relatives: each is an objective × a corruption model × a network × a scorer in a
/// configuration of its own.
namespace Fae.Paper

type Method =
    {
        /// What it is called on a command line; its configuration is configs/methods/NAME.toml.
        Name: string
        /// What it is called in the paper's tables, or, where it is not in them, by people.
        Title: string
        /// Who described it.
        Source: string
    }

[<RequireQualifiedAccess>]
module Method =
    let private method name title source = { Name = name; Title = title; Source = source }

    /// In the order of the tables; those that are not in them come first.
    let all =
        [
            method "ae" "AE" "Bergmann et al., VISAPP 2019"
            method "dae" "DAE" "Vincent et al., ICML 2008"
            method "rcae" "RCAE" "Alain and Bengio, JMLR 2014"
            method "anogan" "AnoGAN" "Schlegl et al., IPMI 2017, in the fast form of Medical Image Analysis 2019"
            method "vae" "VAE" "Liu et al., CVPR 2020"
            method "lsr" "LSR" "Wang et al., Applied Sciences 2020"
            method "riad" "RIAD" "Zavrtanik et al., Pattern Recognition 2021"
            method "cutpaste" "CutPaste" "Li et al., CVPR 2021"
            method "intra" "InTra" "Pirnay and Chai, ICIAP 2022"
            method "draem" "DRAEM" "Zavrtanik et al., ICCV 2021"
            method "simplenet" "SimpleNet" "Liu et al., CVPR 2023"
            method "patchcore" "PatchCore" "Roth et al., CVPR 2022"
            method "rdpp" "RD++" "Tien et al., CVPR 2023"
            method "msflow" "MSFlow" "Zhou et al., TNNLS 2024"
            method "pni" "PNI" "Bae et al., ICCV 2023"
            method "realnet" "RealNet" "Zhang et al., CVPR 2024"
            method "sdc" "SDC" "Bauer and Nakajima, Mathematics 2024"
            method "glass" "GLASS" "Chen et al., ECCV 2024"
            method "fae" "FAE" "the paper"
        ]

    /// What `fae train` does without a configuration. No method of the paper: `--methods all` leaves it out.
    let automatic = method "auto" "no configuration" "a U-Net and memory banks in one model; docs/guide/your-own-parts.md"

    let known = all @ [ automatic ]

    let tryFind name = known |> List.tryFind (fun m -> m.Name = name)
