/// What the methods on features are made of: GLASS's shell, RD++'s Sinkhorn divergence, MSFlow's coupling.
module Fae.Spec.FeatureMethodLaws

open Fae.Core
open Fae.Detection
open Fae.Training
open Onnx
open TorchSharp

let private drawn (seed: uint64) salt (count: int) =
    Array.init count (fun i -> 2.0f * Random.toUnit (Random.hash (seed + salt) (uint64 i)) - 1.0f)

let private norm (a: float32[]) (b: float32[]) = sqrt (MemoryBank.squaredDistance a b)

/// Radius, centre and a point → a point of the shell.
type Project = float -> float32[] -> float32[] -> float32[]

let private projectTorch: Project =
    fun radius centre point ->
        use _ = torch.NewDisposeScope()
        let row (values: float32[]) = torch.tensor(values).reshape(1L, int64 values.Length)
        TorchShell.Project(row point, torch.tensor centre, torch.tensor (float32 radius)).data<float32>().ToArray()

let private shellCase (seed: uint64) (n: uint8) (r: uint8) =
    let d = 1 + int n % 40
    0.01 + float r / 64.0, drawn seed 1UL d, drawn seed 2UL d

let private shellLaws: Law<Project> list =
    [
        Law.forAll "every point lands in the shell" (fun project (seed, n, r) ->
            let radius, centre, point = shellCase seed n r
            let length = norm (project radius centre point) centre
            length >= radius - 1e-4 && length <= 2.0 * radius + 1e-4)
        Law.forAll "a point of the shell stays" (fun project (seed, n, r) ->
            let radius, centre, point = shellCase seed n r
            let once = Shell.project radius centre point
            norm (project radius centre once) once < 1e-4)
        Law.forAll "its direction stays" (fun project (seed, n, r) ->
            let radius, centre, point = shellCase seed n r
            let there = project radius centre point
            let dot = Array.map3 (fun p q (c: float32) -> float (p - c) * float (q - c)) there point centre |> Array.sum
            abs (dot - norm there centre * norm point centre) < 1e-3)
        Law.forAll "equals the plain definition" (fun project (seed, n, r) ->
            let radius, centre, point = shellCase seed n r
            norm (project radius centre point) (Shell.project radius centre point) < 1e-4)
    ]

let private shellMutants: (string * string * Project) list =
    [
        "three times the radius is allowed",
        "every point lands in the shell",
        (fun radius centre point ->
            let length = norm point centre
            let factor = float32 ((length |> max radius |> min (3.0 * radius)) / max 1e-12 length)
            Array.map2 (fun c p -> c + factor * (p - c)) centre point)
        "always on the inner sphere",
        "a point of the shell stays",
        (fun radius centre point ->
            let factor = float32 (radius / max 1e-12 (norm point centre))
            Array.map2 (fun c p -> c + factor * (p - c)) centre point)
        "on the other side",
        "its direction stays",
        (fun radius centre point -> Shell.project radius centre (Array.map2 (fun c p -> 2.0f * c - p) centre point))
        "pulled to the middle of the shell",
        "equals the plain definition",
        (fun radius centre point ->
            let factor = float32 (1.5 * radius / max 1e-12 (norm point centre))
            Array.map2 (fun c p -> c + factor * (p - c)) centre point)
    ]

/// Two sets of points → their divergence.
type Divergence = float32[][] -> float32[][] -> float

let private divergenceTorch: Divergence =
    fun a b ->
        use _ = torch.NewDisposeScope()
        let rows (points: float32[][]) = torch.tensor(Array.concat points).reshape(int64 points.Length, int64 points[0].Length)
        float (TorchSinkhorn.Divergence(rows a, rows b).item<float32>())

/// Points within 0.1 of zero: the iterations have converged.
let private sets (seed: uint64) (n: uint8) (m: uint8) =
    let points salt count = drawn seed salt (3 * count) |> Array.map (fun v -> 0.1f * v) |> Array.chunkBySize 3

    points 1UL (1 + int n % 6), points 2UL (1 + int m % 6)

