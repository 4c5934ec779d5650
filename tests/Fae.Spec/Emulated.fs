/// The kernels that a GPU runs, on ILGPU's CPU accelerator; one case at a time.
module Fae.Spec.Emulated

open Fae.Core
open Fae.Kernels

let private device = lazy DeviceScoring.Emulated()

/// What the kernels make of it.
let on (work: DeviceScoring -> 'a) = lock device (fun () -> work device.Value)

let name = "ILGPU (CPU accelerator)"

/// A plan rendered: shapes and fills by the plain code, laid over one another by the kernel.
let render (bank: Image[]) (clean: Image) (plan: Plan) : Corrupted =
    let lay (rendered: Corrupted) (occlusion: Occlusion) =
        let shape = Shape.render clean.Height clean.Width occlusion.Softness occlusion.Shape
        let paint = Fill.paint bank clean occlusion.Fill

        let mask =
            Image.init 1 clean.Height clean.Width (fun _ y x ->
                let row, column = y - shape.Top, x - shape.Left

                if row >= 0 && row < shape.Rows && column >= 0 && column < shape.Columns then
                    shape.Values[row * shape.Columns + column]
                else
                    0.0f)

        let fill = Image.init clean.Channels clean.Height clean.Width (fun c y x -> paint y x c)

        let struct (image, touched) =
            on _.Composite(rendered.Image, rendered.Mask, mask, fill, occlusion.Opacity)

        { Image = image; Mask = touched }

    List.fold
        lay
        {
            Image = clean
            Mask = Image.constant 1 clean.Height clean.Width 0.0f
        }
        plan
