/// Patch embeddings, and distances to the nearest entry of a memory bank.
module Fae.Spec.FeatureLaws

open Fae.Core
open Fae.Detection
open Onnx

let private float32s = TensorProto.Types.DataType.Float

/// Maps of stages, the largest first, as one map.
type Embedder = Image list -> Image

let private embedPlain: Embedder = Embedding.ofStages

let private embedBy unitLength (engine: Engine.Run) : Embedder =
    fun stages ->
        let graph = OnnxGraph()
        let shape (stage: Image) = [| 1L; int64 stage.Channels; int64 stage.Height; int64 stage.Width |]

        let names =
            stages
            |> List.mapi (fun i stage -> graph.Input($"stage_{i}", float32s, [| for n in shape stage -> n :> obj |]))

        graph.Output("output", float32s, EmbeddingGraph.OfStages(graph, Array.ofList names, unitLength), "n", "d", "h", "w")
        let inputs = List.map2 (fun name (stage: Image) -> name, stage.Pixels, shape stage) names stages
        let values, shape = engine graph inputs [ "output" ] |> List.head
        Image.ofArray (int shape[1]) (int shape[2]) (int shape[3]) values

/// Two stages of values in [−1, 1], the second of its own, smaller size.
let private stages (seed: uint64) (a: uint8) (b: uint8) =
    let map salt channels side =
        Image.init channels side (side + 1) (fun c y x ->
            2.0f * Random.toUnit (Random.hash (seed + salt) (uint64 ((c * 64 + y) * 64 + x))) - 1.0f)

    let large = 2 + int a % 12
    [ map 1UL (1 + int b % 3) large; map 2UL 2 (1 + int b % large) ]

let private embeddingLaws: Law<Embedder> list =
    [
        Law.forAll "it has the first stage's size and the channels of all" (fun embed (seed, a, b) ->
            let all = stages seed a b
            let embedding = embed all
            let first = List.head all

            (embedding.Channels, embedding.Height, embedding.Width) = (List.sumBy _.Channels all, first.Height, first.Width))
        Law.forAll "sums and multiples of stages are those of the embeddings" (fun embed (seed, a, b) ->
            let x, y = stages seed a b, stages (seed + 9UL) a b
            let combine = Image.map2 (fun u v -> 2.0f * u - 0.5f * v)
            Near.images 1e-4f (embed (List.map2 combine x y)) (combine (embed x) (embed y)))
        Law.forAll "mirrored stages give the mirrored embedding" (fun embed (seed, a, b) ->
            let all = stages seed a b
            Near.images 1e-4f (embed (List.map Image.flip all)) (Image.flip (embed all)))
        Law.once "away from the border a constant stays constant" (fun embed ->
            let constant = embed [ Image.constant 1 8 8 0.5f; Image.constant 1 8 8 0.25f ]
            Near.images 1e-5f (Image.crop 1 1 6 6 constant) (Image.init 2 6 6 (fun c _ _ -> if c = 0 then 0.5f else 0.25f)))
        Law.once "zeros lie outside: a corner has four of nine" (fun embed ->
            let corner = embed [ Image.constant 1 5 5 0.9f ]
            abs (corner[0, 0, 0] - 0.4f) < 1e-5f)
        Law.forAll "equals the plain definition" (fun embed (seed, a, b) ->
            let all = stages seed a b
            Near.images 1e-4f (embed all) (embedPlain all))
    ]

let private embeddingMutants: (string * string * Embedder) list =
    [
        "the last stage is forgotten", "it has the first stage's size and the channels of all", (fun all -> embedPlain [ List.head all ])
        "values are cut at zero", "sums and multiples of stages are those of the embeddings", (embedPlain >> Image.map (max 0.0f))
        "the windows lean to the right",
        "mirrored stages give the mirrored embedding",
        (List.map (fun s -> Image.init s.Channels s.Height s.Width (fun c y x -> s[c, y, min (s.Width - 1) (x + 1)]))
         >> embedPlain)
        "the sum of nine", "away from the border a constant stays constant", (embedPlain >> Image.map (fun v -> 9.0f * v))
        "windows are cut at the border",
        "zeros lie outside: a corner has four of nine",
        (fun all ->
            let first = List.head all
            let sized = all |> List.map (MeanFilter.once 3 >> Embedding.resize first.Height first.Width)
            Image.ofArray (List.sumBy _.Channels sized) first.Height first.Width (sized |> List.map _.Pixels |> Array.concat))
        "the nearest place of a smaller stage",
        "equals the plain definition",
        (fun all ->
            let first = List.head all

            let nearest (s: Image) =
                Image.init s.Channels first.Height first.Width (fun c y x -> s[c, y * s.Height / first.Height, x * s.Width / first.Width])

            let sized = all |> List.map (Embedding.neighbourhood >> nearest)
            Image.ofArray (List.sumBy _.Channels sized) first.Height first.Width (sized |> List.map _.Pixels |> Array.concat))
    ]

