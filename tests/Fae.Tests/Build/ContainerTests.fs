/// The container image: its form, and the server in it.
module Fae.Tests.ContainerTests

open System
open System.Diagnostics
open System.IO
open System.Security.Cryptography
open System.Text.Json.Nodes
open System.Text.RegularExpressions
open Expecto
open Fae.Dev
open Fae.Tests.Helpers
open Fae.Tests.Serving

let private image = Path.Combine(repository, "artifacts", "container", $"""fae-{Shell.property "Version"}.tar""")

let private child (json: JsonNode) (key: string) =
    match json[key] with
    | null -> failtest $"'{key}' is missing in {json}"
    | value -> value

let private texts (json: JsonNode) = [ for value in json.AsArray() -> string value ]

/// The image's blobs by digest, its configuration, and its layers from the lowest up.
let private opened folder =
    Expect.isTrue (File.Exists image) $"{image}: `dotnet fsi build.fsx Test` makes it"
    Expect.equal (command "tar" [ "--extract"; "--file"; image; "--directory"; folder ]).Code 0 "an archive"
    let blob (digest: string) = Path.Combine(folder, "blobs", "sha256", digest.Replace("sha256:", ""))
    let json (path: string) = nonNull (JsonNode.Parse(File.ReadAllText path))
    let index = json (Path.Combine(folder, "index.json"))
    let manifest = json (blob (textOf (nonNull (child index "manifests").[0]) "digest"))
    let config = json (blob (textOf (child manifest "config") "digest"))
    let layers = [ for layer in (child manifest "layers").AsArray() -> blob (textOf (nonNull layer) "digest") ]
    config, layers

let private unpacked folder (layers: string list) =
    let root = Path.Combine(folder, "root")
    Directory.CreateDirectory root |> ignore

    for layer in layers do
        let run = command "tar" [ "--extract"; "--gzip"; "--same-owner"; "--file"; layer; "--directory"; root ]
        Expect.equal run.Code 0 run.Error

    root

/// Runs a command in the image's files as a container engine would: as its user, its root not writable, /proc and /dev of its own.
let private contained (root: string) (args: string list) =
    let script =
        "mount --bind $1 $1 && mount -t proc proc $1/proc && mount --rbind /dev $1/dev && mount -t tmpfs tmpfs $1/tmp "
        + "&& mount -o remount,bind,ro $1 && root=$1 && shift && exec chroot --userspec=1654:1654 $root \"$@\""

    [ "--mount"; "--fork"; "--pid"; "--kill-child"; "sh"; "-c"; script; "sh"; root ] @ args

