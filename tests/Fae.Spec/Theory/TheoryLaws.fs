/// Theorem 1 and its neighbours on closed forms: for a quadratic f the Gaussian moments are exact, so that every equation can be checked to
/// the last digits, and the remainder with it.
module Fae.Spec.TheoryLaws

open Fae.Core

[<NoComparison; NoEquality>]
type Equations =
    {
        /// f → σ → x̃ → x → equation (6)
        Anchored: QuadraticMap -> float -> float[] -> float[] -> float
        /// f → σ → x̃ → x → equation (4)
        Contracted: QuadraticMap -> float -> float[] -> float[] -> float
        /// f → σ → x → the RCAE's loss
        Contractive: QuadraticMap -> float -> float[] -> float
        FourthOrder: QuadraticMap -> float -> float
        /// f → x̃ → x → the bound (8)
        IdempotencyBound: QuadraticMap -> float[] -> float[] -> float
        /// δ → f → x → signs → (‖(J − I)v‖², curvature along v)
        Probe: float -> (float[] -> float[]) -> float[] -> float[] -> struct (float * float[])
    }

/// A random case of dimension 1 to 4: f, x, x̃, σ.
let private case bent (seed: uint64) =
    let real = Sampler.normal |> Sampler.map float

    let drawn =
        sample {
            let! n = Sampler.integer 1 4
            let! offset = Sampler.array n real
            let! linear = Sampler.array n (Sampler.array n real)
            let! curvature = Sampler.array n (Sampler.array n (Sampler.array n real))
            let! clean = Sampler.array n real
            let! corrupted = Sampler.array n real
            let! sigma = Sampler.uniform 0.05f 1.5f
            let symmetric (h: float[][]) = Array.init n (fun i -> Array.init n (fun j -> if bent then 0.5 * (h[i][j] + h[j][i]) else 0.0))

            return { Offset = offset; Linear = linear; Curvature = Array.map symmetric curvature }, clean, corrupted, float sigma
        }

    Sampler.value (Random.ofSeed seed) drawn

let private same (a: float) b = abs (a - b) <= 1e-9 * max 1.0 (max (abs a) (abs b))
let private identityGap f x = Theory.identityGap (QuadraticMap.jacobian f x)