let private embedUnit: Embedder = Embedding.ofUnitStages

/// The channels of each stage.
let private parts (all: Image list) (embedding: Image) =
    let ends = all |> List.scan (fun at stage -> at + stage.Channels) 0

    List.zip (List.truncate all.Length ends) all
    |> List.map (fun (first, stage) ->
        Array.sub embedding.Pixels (first * embedding.Area) (stage.Channels * embedding.Area)
        |> Image.ofArray stage.Channels embedding.Height embedding.Width)

/// The length of the vector at each place.
let private lengths (part: Image) =
    Image.init 1 part.Height part.Width (fun _ y x -> sqrt (List.sumBy (fun c -> part[c, y, x] * part[c, y, x]) [ 0 .. part.Channels - 1 ]))

/// Whether two embeddings agree stage by stage, but for places where the plain one is nearly zero.
let private agree (all: Image list) (a: Image) (b: Image) =
    List.forall2
        (fun plain (a: Image, b: Image) ->
            let length = lengths plain

            Seq.forall2 (fun u v -> abs (u - v) < 1e-3f) a.Pixels b.Pixels
            || Seq.forall
                (fun i -> length.Pixels[i % length.Area] < 2e-3f || abs (a.Pixels[i] - b.Pixels[i]) < 1e-3f)
                [ 0 .. a.Pixels.Length - 1 ])
        (parts all (embedPlain all))
        (List.zip (parts all a) (parts all b))

let private times (part: Image) (length: Image) =
    Image.init part.Channels part.Height part.Width (fun c y x -> part[c, y, x] * length[0, y, x])

let private byStage (all: Image list) (change: Image -> Image) (embedding: Image) =
    let changed = parts all embedding |> List.map change
    Image.ofArray embedding.Channels embedding.Height embedding.Width (changed |> List.map _.Pixels |> Array.concat)

let private unitLaws: Law<Embedder> list =
    [
        Law.forAll "the vectors of each stage have length one" (fun embed (seed, a, b) ->
            let all = stages seed a b
            let unit = embed all
            agree all (byStage all (fun part -> times part (Image.map (fun l -> 1.0f / max 1e-6f l) (lengths part))) unit) unit)
        Law.forAll "a stage of another contrast gives the same" (fun embed (seed, a, b) ->
            let all = stages seed a b
            let other = all |> List.mapi (fun i stage -> Image.map (fun v -> (if i = 0 then 3.0f else 0.5f) * v) stage)
            agree all (embed all) (embed other))
        Law.forAll "equals the plain embedding over its lengths" (fun embed (seed, a, b) ->
            let all = stages seed a b
            let over part = times part (Image.map (fun l -> 1.0f / max 1e-6f l) (lengths part))
            agree all (embed all) (byStage all over (embedPlain all)))
        Law.once "a place without features stays zero" (fun embed ->
            (embed [ Image.constant 2 4 4 0.0f ]).Pixels |> Array.forall ((=) 0.0f))
    ]

let private unitMutants: (string * string * Embedder) list =
    let over (length: Image -> Image) part = times part (Image.map (fun l -> 1.0f / l) (length part))
    let meanLength (part: Image) = Image.constant 1 part.Height part.Width (Array.average (lengths part).Pixels)

    [
        "the stages together have length one", "the vectors of each stage have length one", (embedPlain >> over lengths)
        "divided by the mean length of the picture",
        "the vectors of each stage have length one",
        (fun all -> byStage all (over meanLength) (embedPlain all))
        "as it is", "a stage of another contrast gives the same", embedPlain
        "without signs", "equals the plain embedding over its lengths", (embedUnit >> Image.map abs)
        "zero over zero", "a place without features stays zero", (fun all -> byStage all (over lengths) (embedPlain all))
    ]

/// Distances of vectors to a bank.
type Distances = float32[][] -> float32[][] -> float[]

let private nearestPlain: Distances = fun bank -> Array.map (MemoryBank.nearest bank)

