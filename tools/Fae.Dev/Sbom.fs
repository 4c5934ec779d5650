/// Bills of materials: which packages at which versions an artifact is made of, in CycloneDX's format.
module Fae.Dev.Sbom

open System.IO

/// Writes `FILE.cdx.json` beside an artifact, of what its project was restored with last.
let write (project: string) (artifact: string) =
    let name = string (Path.GetFileName artifact)

    Shell.run
        "dotnet"
        [
            yield! [ "dotnet-CycloneDX"; Shell.inRoot [ "src"; project ]; "--output"; string (Path.GetDirectoryName artifact) ]
            yield!
                [
                    "--filename"
                    name + ".cdx.json"
                    "--output-format"
                    "Json"
                    "--disable-package-restore"
                    "--no-serial-number"
                ]
            yield! [ "--set-name"; name; "--set-version"; Shell.property "Version" ]
        ]
