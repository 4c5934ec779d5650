using Fae;
using Microsoft.Extensions.Diagnostics.HealthChecks;

// As its users expect: the method is there wherever services are registered.
namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Detectors as services.</summary>
public static class FaeServiceCollectionExtensions
{
    /// <summary>
    /// Adds the detector of a model file, or of a run's folder, as a singleton, and a health check of the name <c>fae</c>. It is loaded
    /// when it is first asked for, by the health check at the latest.
    /// </summary>
    public static IServiceCollection AddFae(this IServiceCollection services, string model, DetectorOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(model);
        services.AddSingleton(_ => Detector.Load(model, options));
        return services.AddCheck("fae", provider => provider.GetRequiredService<Detector>());
    }

    /// <summary>
    /// Adds one of several detectors, under a key (<c>[FromKeyedServices("lid")] Detector detector</c>), and a health check of the name
    /// <c>fae-KEY</c>.
    /// </summary>
    public static IServiceCollection AddFae(this IServiceCollection services, string key, string model, DetectorOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(key);
        ArgumentException.ThrowIfNullOrEmpty(model);
        services.AddKeyedSingleton(key, (_, _) => Detector.Load(model, options));
        return services.AddCheck($"fae-{key}", provider => provider.GetRequiredKeyedService<Detector>(key));
    }

    private static IServiceCollection AddCheck(this IServiceCollection services, string name, Func<IServiceProvider, Detector> detector)
    {
        services
            .AddHealthChecks()
            .Add(new HealthCheckRegistration(name, provider => new DetectorHealthCheck(() => detector(provider)), null, ["fae"]));
        return services;
    }
}
