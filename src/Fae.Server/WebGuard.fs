/// Which requests of browsers are let in: other sites must not use a person's browser to reach this server.
namespace Fae.Server

open System
open System.Net
open Microsoft.AspNetCore.Http

/// How the server is reached from the web.
type WebOptions =
    {
        /// Names, besides this machine's own, under which a server without keys at a loopback address may be asked.
        AllowedHosts: string list
        /// Other sites whose pages may use the server, like https://line.example.
        AllowedOrigins: string list
        /// The path under which a proxy serves it, like /fae; "" for none.
        PathBase: string
        /// Whether a proxy on this machine says who asked, by X-Forwarded-For, -Proto and -Host.
        IsBehindProxy: bool
        /// Seconds in which /ready says 503 and requests are still answered, after the server was asked to stop.
        Drain: float
    }

[<RequireQualifiedAccess>]
module WebGuard =
    let none = { AllowedHosts = []; AllowedOrigins = []; PathBase = ""; IsBehindProxy = false; Drain = 0.0 }

    let private isOfThisMachine (host: string) =
        let name = host.Trim([| '['; ']' |])

        String.Equals(name, "localhost", StringComparison.OrdinalIgnoreCase)
        || name.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || match IPAddress.TryParse name with
           | true, NonNull address -> IPAddress.IsLoopback address
           | _ -> false

    let private same (a: string) (b: string) = String.Equals(a, b, StringComparison.OrdinalIgnoreCase)

    /// A site that has its name lead to this machine could read everything (DNS rebinding).
    let private hostProblem (options: WebOptions) isOpen (request: HttpRequest) =
        let host = request.Host.Host

        if not isOpen || isOfThisMachine host || options.AllowedHosts |> List.exists (same host) then
            None
        else
            Some(
                $"this server has no keys and answers to this machine alone, not as '{host}'; --allow-host {host} lets it, "
                + "--keys FILE protects it"
            )

    let private reads (request: HttpRequest) =
        HttpMethods.IsGet request.Method || HttpMethods.IsHead request.Method || HttpMethods.IsOptions request.Method

    /// A browser says of which site the page is that asks.
    let private originProblem (options: WebOptions) (request: HttpRequest) =
        let origin = string request.Headers.Origin

        if
            reads request
            || origin = ""
            || same origin $"{request.Scheme}://{request.Host.Value}"
            || options.AllowedOrigins |> List.exists (same origin)
        then
            None
        else
            Some $"a page of {origin} may not do this; --cors {origin} lets it"

    /// Why a request is not let in. `isOpen`: the server listens on a loopback address and has no keys.
    let problem options isOpen (request: HttpRequest) = hostProblem options isOpen request |> Option.orElse (originProblem options request)
