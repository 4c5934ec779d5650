/// What the rows of the table of all settings share.
namespace Fae.Core

/// The part of a configuration that the keys of one section change.
[<NoComparison; NoEquality>]
type internal Section<'s> = { Name: string; Get: Config -> 's; Put: Config -> 's -> Config }

[<RequireQualifiedAccess>]
module internal Section =
    let make fieldType section key meaning (get: 's -> 'v) (set: 'v -> 's -> 's) =
        let put value config = section.Put config (set value (section.Get config))
        Field.make fieldType $"{section.Name}.{key}" meaning (section.Get >> get) put

    let whole low high section key meaning get set = make (FieldType.whole low high) section key meaning get set
    let real low high section key meaning get set = make (FieldType.real low high) section key meaning get set
    let flag section key meaning get set = make FieldType.flag section key meaning get set
    let auto fieldType section key meaning get set = make (FieldType.orAuto fieldType) section key meaning get set