let private laws: Law<Equations> list =
    [
        Law.forAll "Theorem 1: L_σ is its expansion (6) plus the fourth-order term" (fun t (seed: uint64) ->
            let f, clean, corrupted, sigma = case true seed
            same (Theory.loss f sigma corrupted clean) (t.Anchored f sigma corrupted clean + t.FourthOrder f sigma))
        Law.forAll "(7): for affine f the expansion is the loss, and nothing is left out" (fun t (seed: uint64) ->
            let f, clean, corrupted, sigma = case false seed

            same (t.FourthOrder f sigma) 0.0
            && same (Theory.loss f sigma corrupted clean) (t.Anchored f sigma corrupted clean))
        Law.forAll "(4), Bishop: with clean targets the Jacobian itself is penalised" (fun t (seed: uint64) ->
            let f, clean, corrupted, sigma = case true seed
            same (Theory.denoisingLoss f sigma corrupted clean) (t.Contracted f sigma corrupted clean + t.FourthOrder f sigma))
        Law.forAll "for affine f (6) and (4) differ by σ²·(n − 2·tr J)" (fun t (seed: uint64) ->
            let f, clean, corrupted, sigma = case false seed

            let trace = QuadraticMap.jacobian f corrupted |> Array.mapi (fun i row -> row[i]) |> Array.sum

            same
                (t.Anchored f sigma corrupted clean - t.Contracted f sigma corrupted clean)
                (sigma * sigma * (float clean.Length - 2.0 * trace)))
        Law.forAll "a DAE's loss is the RCAE's plus σ²·⟨r, Δf⟩ and the fourth-order term" (fun t (seed: uint64) ->
            let f, clean, _, sigma = case true seed
            let r = Vector.minus (QuadraticMap.apply f clean) clean
            let curvature = sigma * sigma * Vector.dot r (QuadraticMap.laplacian f)
            same (Theory.denoisingLoss f sigma clean clean) (t.Contractive f sigma clean + curvature + t.FourthOrder f sigma))
        Law.forAll "the identity costs nothing under (6), at any σ" (fun t (seed: uint64) ->
            let f, clean, _, sigma = case false seed
            let n = clean.Length

            let identity =
                { f with
                    Offset = Array.zeroCreate n
                    Linear = Array.init n (fun i -> Array.init n (fun j -> if i = j then 1.0 else 0.0))
                }

            same (t.Anchored identity sigma clean clean) 0.0 && t.Contracted identity sigma clean clean > 0.0)
        Law.forAll "(8): a second pass changes no more than the bound says" (fun t (seed: uint64) ->
            let f, clean, corrupted, _ = case true seed
            // Near the identity, where the bound is of use, and far from it.
            let nearer s =
                { f with
                    Offset = Vector.scale s f.Offset
                    Linear = f.Linear |> Array.mapi (fun i -> Array.mapi (fun j v -> (if i = j then 1.0 - s else 0.0) + s * v))
                    Curvature = f.Curvature |> Array.map (Array.map (Vector.scale s))
                }

            [ 1.0; 0.1; 0.01 ]
            |> List.forall (fun s ->
                let f = nearer s
                let once = QuadraticMap.apply f corrupted
                let moved = Vector.norm (Vector.minus (QuadraticMap.apply f once) once)
                moved <= t.IdempotencyBound f corrupted clean * (1.0 + 1e-9)))
        Law.forAll "the bound (8) is of second order where f reconstructs" (fun t (seed: uint64) ->
            // With f(x) = x and J_f(x) = I the bound falls fourfold when the curvature and with it f(x̃) − x stays and x̃ halves its way
            // to x.
            let f, clean, corrupted, _ = case true seed
            let n = clean.Length

            let exact =
                let bend = f.Curvature |> Array.map (Array.map (Vector.dot clean))

                {
                    // f(x) = x + ½(x − c)ᵀH(x − c), written out.
                    Offset = bend |> Array.map (fun row -> 0.5 * Vector.dot row clean)
                    Linear = bend |> Array.mapi (fun i row -> Array.init n (fun j -> (if i = j then 1.0 else 0.0) - row[j]))
                    Curvature = f.Curvature
                }

            let bound share = t.IdempotencyBound exact (Vector.add clean (Vector.scale share (Vector.minus corrupted clean))) clean

            bound 0.0005
            <= 1e-12
               + 0.2501
                 * bound 0.001
                 * (1.0 + 0.1 * Vector.norm (Vector.minus corrupted clean) * sqrt (QuadraticMap.hessianSquare f)))
        Law.forAll "probes along all signs average to ‖J − I‖²_F and Δf" (fun t (seed: uint64) ->
            let f, _, x, _ = case true seed
            let n = x.Length

            let signs = [ for bits in 0 .. (1 <<< n) - 1 -> Array.init n (fun i -> if (bits >>> i) &&& 1 = 1 then 1.0 else -1.0) ]

            let probes = signs |> List.map (t.Probe 0.01 (QuadraticMap.apply f) x)
            let gap = probes |> List.averageBy (fun (struct (gap, _)) -> gap)
            let bend i = probes |> List.averageBy (fun (struct (_, bend)) -> bend[i])
            let near a b = abs (a - b) <= 1e-6 * max 1.0 (max (abs a) (abs b))

            near gap (identityGap f x)
            && Seq.forall (fun i -> near (bend i) (Array.item i (QuadraticMap.laplacian f))) (seq { 0 .. n - 1 }))
    ]

let private plain =
    {
        Anchored = Theory.anchored
        Contracted = Theory.contracted
        Contractive = Theory.contractive
        FourthOrder = Theory.fourthOrder
        IdempotencyBound = Theory.idempotencyBound
        Probe = Theory.probe
    }

