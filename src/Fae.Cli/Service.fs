/// Under a service manager: systemd is told when the program is ready, that it lives, and that it stops; Windows asks it to stop.
namespace Fae.Cli

open System
open System.Globalization
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Hosting
open Microsoft.Extensions.Hosting.Systemd
open Microsoft.Extensions.Hosting.WindowsServices

[<RequireQualifiedAccess>]
module Service =
    let private systemd = lazy (SystemdNotifier())

    let private notify (state: ServiceState) = if systemd.Value.IsEnabled then systemd.Value.Notify state

    /// systemd's Type=notify: everything that was asked for is there.
    let ready () = notify ServiceState.Ready

    let mutable private isStopping = 0

    /// Said once, by whoever sees first that it was asked to stop.
    let stopping () = if Interlocked.Exchange(&isStopping, 1) = 0 then notify ServiceState.Stopping

    let private watchdog = ServiceState "WATCHDOG=1"

    /// Half of the time after which systemd (WatchdogSec=) takes the program for dead.
    let private watchdogPause =
        match Int64.TryParse(Environment.GetEnvironmentVariable "WATCHDOG_USEC", NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, microseconds -> Some(TimeSpan.FromMicroseconds(float microseconds / 2.0))
        | _ -> None

    let mutable private lastAlive = DateTime.MinValue

    /// systemd's watchdog: work goes on. Call it often; it tells systemd as often as that wants.
    let alive () =
        match watchdogPause with
        | Some pause when DateTime.UtcNow - lastAlive >= pause / 2.0 ->
            lastAlive <- DateTime.UtcNow
            notify watchdog
        | _ -> ()

    /// The service manager starts a service again only if it stopped with another exit code than 0.
    let private failed (services: IServiceProvider) =
        match services.GetRequiredService<IHostLifetime>() with
        | :? WindowsServiceLifetime as service -> service.ExitCode <- 1
        | _ -> ()

    /// A Windows service around the work: its manager's wish to stop cancels the token.
    let private windows (work: CancellationToken -> Result<'a, 'e>) : Result<'a, 'e> =
        let builder = HostApplicationBuilder(HostApplicationBuilderSettings(DisableDefaults = true))
        let ended = TaskCompletionSource<Result<'a, 'e>>()
        builder.Services.AddWindowsService() |> ignore

        builder.Services.AddHostedService(fun services ->
            let lifetime = services.GetRequiredService<IHostApplicationLifetime>()

            { new BackgroundService() with
                override _.ExecuteAsync stop =
                    Task.Run(fun () ->
                        try
                            try
                                ended.SetResult(work stop)
                            with e ->
                                ended.SetException e
                        finally
                            let worked = ended.Task.IsCompletedSuccessfully && ended.Task.Result.IsOk
                            if not worked then failed services
                            lifetime.StopApplication())
            })
        |> ignore

        use host = builder.Build()
        host.Run()
        ended.Task.GetAwaiter().GetResult()

    /// Runs the work with a token that Ctrl-C, SIGTERM or the service manager cancels.
    let run (work: CancellationToken -> Result<'a, 'e>) : Result<'a, 'e> =
        if WindowsServiceHelpers.IsWindowsService() then
            windows work
        else
            Interrupts.watch (fun stop ->
                // Its disposal waits for a call that runs.
                use _telling = stop.Register stopping
                let result = work stop
                // Work can end before the signal's thread comes to it.
                if stop.IsCancellationRequested then stopping ()
                result)