let private sinkhornLaws: Law<Divergence> list =
    [
        Law.forAll "a set is at zero from itself in any order" (fun divergence (seed, n, m) ->
            let a, _ = sets seed n m
            abs (divergence a (Array.rev a)) < 1e-5)
        Law.forAll "it is symmetric and not negative" (fun divergence (seed, n, m) ->
            let a, b = sets seed n m
            let there, back = divergence a b, divergence b a
            there > -1e-5 && abs (there - back) < 1e-5)
        Law.forAll "a shifted set is at half the squared shift" (fun divergence (seed, n, m) ->
            let a, _ = sets seed n m
            let shifted = a |> Array.map (fun p -> [| p[0] + 0.1f; p[1] - 0.05f; p[2] |])
            abs (divergence a shifted - 0.5 * (0.01 + 0.0025)) < 1e-4)
        Law.once "two points against one" (fun divergence ->
            let pair, single = [| [| 0.0f |]; [| 0.1f |] |], [| [| 0.0f |] |]
            // The plan between them is forced and costs 0.0025. The pair's potentials to itself are equal, p, by symmetry, and
            // exp(2p/ε)·(1 + exp(−0.005/ε))/2 = 1.
            let self = -Sinkhorn.epsilon * log ((1.0 + exp (-0.005 / Sinkhorn.epsilon)) / 2.0)
            abs (divergence pair single - (0.0025 - 0.5 * self)) < 1e-5)
        Law.forAll "equals the plain definition" (fun divergence (seed, n, m) ->
            let a, b = sets seed n m
            abs (divergence a b - Sinkhorn.divergence a b) < 1e-5)
    ]

let private meanCost (a: float32[][]) (b: float32[][]) =
    Array.allPairs a b |> Array.averageBy (fun (x, y) -> 0.5 * MemoryBank.squaredDistance x y)

let private centreOf (points: float32[][]) = Array.transpose points |> Array.map Array.average

let private sinkhornMutants: (string * string * Divergence) list =
    [
        "the mean cost, with its bias", "a set is at zero from itself in any order", meanCost
        "one side counts more",
        "it is symmetric and not negative",
        (fun a b ->
            let height points = float (Array.item 1 (centreOf points))
            Sinkhorn.divergence a b + height b - height a)
        "twice the cost", "a shifted set is at half the squared shift", (fun a b -> 2.0 * Sinkhorn.divergence a b)
        "the distance of the centres", "two points against one", (fun a b -> 0.5 * MemoryBank.squaredDistance (centreOf a) (centreOf b))
        "the energy distance", "equals the plain definition", (fun a b -> meanCost a b - 0.5 * (meanCost a a + meanCost b b))
    ]

/// Weights and values → y, log |∂y/∂x|, and the s and t that made it.
type Coupler = uint64 -> float32[] -> float32[] * float * (float32[] * float32[])

let private float32s = TensorProto.Types.DataType.Float

/// Weights of any size, none of them zero.
let private weights seed =
    let mutable taken = 0UL

    { new WeightSource() with
        override _.Take(name, shape, _) =
            taken <- taken + 1UL
            NamedArray(name, shape, drawn seed taken (int (Array.reduce (*) shape)))
    }

/// A coupling of channels at a single place.
let private couplerBy (engine: Engine.Run) : Coupler =
    fun seed x ->
        let graph = OnnxGraph()
        let layers = GraphLayers(graph, weights seed)
        let input = graph.Input("x", float32s, 1, x.Length, 1, 1)
        let coupling = CouplingGraph.Append(layers, input, [||], x.Length, 0, "coupling", true)
        graph.Output("y", float32s, coupling.Value, 1, x.Length, 1, 1)
        graph.Output("determinant", float32s, coupling.LogDeterminant, 1, 1, 1, 1)
        graph.Output("raw", float32s, CouplingGraph.Raw "coupling", 1, x.Length, 1, 1)

        match engine graph [ "x", x, [| 1L; int64 x.Length; 1L; 1L |] ] [ "y"; "determinant"; "raw" ] with
        | [ y, _; determinant, _; raw, _ ] -> y, float determinant[0], Array.splitAt (raw.Length / 2) raw
        | _ -> invalidOp "three values"

