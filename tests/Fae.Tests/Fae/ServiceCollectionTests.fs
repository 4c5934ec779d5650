/// Detectors in a program with dependency injection.
module Fae.Tests.ServiceCollectionTests

open System
open System.IO
open Expecto
open Fae
open Fae.Tests.Helpers
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Diagnostics.HealthChecks

let private check (provider: IServiceProvider) =
    let report = provider.GetRequiredService<HealthCheckService>().CheckHealthAsync().Result
    report.Status, report

let private built (add: IServiceCollection -> IServiceCollection) =
    let services = ServiceCollection()
    // Health checks log.
    services.AddLogging() |> ignore
    (add services).BuildServiceProvider()

let tests =
    testList
        "Dependency injection"
        [
            test "one detector serves a whole program, and is disposed of with it" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    let provider = built _.AddFae(model)
                    let detector = provider.GetRequiredService<Detector>()
                    Expect.isTrue (obj.ReferenceEquals(detector, provider.GetRequiredService<Detector>())) "a singleton"
                    let picture = ImageSource.FromBytes(ReadOnlyMemory(lightPicture 0))
                    Expect.equal (detector.Inspect picture).Verdict Verdict.Anomalous "a verdict"
                    let status, report = check provider
                    Expect.equal status HealthStatus.Healthy (string report.Entries["fae"].Description)
                    provider.Dispose()
                    Expect.throwsT<ObjectDisposedException> (fun () -> detector.Inspect picture |> ignore) "disposed of")
            }
            test "several detectors have keys" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    use provider = built _.AddFae("lid", model).AddFae("base", model)
                    let lid, bottom = provider.GetRequiredKeyedService<Detector> "lid", provider.GetRequiredKeyedService<Detector> "base"
                    Expect.isFalse (obj.ReferenceEquals(lid, bottom)) "two"
                    let _, report = check provider
                    Expect.equal (Set.ofSeq report.Entries.Keys) (set [ "fae-lid"; "fae-base" ]) "two checks")
            }
            test "a model that cannot be loaded is unhealthy, with its reason" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "model.safetensors")
                    File.WriteAllText(path, "no")
                    use provider = built _.AddFae(path)
                    let status, report = check provider
                    Expect.equal status HealthStatus.Unhealthy "not ready"
                    Expect.stringContains (string report.Entries["fae"].Description) "safetensors" "why"
                    // A file that is right later is loaded then.
                    File.Copy(brightnessModel (Directory.CreateDirectory(Path.Combine(folder, "good")).FullName), path, true)
                    Expect.equal (fst (check provider)) HealthStatus.Healthy "mended")
            }
        ]
