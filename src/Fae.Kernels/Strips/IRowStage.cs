using Fae.Core;

namespace Fae.Kernels;

/// <summary>What is made of a strip's rows as they come: rows in, rows out, some rows later, in small parts.</summary>
public interface IRowStage
{
    /// <summary>The next rows; gives the rows that are ready. They must be taken before the next call.</summary>
    IEnumerable<Image> Push(Image rows);

    /// <summary>The strip has ended: gives the rows that were still to come.</summary>
    IEnumerable<Image> Complete();
}
