namespace Fae.Kernels;

/// <summary>Order statistics without sorting: quickselect (Hoare 1961) with the median of three as pivot.</summary>
public static class Selection
{
    /// <summary>
    /// Partitions the values so that the n-th smallest (from 0) is at place n, smaller ones before, larger ones behind; returns it. 0 of
    /// nothing.
    /// </summary>
    public static float Nth(Span<float> values, int n)
    {
        if (values.IsEmpty)
            return 0;
        var left = 0;
        var right = values.Length - 1;
        while (left < right)
        {
            var pivot = MedianOfThree(values[left], values[left + (right - left) / 2], values[right]);
            var i = left;
            var j = right;
            while (i <= j)
            {
                while (values[i] < pivot)
                    i++;
                while (values[j] > pivot)
                    j--;
                if (i > j)
                    continue;
                (values[i], values[j]) = (values[j], values[i]);
                i++;
                j--;
            }
            if (n <= j)
                right = j;
            else if (n >= i)
                left = i;
            else
                break;
        }
        return values[n];
    }

    private static float MedianOfThree(float a, float b, float c) => Math.Max(Math.Min(a, b), Math.Min(Math.Max(a, b), c));
}