/// The plain definition with the network of the graph.
let private couplerPlain: Coupler =
    fun seed x ->
        let _, _, made = couplerBy Engine.onnx seed x
        let y, determinant = Coupling.forward (fun _ -> made) x
        y, determinant, made

let private couplingCase (seed: uint64) (n: uint8) = drawn seed 77UL (2 + 2 * (int n % 3))

/// log |determinant| by elimination with pivots.
let private logDeterminant (matrix: float[][]) =
    let rec reduce (rows: float[] list) sum =
        match rows with
        | [] -> sum
        | _ ->
            let pivot = rows |> List.maxBy (fun row -> abs row[0])
            let others = rows |> List.filter (fun row -> not (obj.ReferenceEquals(row, pivot)))
            let below row = Array.map2 (fun v p -> v - p * Array.head row / pivot[0]) row pivot |> Array.tail
            reduce (List.map below others) (sum + log (abs pivot[0]))

    reduce (List.ofArray matrix) 0.0

let private couplingLaws: Law<Coupler> list =
    [
        Law.forAll "the first half is kept" (fun coupler (seed, n) ->
            let x = couplingCase seed n
            let y, _, _ = coupler seed x
            Array.truncate (x.Length / 2) y = Array.truncate (x.Length / 2) x)
        Law.forAll "the inverse gives x again" (fun coupler (seed, n) ->
            let x = couplingCase seed n
            let y, _, made = coupler seed x
            norm (Coupling.inverse (fun _ -> made) y) x < 1e-4)
        Law.forAll "its log-determinant is that of the Jacobian" (fun coupler (seed, n) ->
            let x = couplingCase seed n
            let step = 5e-3f

            let column i =
                let moved by =
                    let y, _, _ = coupler seed (Array.mapi (fun j v -> if i = j then v + by else v) x)
                    y

                Array.map2 (fun a b -> float (a - b) / (2.0 * float step)) (moved step) (moved -step)

            let _, determinant, _ = coupler seed x
            abs (logDeterminant (Array.init x.Length column) - determinant) < 0.02)
        Law.forAll "equals the plain definition" (fun coupler (seed, n) ->
            let x = couplingCase seed n
            let y, determinant, made = coupler seed x
            let plain, logs = Coupling.forward (fun _ -> made) x
            norm y plain < 1e-4 && abs (determinant - logs) < 1e-4)
    ]

let private couplingMutants: (string * string * Coupler) list =
    let changed change : Coupler = fun seed x -> couplerPlain seed x |> change x

    [
        "the halves change places", "the first half is kept", changed (fun _ (y, d, made) -> Array.rev y, d, made)
        "the shift is forgotten",
        "the inverse gives x again",
        changed (fun x (y, d, (s, t)) ->
            let half = x.Length / 2
            Array.mapi (fun i v -> if i < half then v else v - t[i - half]) y, d, (s, t))
        "the determinant of another sign", "its log-determinant is that of the Jacobian", changed (fun _ (y, d, made) -> y, -d, made)
        "a scale without its clamp",
        "equals the plain definition",
        changed (fun x (_, _, (s, t)) ->
            let kept, moved = Array.splitAt (x.Length / 2) x
            Array.append kept (Array.map3 (fun v k u -> v * exp k + u) moved s t), float (Array.sum s), (s, t))
    ]

let suites =
    [
        Suite.create
            "Shell"
            "The shell around the centre of good features that GLASS keeps its synthetic ones in."
            shellLaws
            [ "plain", Shell.project; "torch", projectTorch ]
            shellMutants
        Suite.create
            "Sinkhorn divergence"
            "The distance between two sets of points by entropic optimal transport (RD++)."
            sinkhornLaws
            [ "plain", Sinkhorn.divergence; "torch", divergenceTorch ]
            sinkhornMutants
        Suite.create
            "Affine coupling"
            "The invertible step of a normalising flow (MSFlow)."
            couplingLaws
            [ "plain", couplerPlain; "ONNX Runtime", couplerBy Engine.onnx; "torch", couplerBy Engine.torch ]
            couplingMutants
    ]
