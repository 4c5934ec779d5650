/// Who asks, and what they may do.
namespace Fae.Server

open System
open System.Net
open Microsoft.AspNetCore.Http

/// Who may use a server, and their sessions.
[<NoComparison; NoEquality>]
type Access = { Keys: Keys option; People: People option; Sessions: Sessions; HasStudio: bool }

[<RequireQualifiedAccess>]
module Access =
    /// The cookie of a session.
    let cookie = "fae_session"

    /// The header that a page sends with what changes something; other sites cannot send it.
    let csrfHeader = "X-Csrf-Token"

    /// Without keys and people everybody may do everything.
    let isOpen access = access.Keys.IsNone && access.People.IsNone

    let private anybody = { Name = "anybody"; Role = Engineer }

    let private byName access name =
        access.People
        |> Option.bind (fun people -> people.ByName name)
        |> Option.orElseWith (fun () -> access.Keys |> Option.bind (fun keys -> keys.ByName name))

    let private byKey access (request: HttpRequest) =
        let bearer = string request.Headers.Authorization

        let key =
            if bearer.StartsWith("Bearer ", StringComparison.Ordinal) then
                bearer.Substring 7
            else
                string request.Headers["X-Api-Key"]

        if key = "" then None else access.Keys |> Option.bind (fun keys -> keys.Find key)

    /// The session of a request's cookie.
    let session access (request: HttpRequest) =
        match request.Cookies[cookie] with
        | null -> None
        | token -> access.Sessions.Find(token, DateTimeOffset.UtcNow)

    let private reads (request: HttpRequest) = HttpMethods.IsGet request.Method || HttpMethods.IsHead request.Method

    /// Who asks: by a key, or by a session. A session alone lets nothing be changed: a form of another site would bring it too.
    let caller access (request: HttpRequest) : Result<Caller, Refusal> =
        let unknown = Http.refuse 401 "a key or a session is needed: Authorization: Bearer KEY, or POST /v1/session"

        if isOpen access then
            Ok anybody
        else
            match byKey access request, session access request with
            | Some caller, _ -> Ok caller
            | None, None -> unknown
            | None, Some session when not (reads request) && string request.Headers[csrfHeader] <> session.Csrf ->
                Http.refuse 403 $"with a session, {csrfHeader} must be what GET /v1/session says"
            | None, Some session ->
                match byName access session.Name with
                | Some caller -> Ok caller
                | None -> unknown

    /// What engineers alone may do.
    let private isForEngineers (request: HttpRequest) =
        request.Path.StartsWithSegments(PathString "/v1/audit")
        || request.Path.StartsWithSegments(PathString "/v1/projects")
        || (request.Path.StartsWithSegments(PathString "/v1/models") && not (reads request))

    /// Where nobody is asked who they are: it is how they say so.
    let private isForAll (request: HttpRequest) = request.Path.Equals(PathString "/v1/session")

    let private item = "Fae.Caller"

    /// Notes who asks, for the routes.
    let remember (context: HttpContext) (caller: Caller) = context.Items[item] <- caller

    /// Who was noted.
    let callerOf (context: HttpContext) : Caller =
        match context.Items[item] with
        | :? Caller as caller -> caller
        | _ -> anybody

    /// Who asks, if they may. What is not under /v1 is for everybody.
    let check access (address: IPAddress) (web: WebOptions) (request: HttpRequest) : Result<Caller, Refusal> =
        if not (request.Path.StartsWithSegments(PathString "/v1")) then
            Ok anybody
        else
            match WebGuard.problem web (isOpen access && IPAddress.IsLoopback address) request with
            | Some problem -> Http.refuse 403 problem
            | None when isForAll request -> Ok anybody
            | None ->
                match caller access request with
                | Ok caller when caller.Role = Operator && isForEngineers request ->
                    Http.refuse 403 $"{caller.Name} is an operator; this is for engineers"
                | answer -> answer
