/// Writes the demo data set in the MVTec layout.
namespace Fae.Data

open System.IO
open Fae.Core
open Fae.Imaging

[<RequireQualifiedAccess>]
module Demo =
    let private write path image = Fae.Detection.AtomicFile.Write(path, fun stream -> stream.Write(ImageEncoder.toPng image))

    /// Writes the data set in MVTec's layout.
    let make (folder: string) (seed: uint64) (train: int) (good: int) (bad: int) =
        let root = Random.ofSeed seed
        let partOf label (i: int) = Sampler.value (Random.fork (uint64 i) (Random.fork label root)) DemoPart.parts

        let each count work = System.Threading.Tasks.Parallel.For(0, count, System.Action<int> work) |> ignore

        each train (fun i -> write (Path.Combine(folder, "train", "good", $"{i:D3}.png")) (DemoPart.draw (partOf 1UL i) -1))

        each good (fun i -> write (Path.Combine(folder, "test", "good", $"{i:D3}.png")) (DemoPart.draw (partOf 2UL i) -1))

        let defective kind i image mask =
            write (Path.Combine(folder, "test", kind, $"{i:D3}.png")) image
            write (Path.Combine(folder, "ground_truth", kind, $"{i:D3}_mask.png")) mask

        for number, (kind, plans) in List.indexed DemoDefects.kinds do
            each bad (fun i ->
                let label = uint64 (10 + number)
                let clean = DemoPart.draw (partOf label i) -1

                let rendered = Plan.render [||] clean (Sampler.value (Random.fork (uint64 (1000 + i)) (Random.fork label root)) plans)

                defective kind i rendered.Image (Image.map (fun m -> if m >= 0.25f then 1.0f else 0.0f) rendered.Mask))

        each bad (fun i ->
            let image, mask = DemoPart.missingBore (partOf 30UL i) (i % 4)
            defective "missing_bore" i image mask)