let private mutants =
    [
        "the Hessians' share of the fourth order is forgotten",
        "Theorem 1: L_σ is its expansion (6) plus the fourth-order term",
        { plain with FourthOrder = fun f sigma -> 0.25 * sigma ** 4.0 * Vector.square (QuadraticMap.laplacian f) }
        "the curvature term is forgotten",
        "Theorem 1: L_σ is its expansion (6) plus the fourth-order term",
        { plain with
            Anchored =
                fun f sigma corrupted clean ->
                    let r = Vector.minus (QuadraticMap.apply f corrupted) clean
                    Vector.square r + sigma * sigma * identityGap f corrupted
        }
        "the Jacobian is taken at x instead of x̃, where f bends",
        "Theorem 1: L_σ is its expansion (6) plus the fourth-order term",
        { plain with
            Anchored =
                fun f sigma corrupted clean ->
                    let r = Vector.minus (QuadraticMap.apply f corrupted) clean

                    Vector.square r + sigma * sigma * (identityGap f clean + Vector.dot r (QuadraticMap.laplacian f))
        }
        "an affine f has a fourth order",
        "(7): for affine f the expansion is the loss, and nothing is left out",
        { plain with FourthOrder = fun f sigma -> Theory.fourthOrder f sigma + sigma ** 4.0 * float f.Offset.Length }
        "clean targets anchor to the identity",
        "(4), Bishop: with clean targets the Jacobian itself is penalised",
        { plain with Contracted = Theory.anchored }
        "the trace counts once",
        "for affine f (6) and (4) differ by σ²·(n − 2·tr J)",
        { plain with
            Anchored =
                fun f sigma corrupted clean ->
                    let trace = QuadraticMap.jacobian f corrupted |> Array.mapi (fun i row -> row[i]) |> Array.sum

                    Theory.anchored f sigma corrupted clean + sigma * sigma * trace
        }
        "the RCAE penalises σ instead of σ²",
        "a DAE's loss is the RCAE's plus σ²·⟨r, Δf⟩ and the fourth-order term",
        { plain with Contractive = fun f sigma clean -> Theory.contractive f (sqrt sigma) clean }
        "noise on the target is forgotten", "the identity costs nothing under (6), at any σ", { plain with Anchored = Theory.contracted }
        "the bound forgets that J is not I",
        "(8): a second pass changes no more than the bound says",
        { plain with
            IdempotencyBound =
                fun f corrupted clean ->
                    let away = Vector.norm (Vector.minus (QuadraticMap.apply f corrupted) clean)

                    Vector.norm (Vector.minus (QuadraticMap.apply f clean) clean)
                    + 0.5 * sqrt (QuadraticMap.hessianSquare f) * away * away
        }
        "the bound is of first order",
        "the bound (8) is of second order where f reconstructs",
        { plain with
            IdempotencyBound =
                fun f corrupted clean ->
                    Theory.idempotencyBound f corrupted clean + Vector.norm (Vector.minus (QuadraticMap.apply f corrupted) clean)
        }
        "a probe measures J instead of J − I",
        "probes along all signs average to ‖J − I‖²_F and Δf",
        { plain with
            Probe =
                fun step f x signs ->
                    let struct (_, bend) = Theory.probe step f x signs

                    let slope =
                        Vector.scale
                            (0.5 / step)
                            (Vector.minus (f (Vector.add x (Vector.scale step signs))) (f (Vector.minus x (Vector.scale step signs))))

                    struct (Vector.square slope, bend)
        }
        "probes differentiate to one side",
        "probes along all signs average to ‖J − I‖²_F and Δf",
        { plain with
            Probe =
                fun step f x signs ->
                    let struct (_, bend) = Theory.probe step f x signs
                    let slope = Vector.scale (1.0 / step) (Vector.minus (f (Vector.add x (Vector.scale step signs))) (f x))
                    struct (Vector.square (Vector.minus slope signs), bend)
        }
    ]

let suite =
    Suite.create
        "Theory"
        "What the noise of equation (3) does to f: Theorem 1, its corollaries and the idempotency bound, for quadratic f, exactly."
        laws
        [ "closed forms", plain ]
        mutants
