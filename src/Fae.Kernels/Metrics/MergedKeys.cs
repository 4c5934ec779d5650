namespace Fae.Kernels;

/// <summary>Keys that come in parts. Parts of about equal size are merged, so that each key is moved a few times only.</summary>
internal sealed class MergedKeys(bool sized, ChunkPool pool)
{
    private readonly Stack<(CountedKeys Keys, int Level)> parts = new();

    public void Add(CountedKeys part)
    {
        parts.Push((part, 0));
        while (parts.Count > 1)
        {
            var (last, level) = parts.Pop();
            if (parts.Peek().Level != level)
            {
                parts.Push((last, level));
                return;
            }
            parts.Push((CountedKeys.Merge(parts.Pop().Keys, last, pool), level + 1));
        }
    }

    /// <summary>All keys so far.</summary>
    public CountedKeys All()
    {
        while (parts.Count > 1)
        {
            var last = parts.Pop().Keys;
            var (before, level) = parts.Pop();
            parts.Push((CountedKeys.Merge(before, last, pool), level + 1));
        }
        if (parts.Count == 0)
            parts.Push((new CountedKeys(sized), 0));
        return parts.Peek().Keys;
    }
}
