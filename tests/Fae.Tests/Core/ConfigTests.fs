module Fae.Tests.ConfigTests

open System.IO
open Expecto
open Fae.Core
open Fae.Data
open Fae.Tests.Helpers

/// A value other than the given one that a field takes.
let private other (field: Field) =
    let candidates =
        [
            Whole 1L
            Whole 2L
            Whole 3L
            Whole 12L
            Whole 64L
            Whole 128L
            Real 0.01
            Real 0.3
            Real 0.45
            Flag true
            Flag false
            Text "ssim"
            Text "max"
            Text "cells"
            Text "autoencoder"
            Text "bfloat16"
            Text "grey"
            Text "rgb"
            Text "distance"
            Text "int8"
            Wholes [ 1L; 3L ]
            Wholes [ 2L; 8L ]
            Reals [ 0.1; 0.2; 0.3 ]
            Texts [ "layer1"; "layer\"2\""; "" ]
        ]

    candidates
    |> List.tryFind (fun v ->
        match field.Set v Config.defaults with
        | Ok changed -> field.Get changed <> field.Get Config.defaults
        | Error _ -> false)

let tests =
    testList
        "Config"
        [
            test "the file that a configuration prints reads back as the same" {
                Expect.equal (parseConfig (Config.toToml Config.defaults)) (Ok Config.defaults) "defaults"
            }

            test "every key can be set, and survives printing and reading" {
                for field in Config.fields do
                    match other field with
                    | None -> failtest $"{field.Key} takes no other value"
                    | Some v ->
                        let changed =
                            match Config.set field.Key v Config.defaults with
                            | Ok config -> config
                            | Error e -> failtest (ConfigError.explain e)

                        match Config.check changed with
                        | Ok _ -> Expect.equal (parseConfig (Config.toToml changed)) (Ok changed) field.Key
                        | Error _ -> () // a side that the network cannot halve: refused by name, tested below
            }

            test "--set and the file read the same value of every key" {
                for field in Config.fields do
                    for value in field.Get Config.defaults :: Option.toList (other field) do
                        let ofText = field.Set (parseSetting (Setting.show value)) Config.defaults
                        Expect.equal ofText (field.Set value Config.defaults) $"{field.Key} = {Setting.show value}"

                Expect.equal (parseSetting "[1, two]") (Text "[1, two]") "no list of whole numbers"
            }

            test "a configuration without any fill is refused" {
                let bare = [ for fill in [ "plain"; "texture"; "patch"; "shade" ] -> $"corruption.{fill}_weight", Whole 0L ]

                match Config.apply bare Config.defaults |> Result.bind Config.check with
                | Ok _ -> failtest "it was accepted"
                | Error problems -> Expect.stringContains (problems |> List.map ConfigError.explain |> String.concat " ") "weight" "name"
            }

            test "the message for an unknown key names the nearest key" {
                Expect.equal
                    (Config.set "train.step" (Whole 3L) Config.defaults)
                    (Error(UnknownKey("train.step", "train.steps")))
                    "train.step"
            }

            test "a wrong type and a number out of range are refused with the key's name" {
                let message result =
                    match result with
                    | Ok _ -> ""
                    | Error e -> ConfigError.explain e

                Expect.stringContains (message (Config.set "train.steps" (Text "many") Config.defaults)) "train.steps" "type"
                Expect.stringContains (message (Config.set "train.held_out" (Real 0.9) Config.defaults)) "train.held_out" "range"

                let wide = { Config.defaults with Config.Score.Border = Some(Config.defaults.Image.Size / 2) }

                Expect.stringContains
                    (message (Config.check wide |> Result.mapError List.head))
                    "score.border"
                    "a border of half the picture"

                Expect.stringContains (message (Config.set "score.filter_size" (Whole 4L) Config.defaults)) "score.filter_size" "even"
            }

            test "all errors of a file are reported at once" {
                match parseConfig "[train]\nstep = 3\nbatch = 0\n[noise]\nsigma = \"big\"" with
                | Ok _ -> failtest "it was accepted"
                | Error lines -> Expect.equal lines.Length 3 "lines"
            }

            test "a size that is no multiple of the network's stride is refused" {
                match parseConfig "[image]\nsize = 250" with
                | Ok _ -> failtest "it was accepted"
                | Error lines -> Expect.stringContains (String.concat " " lines) "image.size" "name"
            }

            test "features in eight bits are for memory banks" {
                let int8 network = parseConfig $"[network]\n{network}\n[features]\nprecision = \"int8\""

                for network in [ "kind = \"memory_bank\""; "perceptual = \"memory_bank\"" ] do
                    Expect.isOk (int8 network) network

                for network in [ "kind = \"glass\""; "perceptual = \"distance\""; "kind = \"unet\"" ] do
                    match int8 network with
                    | Ok _ -> failtest $"{network} was accepted"
                    | Error lines -> Expect.stringContains (String.concat " " lines) "features.precision" network
            }

            test "docs/reference/configuration.md is the table of the code (FAE_WRITE_DOCS=1 writes it)" {
                let path = Path.Combine(repository, "docs", "reference", "configuration.md")
                let text = Config.toMarkdown () + "\n"

                if System.Environment.GetEnvironmentVariable "FAE_WRITE_DOCS" = "1" then
                    File.WriteAllText(path, text)

                Expect.equal (File.ReadAllText path) text "the file"
            }

            test "every configuration that ships is accepted" {
                let root = Path.Combine(repository, "configs")
                let files = Directory.GetFiles(root, "*.toml", SearchOption.AllDirectories)
                Expect.isGreaterThanOrEqual files.Length 4 "files"

                for file in files do
                    match ConfigFile.read file with
                    | Ok _ -> ()
                    | Error lines -> failtest (file + ": " + String.concat "; " lines)
            }
        ]
