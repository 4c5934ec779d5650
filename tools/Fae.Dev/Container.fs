/// `fae serve` as a container image in OCI's format, made without a container engine and without a registry: its base is a few packages
/// of Debian, for no base image can be fetched from a registry that this repository does not name.
module Fae.Dev.Container

open System
open System.IO
open System.IO.Compression
open System.Security.Cryptography
open System.Text.Json

/// What .NET, ONNX Runtime and libvips need beside themselves. Globalisation is invariant: no ICU.
let private debian = [ "libc6"; "libgcc-s1"; "libstdc++6"; "zlib1g"; "libssl3"; "ca-certificates"; "base-files" ]

/// The user that .NET's own images have.
let private user = 1654

let private inFolder (folder: string) (command: string) = Shell.run "sh" [ "-c"; $"cd \"$1\" && {command}"; "sh"; folder ]

let private baseSystem (root: string) =
    let packages = Shell.emptied (root + ".packages")
    let fetch () = Shell.tryRun "sh" ([ "-c"; "cd \"$1\" && shift && apt-get download --quiet=2 \"$@\""; "sh"; packages ] @ debian)

    // A fresh machine has no lists of packages yet.
    if fetch () <> 0 then
        Shell.run "apt-get" [ "update"; "--quiet=2" ]

        if fetch () <> 0 then
            eprintfn $"""build: apt cannot fetch {String.concat ", " debian}: a container image is made on Debian 12"""
            exit 5

    for package in Directory.GetFiles(packages, "*.deb") |> Array.sort do
        Shell.run "dpkg-deb" [ "--extract"; package; root ]

    // Documentation, and what Debian's installation would make of the certificates.
    inFolder root "rm -rf usr/share/man usr/share/locale usr/share/lintian && mkdir -p etc/ssl/certs tmp models data && chmod 1777 tmp"
    inFolder root "cat usr/share/ca-certificates/mozilla/*.crt > etc/ssl/certs/ca-certificates.crt"
    inFolder root $"chown {user}:{user} data"
    File.WriteAllText(Path.Combine(root, "etc", "passwd"), $"root:x:0:0::/:/nologin\nfae:x:{user}:{user}::/data:/nologin\n")
    File.WriteAllText(Path.Combine(root, "etc", "group"), $"root:x:0:\nfae:x:{user}:\n")

let private digest (bytes: byte[]) = Convert.ToHexStringLower(SHA256.HashData bytes)

/// Writes a blob under its digest; its size and digest.
let private blob (layout: string) (bytes: byte[]) =
    let name = digest bytes
    File.WriteAllBytes(Path.Combine(layout, "blobs", "sha256", name), bytes)
    bytes.Length, name

/// A folder as a layer, the same bits whenever it is made: its blob, and the digest of the archive itself.
let private layer (layout: string) (folder: string) =
    let archive = folder + ".tar"

    Shell.run
        "tar"
        [
            yield! [ "--create"; "--file"; archive; "--directory"; folder; "--sort=name"; "--mtime=@0"; "--numeric-owner" ]
            yield! [ "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"; "." ]
        ]

    let plain = File.ReadAllBytes archive
    use packed = new MemoryStream()

    (use gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen = true)
     gzip.Write(plain, 0, plain.Length))

    let size, name = blob layout (packed.ToArray())
    File.Delete archive
    size, name, digest plain

/// A JSON object.
let private fields (pairs: (string * (obj | null)) list) = dict pairs

let private bytesOf (json: obj | null) = JsonSerializer.SerializeToUtf8Bytes json

