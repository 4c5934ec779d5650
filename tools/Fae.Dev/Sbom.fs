/// Bills of materials: which packages at which versions an artifact is made of, in CycloneDX's format.
module Fae.Dev.Sbom

open System.IO

/// Writes `FILE.cdx.json` beside an artifact, of what its project was restored with last.
let write (project: string) (artifact: string) =
    let name = string (Path.GetFileName artifact)
    let place = [ "--output"; string (Path.GetDirectoryName artifact); "--filename"; name + ".cdx.json" ]
    let form = [ "--output-format"; "Json"; "--disable-package-restore"; "--no-serial-number" ]
    let subject = [ "--set-name"; name; "--set-version"; Shell.property "Version" ]
    Shell.run "dotnet" ([ "dotnet-CycloneDX"; Shell.inRoot [ "src"; project ] ] @ place @ form @ subject)