let tests =
    oneByOne
        "Container"
        [
            test "the image is whole, small, and of a user without rights" {
                inTemporaryFolder (fun folder ->
                    let config, layers = opened folder

                    for file in Directory.GetFiles(Path.Combine(folder, "blobs", "sha256")) do
                        let digest = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes file))
                        Expect.equal digest (string (Path.GetFileName file)) "a blob's name is its digest"

                    Expect.isLessThan (layers |> List.sumBy (fun layer -> FileInfo(layer).Length)) 250_000_000L "250 MB at most"
                    let settings = child config "config"
                    Expect.equal (textOf settings "User") "1654:1654" "no root"
                    Expect.equal (texts (child settings "Entrypoint") |> List.truncate 2) [ "/app/fae"; "serve" ] "the server"
                    Expect.equal (texts (child (child settings "Healthcheck") "Test")).[2] "health" "its health check"
                    let root = unpacked folder layers
                    Expect.isEmpty (NativeImage.problemsOf "linux-x64" false (Path.Combine(root, "app"))) "native libraries"
                    Expect.isFalse (File.Exists(Path.Combine(root, "bin", "sh"))) "no shell"
                    let certificates = File.ReadAllText(Path.Combine(root, "etc", "ssl", "certs", "ca-certificates.crt"))
                    Expect.isGreaterThan (Regex.Count(certificates, "BEGIN CERTIFICATE")) 100 "authorities"

                    // What fae is not asked to write is root's.
                    let owned = command "find" [ root; "-user"; "1654" ]
                    Expect.equal (owned.Output.Trim()) (Path.Combine(root, "data")) "the user's own")
            }
            test "its bill of materials lists what is in it, at the locked versions, and no libtorch" {
                let bill = nonNull (JsonNode.Parse(File.ReadAllText(image + ".cdx.json")))

                let parts =
                    [
                        for part in (child bill "components").AsArray() -> textOf (nonNull part) "name", textOf (nonNull part) "version"
                    ]
                    |> Map.ofList

                for name in [ "Microsoft.ML.OnnxRuntime"; "MQTTnet" ] do
                    Expect.equal parts[name] (Shell.locked name) name

                Expect.equal parts["NetVips.Native.linux-x64"] (Shell.property "VipsVersion") "libvips"
                Expect.isFalse (parts |> Map.exists (fun name _ -> name.StartsWith "libtorch")) "no libtorch"
            }
            test "the server in it answers, as its user and without a writable file, and its health check sees that" {
                if (command "unshare" [ "--mount"; "true" ]).Code <> 0 then
                    // Without the right to mount there is nothing to run it in; its layers were checked above.
                    ()
                else
                    inTemporaryFolder (fun folder ->
                        let config, layers = opened folder
                        let root = unpacked folder layers
                        File.Copy(brightnessModel folder, Path.Combine(root, "models", "model.safetensors"))
                        let port = freePort ()
                        let settings = child config "config"
                        let entry = texts (child settings "Entrypoint") @ texts (child settings "Cmd") @ [ "--port"; string port ]
                        let start = ProcessStartInfo("unshare", contained root entry, RedirectStandardError = true)

                        for pair in texts (child settings "Env") do
                            let parts = pair.Split('=', 2)
                            // The path of the container holds no chroot.
                            if parts[0] <> "PATH" then start.Environment[parts[0]] <- parts[1]

                        use server = nonNull (Process.Start start)
                        let said = server.StandardError.ReadToEndAsync()

                        try
                            use http = client ()
                            let url = $"http://127.0.0.1:{port}"

                            let ready () =
                                try
                                    http.GetAsync(url + "/ready").Result.IsSuccessStatusCode
                                with :? AggregateException ->
                                    if server.HasExited then failtest said.Result
                                    false

                            until 60.0 (fun () -> "the container is not ready") ready
                            let answer = json (post http (url + "/v1/inspect") (lightPicture 0)).Result
                            Expect.equal (textOf answer "anomalous") "true" "a verdict"
                            let health = command "unshare" (contained root [ "/app/fae"; "health"; url ])
                            Expect.equal health.Code 0 health.Error
                            let wrong = command "unshare" (contained root [ "/app/fae"; "health"; $"http://127.0.0.1:{freePort ()}" ])
                            Expect.equal wrong.Code 5 wrong.Error
                        finally
                            server.Kill true

                        for line in said.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
                            Expect.equal (textOf (nonNull (JsonNode.Parse line)) "Category") "fae" "the log is Fae's alone, in JSON")
            }
            test "the dashboard and the compose file ask for metrics and options that there are" {
                let sample name = File.ReadAllText(Path.Combine(repository, "samples", "09-compose", name))
                let telemetry = File.ReadAllText(Path.Combine(repository, "src", "Fae.Server", "Telemetry.fs"))
                let names = Regex.Matches(sample "dashboard.json", @"fae_[a-z_]+") |> Seq.map _.Value |> Seq.distinct |> List.ofSeq
                Expect.isGreaterThan names.Length 5 "metrics"

                for name in names do
                    let plain = Regex.Replace(name, "_(count|bucket|sum)$", "")
                    Expect.stringContains telemetry $"\"{plain}\"" name

                Expect.isNotNull (JsonNode.Parse(sample "dashboard.json")) "JSON"
                Expect.stringContains (sample "compose.yaml") $"""image: fae:{Shell.property "Version"}""" "this version's image"
                let help = (fae [ "serve"; "--help" ]).Output

                for found in Regex.Matches(sample "compose.yaml", "\"(--[a-z-]+)\"") do
                    Expect.stringContains help found.Groups[1].Value "an option"
            }
        ]
