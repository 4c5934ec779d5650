using Fae.Core;
using Fae.Imaging;

namespace Fae.Detection;

/// <summary>
/// Watches the scores and colours of the pictures that one detector inspects. Each warning is given when its cause begins, and not again
/// before it has ended. Thread-safe.
/// </summary>
public sealed class DriftMonitor(ModelCard card, float[] heldOut, Action<string> warn)
{
    /// <summary>The test is repeated after so many pictures.</summary>
    private const int TestEvery = 20;

    /// <summary>Colours are checked after so many pictures.</summary>
    private const int ColourEvery = 50;

    private readonly object gate = new();
    private readonly Queue<float> latest = new();
    private int seen;
    private bool drifting;
    private bool wrongColours;
    private bool wrongValues;
    private bool severalPages;
    private bool furtherBands;
    private bool farBelow;

    /// <summary>
    /// A picture got this score. <paramref name="coloured"/> is asked for the first picture and then for every fiftieth, outside the
    /// lock: it reads the picture.
    /// </summary>
    public void Observe(float score, Picture picture, Func<bool> coloured)
    {
        ArgumentNullException.ThrowIfNull(coloured);
        bool checkColours;
        lock (gate)
        {
            checkColours = seen % ColourEvery == 0;
            Count(score);
            wrongValues = Say(DetectionWarning.Values(card.Config.Image.Values, picture), wrongValues);
            farBelow = Say(DetectionWarning.FarBelow(heldOut, score), farBelow);
            severalPages = Say(DetectionWarning.Pages(picture), severalPages);
            furtherBands = Say(DetectionWarning.Bands(picture), furtherBands);
        }
        if (!checkColours)
            return;
        var hasColour = coloured();
        lock (gate)
            CheckColours(hasColour);
    }

    private void Count(float score)
    {
        seen++;
        latest.Enqueue(score);
        if (latest.Count > DriftModule.window)
            latest.Dequeue();
        if (seen % TestEvery == 0)
            TestDrift();
    }

    private void TestDrift()
    {
        if (DriftModule.test(heldOut, [.. latest]) is not { } found)
            return;
        var now = found.Value.IsAlarm;
        if (now && !drifting)
            warn(DetectionWarning.Drift(latest.Count, found.Value.Significance));
        else if (drifting && !now)
            warn("the scores are those of good parts again");
        drifting = now;
    }

    private void CheckColours(bool coloured) => wrongColours = Say(DetectionWarning.Colours(card.Channels, coloured), wrongColours);

    /// <summary>Says a warning unless its cause has gone on; whether there is one.</summary>
    private bool Say(string? warning, bool before)
    {
        if (warning is not null && !before)
            warn(warning);
        return warning is not null;
    }
}
