/// SplitMix64, the splittable generator of Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014).
/// The state is two words that are passed by hand. `fork` replaces the paper's split: it gives the stream of a number, so that image 7 of
/// step 1,000 gets the same bits on any number of threads. `hash` gives random access to a keyed sequence.
namespace Fae.Core

/// The state of a generator: where it stands and the odd step by which it walks. A value; nothing in it ever changes.
[<Struct>]
type Seed = { State: uint64; Gamma: uint64 }

[<RequireQualifiedAccess>]
module Random =
    let private goldenGamma = 0x9E3779B97F4A7C15UL

    /// Stafford's variant 13 of the 64-bit finaliser: a bijection on 64-bit words.
    let mix64 (word: uint64) =
        let z = (word ^^^ (word >>> 30)) * 0xBF58476D1CE4E5B9UL
        let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
        z ^^^ (z >>> 31)

    let private mixGamma (word: uint64) =
        let z = (word ^^^ (word >>> 33)) * 0xFF51AFD7ED558CCDUL
        let z = (z ^^^ (z >>> 33)) * 0xC4CEB9FE1A85EC53UL
        let z = (z ^^^ (z >>> 33)) ||| 1UL
        let flips = System.Numerics.BitOperations.PopCount(z ^^^ (z >>> 1))
        if flips < 24 then z ^^^ 0xAAAAAAAAAAAAAAAAUL else z

    /// The generator of a user's seed.
    let ofSeed (seed: uint64) = { State = seed; Gamma = goldenGamma }

    /// The next 64 bits, and the generator after them.
    let next (seed: Seed) =
        let state = seed.State + seed.Gamma
        struct (mix64 state, { seed with State = state })

    /// The stream named `label` of this generator: the same whatever else was drawn, in whatever order.
    let fork (label: uint64) (seed: Seed) =
        let at = mix64 (seed.State ^^^ mix64 (label * seed.Gamma + goldenGamma))

        { State = at; Gamma = mixGamma (at + goldenGamma) }

    /// Word number `index` of the keyed sequence `key`: random access, for pixels drawn in parallel.
    let hash (key: uint64) (index: uint64) = mix64 (mix64 (key + index * goldenGamma) + key)

    /// The top 24 bits as a number in [0, 1).
    let toUnit (word: uint64) = float32 (word >>> 40) * 5.9604645e-8f
