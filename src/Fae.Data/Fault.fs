/// Expected failures of a run.
namespace Fae.Data

/// Every way in which a verb can fail; each has an exit code.
type Fault =
    | Usage of string list
    | Data of DataProblem list
    | Model of path: string * reason: string
    | Machine of string
