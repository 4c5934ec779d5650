using Fae.Core;

namespace Fae.Detection;

/// <summary>Held-out good images, and the same with one synthetic defect each: what all choices are made by.</summary>
public sealed record ValidationSet(IReadOnlyList<Image> Clean, IReadOnlyList<Image> Corrupted, IReadOnlyList<Image> Masks);
