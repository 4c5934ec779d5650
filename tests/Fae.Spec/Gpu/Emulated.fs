/// The kernels' PTX, interpreted and launched as on a GPU; where there is a GPU, on it too, without libtorch. One case at a time.
module Fae.Spec.Emulated

open Fae.Core
open Fae.Gpu
open Fae.Ptx

type Device(name: string, start: unit -> DeviceMachine) =
    let machine = lazy start ()
    let scoring = lazy new DeviceScoring(machine.Value)

    /// What the machine makes of it.
    member _.Use(work: DeviceMachine -> 'a) = lock machine (fun () -> work machine.Value)

    /// What the kernels of scoring make of it.
    member device.On(work: DeviceScoring -> 'a) = device.Use(fun _ -> work scoring.Value)

    member _.Name = name

let devices =
    [
        Device("PTX (interpreted)", (fun () -> new DriverMachine(new Interpreter.Driver(8, 0))))
        if isNull (DriverMachine.Missing()) then
            Device("PTX (GPU)", (fun () -> DriverMachine.OfGpu 0))
    ]

/// An implementation on each of them, by name.
let each (implementation: Device -> 'I) = [ for device in devices -> device.Name, implementation device ]

/// A plan rendered: shapes and fills by the plain code, laid over one another by the kernel.
let render (device: Device) (bank: Image[]) (clean: Image) (plan: Plan) : Corrupted =
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

        let struct (image, touched) = device.On _.Composite(rendered.Image, rendered.Mask, mask, fill, occlusion.Opacity)

        { Image = image; Mask = touched }

    List.fold lay { Image = clean; Mask = Image.constant 1 clean.Height clean.Width 0.0f } plan
