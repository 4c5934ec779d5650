/// Eight-bit numbers in the place of real ones, and distances to a memory bank by them.
module Fae.Spec.QuantisationLaws

open Fae.Core
open Fae.Detection
open Onnx

let private float32s = TensorProto.Types.DataType.Float

/// Values after they were bytes of a range.
type Rounding = float32 * float32 -> float32[] -> float32[]

let private roundPlain: Rounding = fun (low, high) -> Array.map (Quantisation.rounded (Quantisation.ofRange low high))

/// A graph as `BackboneQuantiser` writes it.
let private roundBy (engine: Engine.Run) : Rounding =
    fun (low, high) values ->
        let graph = OnnxGraph()
        let by = Quantisation.ofRange low high
        let input = graph.Input("values", float32s, "n")
        let target = QuantisedGraph(graph.Proto)
        target.AddRounding(input, by)
        graph.Output("output", float32s, QuantisedGraph.Dequantised input, "n")
        engine graph [ "values", values, [| int64 values.Length |] ] [ "output" ] |> List.head |> fst

/// A range with 0 in it or not, and values in and around it.
let private values (seed: uint64) (n: uint8) =
    let unit i = Random.toUnit (Random.hash seed (uint64 i))
    let low = 4.0f * unit 0 - 3.0f
    let high = low + 0.1f + 4.0f * unit 1
    (low, high), Array.init (300 + int n) (fun i -> low - 1.0f + (high - low + 2.0f) * unit (i + 2))

let private ends (low, high) = min low 0.0f, max high 0.0f

let private step range = (Quantisation.ofRange (fst range) (snd range)).Scale

let private roundingLaws: Law<Rounding> list =
    [
        Law.forAll "0 stays 0" (fun round (seed, n) -> round (fst (values seed n)) [| 0.0f |] = [| 0.0f |])
        Law.forAll
            "a value in the range changes by at most half a step, but for the zero point's rounding at the ends"
            (fun round (seed, n) ->
                let range, all = values seed n
                let low, high = ends range
                let inside = all |> Array.filter (fun v -> v >= low + step range && v <= high - step range)
                Array.forall2 (fun a b -> abs (a - b) <= 0.501f * step range) (round range inside) inside)
        Law.forAll "a value outside of it becomes its end" (fun round (seed, n) ->
            let range, _ = values seed n
            let low, high = ends range
            let far = round range [| low - 1.0f; high + 1.0f |]
            abs (far[0] - low) <= 0.501f * step range && abs (far[1] - high) <= 0.501f * step range)
        Law.forAll "larger values do not become smaller ones" (fun round (seed, n) ->
            let range, all = values seed n
            let rounded = round range (Array.sort all)
            rounded = Array.sort rounded)
        Law.forAll "it takes at most 256 values, and those do not change again" (fun round (seed, n) ->
            let range, all = values seed n
            let once = round range all

            (Array.distinct once).Length <= 256
            && Array.forall2 (fun a b -> abs (a - b) < 1e-4f * step range) (round range once) once)
        Law.forAll "equals the plain definition" (fun round (seed, n) ->
            let range, all = values seed n
            // A value halfway between two bytes may become either, by how the division is rounded.
            let halfway v = abs (abs (v / step range) % 1.0f - 0.5f) < 1e-3f
            let all = all |> Array.filter (halfway >> not)
            Array.forall2 (fun a b -> abs (a - b) < 1e-4f * step range) (round range all) (roundPlain range all))
    ]

let private roundingMutants: (string * string * Rounding) list =
    let by (low, high) = Quantisation.ofRange low high

    [
        "a zero point that is no whole number",
        "0 stays 0",
        (fun range -> Array.map (fun v -> fst (ends range) + step range * round ((v - fst (ends range)) / step range)))
        "rounded down",
        "a value in the range changes by at most half a step, but for the zero point's rounding at the ends",
        (fun range -> Array.map (fun v -> Quantisation.rounded (by range) (v - 0.5f * step range)))
        "what is outside wraps around",
        "a value outside of it becomes its end",
        (fun range ->
            Array.map (fun v ->
                let number = int (round (v / step range)) + int (by range).ZeroPoint
                Quantisation.dequantise (by range) (byte (number &&& 255))))
        "magnitudes", "larger values do not become smaller ones", (fun range -> roundPlain range >> Array.map abs)
        "not rounded at all",
        "it takes at most 256 values, and those do not change again",
        (fun range -> Array.map (fun v -> max (fst (ends range)) (min (snd (ends range)) v)))
        "seven bits",
        "equals the plain definition",
        (fun range -> Array.map (fun v -> 2.0f * step range * round (Quantisation.rounded (by range) v / (2.0f * step range))))
    ]

/// Distances of vectors to a bank.
type Distances = float32[][] -> float32[][] -> float[]

let private nearestPlain: Distances = fun bank -> Array.map (MemoryBank.distanceByInt8 bank)

let private nearestBy (engine: Engine.Run) : Distances =
    let build graph input entries = QuantisedSearch.Nearest(graph, input, entries)
    fun bank -> Engine.ofVectors engine build bank >> Array.map float

/// A bank and vectors with values from `low`, 0 or −1, to 1.
let private case (seed: uint64) (n: uint8) (d: uint8) =
    let width = 1 + int d % 50
    let signed = seed % 2UL = 0UL

    let value salt i =
        let unit = Random.toUnit (Random.hash (seed + salt) (uint64 i))
        if signed then 2.0f * unit - 1.0f else unit

    let drawn salt count = Array.init count (fun i -> Array.init width (fun j -> value salt (i * width + j)))
    drawn 1UL (1 + int n % 30), drawn 2UL (1 + int n % 7)

