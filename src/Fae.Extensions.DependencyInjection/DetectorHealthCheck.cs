using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Fae;

/// <summary>Healthy where the model is loaded and a grey picture gets a verdict.</summary>
internal sealed class DetectorHealthCheck(Func<Detector> detector) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            var loaded = await Task.Run(detector, cancellationToken).ConfigureAwait(false);
            var size = loaded.Size;
            var grey = new byte[size * size];
            Array.Fill(grey, (byte)128);
            var picture = ImageSource.FromPixels(grey, size, size, PixelFormat.Grey8, name: "health check");
            var seen = await loaded.InspectAsync(picture, cancellationToken).ConfigureAwait(false);
            return seen.Verdict == Verdict.Unreadable
                ? new HealthCheckResult(context.Registration.FailureStatus, seen.Problem)
                : HealthCheckResult.Healthy($"model {seen.Fingerprint}");
        }
        catch (OperationCanceledException)
        {
            throw;
        }
#pragma warning disable CA1031 // whatever keeps the detector from working is the check's answer
        catch (Exception e)
#pragma warning restore CA1031
        {
            return new HealthCheckResult(context.Registration.FailureStatus, e.Message, e);
        }
    }
}