let private config (version: string) (layers: (int * string * string) list) =
    let seconds (count: int64) = box (count * 1_000_000_000L)

    let settings =
        fields
            [
                "User", box $"{user}:{user}"
                "WorkingDir", box "/data"
                "Entrypoint", box [ "/app/fae"; "serve"; "--bind"; "0.0.0.0"; "--log"; "json" ]
                "Cmd", box [ "--model"; "/models/model.safetensors" ]
                "Env", box [ "PATH=/app"; "DOTNET_EnableDiagnostics=0"; "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt" ]
                "ExposedPorts", box (fields [ "8080/tcp", box (fields []) ])
                "Volumes", box (fields [ "/models", box (fields []) ])
                "StopSignal", box "SIGTERM"
                "Labels",
                box (
                    fields
                        [
                            "org.opencontainers.image.title", box "fae"
                            "org.opencontainers.image.version", box version
                            "org.opencontainers.image.revision", box (Shell.commit ())
                            "org.opencontainers.image.licenses", box "MIT"
                        ]
                )
                "Healthcheck",
                box (
                    fields
                        [
                            "Test", box [ "CMD"; "/app/fae"; "health"; "http://127.0.0.1:8080" ]
                            "Interval", seconds 30L
                            "Timeout", seconds 10L
                            "StartPeriod", seconds 30L
                        ]
                )
            ]

    fields
        [
            "architecture", box "amd64"
            "os", box "linux"
            "created", box "1970-01-01T00:00:00Z"
            "config", box settings
            "rootfs", box (fields [ "type", box "layers"; "diff_ids", box [ for _, _, plain in layers -> "sha256:" + plain ] ])
        ]

let private descriptor kind (size: int, name: string) =
    [ "mediaType", box $"application/vnd.oci.image.{kind}"; "digest", box $"sha256:{name}"; "size", box size ]

/// Writes artifacts/container/fae-VERSION.tar, which `docker load` and `podman load` read; with `precompiled` false faster, for tests.
let write (precompiled: bool) =
    if not (OperatingSystem.IsLinux()) then
        eprintfn "build: a container image is made on Debian 12"
        exit 5

    let version = Shell.property "Version"
    let work = Shell.inArtifacts [ "container" ] |> Shell.emptied
    let root = Shell.emptied (Path.Combine(work, "base"))
    baseSystem root
    let app = Shell.emptied (Path.Combine(work, "app"))
    Directory.Move(Publish.serving "linux-x64" precompiled, Path.Combine(app, "app"))
    let layout = Path.Combine(work, "layout")
    Directory.CreateDirectory(Path.Combine(layout, "blobs", "sha256")) |> ignore
    let layers = [ layer layout root; layer layout app ]
    let made = blob layout (bytesOf (config version layers))

    let manifest =
        fields
            [
                "schemaVersion", box 2
                "mediaType", box "application/vnd.oci.image.manifest.v1+json"
                "config", box (fields (descriptor "config.v1+json" made))
                "layers", box [ for size, name, _ in layers -> fields (descriptor "layer.v1.tar+gzip" (size, name)) ]
            ]

    let names = fields [ "org.opencontainers.image.ref.name", box version; "io.containerd.image.name", box $"fae:{version}" ]
    let listed = descriptor "manifest.v1+json" (blob layout (bytesOf manifest)) @ [ "annotations", box names ]
    let index = fields [ "schemaVersion", box 2; "manifests", box [ fields listed ] ]

    // Docker before 25 reads this list instead of the index.
    let older =
        [
            fields
                [
                    "Config", box $"blobs/sha256/{snd made}"
                    "RepoTags", box [ $"fae:{version}" ]
                    "Layers", box [ for _, name, _ in layers -> $"blobs/sha256/{name}" ]
                ]
        ]

    File.WriteAllText(Path.Combine(layout, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""")
    File.WriteAllBytes(Path.Combine(layout, "index.json"), bytesOf index)
    File.WriteAllBytes(Path.Combine(layout, "manifest.json"), bytesOf older)
    let image = Path.Combine(work, $"fae-{version}.tar")
    Shell.run "tar" [ "--create"; "--file"; image; "--directory"; layout; "--sort=name"; "--mtime=@0"; "." ]
    Sbom.write "Fae.Cli/Fae.Cli.fsproj" image
    Directory.Delete(root, true)
    Directory.Delete(root + ".packages", true)
    Directory.Delete(app, true)
    printfn $"wrote {image}, {FileInfo(image).Length / 1048576L} MiB"