let private length (vector: float32[]) = vector |> Array.sumBy (fun v -> float v * float v) |> sqrt

/// What rounding moves a vector by.
let private moved rounded vector = length (Array.map2 (-) (rounded vector) vector)

let private near (a: float[]) (b: float[]) = Array.forall2 (fun x y -> abs (x - y) <= 1e-4) a b

/// Whether the found distance is that of an entry which is the nearest after rounding, or as near but for a rounding of the offsets.
let private isOfNearest (bank: float32[][]) (vector: float32[]) (found: float) =
    let by = Quantisation.ofBank bank
    let query = Array.map (Quantisation.rounded by) vector
    let rounded = bank |> Array.map (Quantisation.roundedWeights >> MemoryBank.squaredDistance query)
    let tolerance = 2.0 * float by.Scale / float Quantisation.largestWeight + 4e-6 * float query.Length

    Array.exists2
        (fun entry distance -> distance <= Array.min rounded + tolerance && abs (MemoryBank.nearest [| entry |] vector - found) <= 1e-4)
        bank
        rounded

let private nearestLaws: Law<Distances> list =
    [
        Law.forAll "an entry of the bank has distance zero, unless another is as near after rounding" (fun distances (seed, n, d) ->
            let bank, _ = case seed n d
            let found = distances bank bank

            Array.forall2 (isOfNearest bank) bank found
            && (bank.Length > 3 || bank[0].Length < 8 || near found (Array.map (fun _ -> 0.0) found)))
        Law.forAll "at least the distance to the nearest; farther by no more than rounding moves vectors" (fun distances (seed, n, d) ->
            let bank, vectors = case seed n d
            let byBank = bank |> Array.map (moved Quantisation.roundedWeights) |> Array.max

            Array.forall2
                (fun found vector ->
                    let byBytes = moved (Array.map (Quantisation.rounded (Quantisation.ofBank bank))) vector
                    let nearest = MemoryBank.nearest bank vector
                    found >= nearest - 1e-4 && found <= nearest + 2.0 * (byBank + byBytes) + 0.02)
                (distances bank vectors)
                vectors)
        Law.forAll "the order of the bank does not matter" (fun distances (seed, n, d) ->
            let bank, vectors = case seed n d
            Array.forall2 (isOfNearest bank) vectors (distances (Array.rev bank) vectors))
        Law.forAll "the other vectors do not matter" (fun distances (seed, n, d) ->
            let bank, vectors = case seed n d
            let among = distances bank (Array.append vectors [| Array.map (fun v -> 9.0f * v) vectors[0] |])
            isOfNearest bank vectors[0] among[0])
        Law.forAll "equals the plain definition" (fun distances (seed, n, d) ->
            let bank, vectors = case seed n d

            Array.forall2
                (fun (found, plain) vector -> abs (found - plain) <= 1e-4 || isOfNearest bank vector found)
                (Array.zip (distances bank vectors) (nearestPlain bank vectors))
                vectors)
    ]

let private nearestMutants: (string * string * Distances) list =
    let among bank (choose: float32[] -> int) = Array.map (fun vector -> MemoryBank.nearest [| Array.item (choose vector) bank |] vector)

    [
        "the distance of the rounded vectors",
        "an entry of the bank has distance zero, unless another is as near after rounding",
        (fun bank ->
            Array.map (
                Array.map (Quantisation.rounded (Quantisation.ofBank bank))
                >> MemoryBank.nearest (Array.map Quantisation.roundedWeights bank)
            ))
        "the second nearest",
        "at least the distance to the nearest; farther by no more than rounding moves vectors",
        (fun bank ->
            among bank (fun vector ->
                let order = bank |> Array.indexed |> Array.sortBy (snd >> MemoryBank.squaredDistance vector) |> Array.map fst
                order[min 1 (order.Length - 1)]))
        "the first half of the bank",
        "the order of the bank does not matter",
        (fun bank -> nearestPlain (Array.truncate ((bank.Length + 1) / 2) bank))
        "bytes by the range of the vectors",
        "the other vectors do not matter",
        (fun bank vectors ->
            let by = Quantisation.ofRange (20.0f * Array.min (Array.concat vectors)) (20.0f * Array.max (Array.concat vectors))

            vectors
            |> among bank (fun vector ->
                let query = Array.map (Quantisation.rounded by) vector
                bank |> Array.indexed |> Array.minBy (snd >> MemoryBank.squaredDistance query) |> fst))
        "without a sign",
        "equals the plain definition",
        (fun bank -> among bank (fun vector -> MemoryBank.nearestByInt8 bank (Array.map (max 0.0f) vector)))
    ]

let suites =
    [
        Suite.create
            "Quantisation to bytes"
            "Activations of a pretrained network as bytes: features.precision = \"int8\"."
            roundingLaws
            [ "plain", roundPlain; "ONNX Runtime", roundBy Engine.onnx; "torch", roundBy Engine.torch ]
            roundingMutants
        Suite.create
            "Nearest neighbours by eight bits"
            "The distance of a vector to the entry of a memory bank that is the nearest in eight bits, as a detector computes it."
            nearestLaws
            [ "plain", nearestPlain; "ONNX Runtime", nearestBy Engine.onnx; "torch", nearestBy Engine.torch ]
            nearestMutants
    ]
