/// Looking at a part of many things at a time.
namespace Fae.Data

/// Which of many are looked at: so many in each round, in turns.
type Turns(most: int) =
    let mutable first = 0
    let mutable seen = 0

    /// Whether it is the turn of the next one of this round.
    member _.Next() =
        let number = seen
        seen <- seen + 1
        number >= first && number - first < most

    /// Ends a round.
    member _.EndRound() =
        first <- if seen - first > most then first + most else 0
        seen <- 0
