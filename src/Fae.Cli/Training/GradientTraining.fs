/// Training by gradient steps, with a progress line, TensorBoard and a checkpoint.
namespace Fae.Cli

open System
open System.IO
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Training
open TorchSharp
open TorchSharp.Modules
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module GradientTraining =
    /// The checkpoint of a run's folder.
    let checkpointPath out = Path.Combine(out, "checkpoint.safetensors")

    let private checkpoint path fingerprint resume =
        if not resume then
            Ok None
        elif not (File.Exists path) then
            Console.say $"there is no checkpoint in {Path.GetDirectoryName path} yet: the training starts anew"
            Ok None
        else
            try
                Ok(Some(CheckpointFile.Read(path, fingerprint)))
            with :? InvalidDataException as e ->
                Error(Model(path, e.Message))

    /// A step's line in TensorBoard; the loss of every tenth step is enough to draw it.
    let private record (events: SummaryWriter) (p: TrainProgress) =
        let add (name: string) (value: float) = events.add_scalar (name, float32 value, p.Step)

        if p.Step % 10 = 0 || p.SyntheticAuroc.HasValue then
            add "train/loss" p.Loss
            add "train/images_per_second" p.ImagesPerSecond

        if p.SyntheticAuroc.HasValue then
            add "validation/clean_error" (p.CleanError.GetValueOrDefault())
            add "validation/synthetic_pixel_auroc" (p.SyntheticAuroc.GetValueOrDefault())

        p

    /// Runs the training loop with a progress line in the terminal.
    let private steps clock config network source validation save record (from: Checkpoint option) stop =
        Console.training clock config.Train.Steps (fun show say ->
            let trainer =
                Trainer(
                    network,
                    config.Objective,
                    config.Train,
                    InputGeometry.trainSide config,
                    source,
                    validation,
                    Progress = (record >> show),
                    Preparing = (fun () -> say "looks at features of good pictures before the first step …"),
                    Warn = (fun text -> say ("warning: " + text)),
                    Save = save
                )

            try
                Ok(trainer.Run(Option.toObj from, stop))
            with :? OperationCanceledException ->
                Error(Machine "stopped before the first step; no model was written"))

    /// Trains in the folder `out`, from its checkpoint if the user resumes; `mark` says which run a checkpoint belongs to.
    let run clock (config: Config) channels device (backbone: Backbone option) source validation mark out resume stop =
        result {
            use network =
                new Network(
                    config.Network,
                    channels,
                    Random.fork 3UL (Random.ofSeed (uint64 config.Train.Seed)),
                    device,
                    Option.toObj backbone
                )

            let path = checkpointPath out
            let! from = checkpoint path mark resume
            let events = torch.utils.tensorboard.SummaryWriter((out: string), createRunName = false)
            let save state = CheckpointFile.Write(path, state, mark)
            return! steps clock config network source validation save (record events) from stop
        }