let private nearestBy (engine: Engine.Run) : Distances =
    fun bank vectors ->
        let build graph input entries = MemoryBankGraph.Distances(graph, input, entries)

        Engine.ofVectors engine build bank vectors |> Array.chunkBySize bank.Length |> Array.map (Array.min >> float)

/// A bank and vectors with values in [0, 1).
let private case (seed: uint64) (n: uint8) (d: uint8) =
    let width = 1 + int d % 50

    let drawn salt count =
        Array.init count (fun i -> Array.init width (fun j -> Random.toUnit (Random.hash (seed + salt) (uint64 (i * width + j)))))

    drawn 1UL (1 + int n % 30), drawn 2UL (1 + int n % 7)

/// To float rounding: ‖q‖² and ‖b‖² are at most the number of dimensions.
let private near width (a: float[]) (b: float[]) = Array.forall2 (fun (x: float) y -> abs (x * x - y * y) <= 4e-6 * float width) a b

let private nearestLaws: Law<Distances> list =
    [
        Law.forAll "an entry of the bank has distance zero" (fun distances (seed, n, d) ->
            let bank, _ = case seed n d
            near bank[0].Length (distances bank bank) (Array.zeroCreate bank.Length))
        Law.forAll "the order of the bank does not matter" (fun distances (seed, n, d) ->
            let bank, vectors = case seed n d
            near bank[0].Length (distances (Array.rev bank) vectors) (distances bank vectors))
        Law.forAll "a larger bank is no farther" (fun distances (seed, n, d) ->
            let bank, vectors = case seed n d
            Array.forall2 (fun all some -> all <= some + 1e-3) (distances bank vectors) (distances [| bank[0] |] vectors))
        Law.forAll "twice the vectors, twice the distance" (fun distances (seed, n, d) ->
            let bank, vectors = case seed n d
            let twice = Array.map (Array.map (fun v -> 2.0f * v))
            near (4 * bank[0].Length) (distances (twice bank) (twice vectors)) (distances bank vectors |> Array.map (fun v -> 2.0 * v)))
        Law.forAll "equals the plain definition" (fun distances (seed, n, d) ->
            let bank, vectors = case seed n d
            near bank[0].Length (distances bank vectors) (nearestPlain bank vectors))
    ]

let private nearestMutants: (string * string * Distances) list =
    [
        "the second nearest",
        "an entry of the bank has distance zero",
        (fun bank ->
            Array.map (fun v -> bank |> Array.map (MemoryBank.squaredDistance v) |> Array.sort |> fun s -> sqrt s[min 1 (s.Length - 1)]))
        "the first half of the bank",
        "the order of the bank does not matter",
        (fun bank -> nearestPlain (Array.truncate ((bank.Length + 1) / 2) bank))
        "the mean over the bank",
        "a larger bank is no farther",
        (fun bank -> Array.map (fun v -> bank |> Array.averageBy (MemoryBank.squaredDistance v) |> sqrt))
        "squared distances", "twice the vectors, twice the distance", (fun bank -> nearestPlain bank >> Array.map (fun d -> d * d))
        "the sum of absolute differences",
        "equals the plain definition",
        (fun bank -> Array.map (fun v -> bank |> Array.map (Array.fold2 (fun s a b -> s + abs (float a - float b)) 0.0 v) |> Array.min))
    ]

let suites =
    [
        CoresetLaws.suite
        PlaceLaws.suite
        Suite.create
            "Patch embedding"
            "Feature maps of several stages as one map of vectors (PatchCore, SimpleNet, GLASS, PNI)."
            embeddingLaws
            [ "plain", embedPlain; "ONNX Runtime", embedBy false Engine.onnx; "torch", embedBy false Engine.torch ]
            embeddingMutants
        Suite.create
            "Patch embedding at unit length"
            "The same with each stage's vectors divided by their length."
            unitLaws
            [ "plain", embedUnit; "ONNX Runtime", embedBy true Engine.onnx; "torch", embedBy true Engine.torch ]
            unitMutants
        Suite.create
            "Nearest neighbours"
            "The distance of a vector to the nearest entry of a memory bank, as it is fitted with."
            nearestLaws
            [ "plain", nearestPlain; "ONNX Runtime", nearestBy Engine.onnx; "torch", nearestBy Engine.torch ]
            nearestMutants
        yield! QuantisationLaws.suites
        yield! FeatureMethodLaws.suites
    ]
