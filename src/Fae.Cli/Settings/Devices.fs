/// Where networks run: which libtorch, which device.
namespace Fae.Cli

open System.IO
open Fae.Data
open Fae.Training
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module Devices =
    /// The user's own settings, for all that they do on this machine.
    let private userSettings =
        Path.Combine(
            System.Environment.GetFolderPath(
                System.Environment.SpecialFolder.ApplicationData,
                System.Environment.SpecialFolderOption.DoNotVerify
            ),
            "fae",
            "settings.toml"
        )

    /// The folder of a libtorch other than the one beside the program: FAE_LIBTORCH, or `libtorch` in the user's settings.
    let private configuredLibtorch () =
        match System.Environment.GetEnvironmentVariable TorchLibraries.Variable with
        | NonNull folder when folder <> "" -> Ok(Some folder)
        | _ when File.Exists userSettings -> ConfigFile.libtorchFolder userSettings |> Result.mapError Usage
        | _ -> Ok None

    /// Loads the libtorch that the user named. Call it before the first tensor.
    let libtorch () =
        result {
            match! configuredLibtorch () with
            | Some folder when isNull TorchLibraries.Folder ->
                match TorchLibraries.Use folder with
                | null -> ()
                | problem -> return! Error(Machine problem)

                match TorchLibraries.Foreign with
                | null -> ()
                | version ->
                    let apart = $"the libtorch in {TorchLibraries.Folder} is {version}, TorchSharp was built for {TorchLibraries.Wanted}"

                    match CompatibilityTrial.Problem() with
                    | null -> Console.warn $"{apart}; a small training with it goes well"
                    | problem ->
                        return!
                            Error(
                                Machine(
                                    $"{apart}, and the two do not work together: {problem}; take a libtorch of version "
                                    + $"{TorchLibraries.Wanted}"
                                )
                            )
            | _ -> ()
        }

    let device (name: string option) =
        result {
            do! libtorch ()

            if not TorchLibraries.Any then
                return!
                    Error(
                        Machine(
                            "this Fae carries no libtorch, which training needs: install the tool fae-training instead, or name one in "
                            + $"{TorchLibraries.Variable} (an unpacked libtorch, or the folder torch/lib of a PyTorch wheel)"
                        )
                    )

            return!
                match TorchRuntime.Find(defaultArg name "auto") with
                | null, problem -> Error(Machine problem)
                | device, _ -> Ok device
        }

    /// Where a detector works: null, the CPU, without libtorch, or the device of that name.
    let detectingDevice (name: string option) : Result<TorchSharp.torch.Device | null, Fault> =
        match name with
        | Some "cpu" -> Ok null
        | _ ->
            result {
                do! libtorch ()

                if (name = None || name = Some "auto") && not TorchLibraries.HasCuda then
                    return null
                else
                    let! device = device name

                    return (if device.``type`` = TorchSharp.DeviceType.CPU then null else device)
            }
