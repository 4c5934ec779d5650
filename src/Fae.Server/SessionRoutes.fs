/// Signing in and out: GET, POST and DELETE /v1/session.
namespace Fae.Server

open System
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http

/// GET and POST /v1/session.
[<NoComparison>]
type SessionJson =
    {
        /// Whether one must sign in here.
        Needed: bool
        /// Whether people have passwords here, besides keys.
        Passwords: bool
        /// Whether there is a page for projects.
        Studio: bool
        Name: string | null
        /// "engineer" or "operator".
        Role: string | null
        /// For the header X-Csrf-Token.
        Csrf: string | null
    }

[<RequireQualifiedAccess>]
module internal SessionRoutes =
    /// A wrong key or password is answered after this time, and only so many wait at once: guessing is slow.
    let private penalty, mostWaiting = TimeSpan.FromSeconds 1.0, 8

    let private describe access (caller: Caller option) (session: Session option) : SessionJson =
        {
            Needed = not (Access.isOpen access)
            Passwords = access.People.IsSome
            Studio = access.HasStudio
            Name = caller |> Option.map _.Name |> Option.toObj
            Role = caller |> Option.map (_.Role >> Role.name) |> Option.toObj
            Csrf = session |> Option.map _.Csrf |> Option.toObj
        }

    let private cookieOptions (context: HttpContext) =
        CookieOptions(
            HttpOnly = true,
            SameSite = SameSiteMode.Strict,
            Secure = context.Request.IsHttps,
            IsEssential = true,
            Path = (if context.Request.PathBase.HasValue then context.Request.PathBase.Value else "/")
        )

    let private who access (context: HttpContext) : Task =
        let session = Access.session access context.Request
        Http.writeJson context 200 (describe access (Access.caller access context.Request |> Result.toOption) session)

    /// The body is {"key": …}, or {"name": …, "password": …}.
    let private find access (body: JsonObject) =
        let word (name: string) =
            match body[name] with
            | null -> None
            | node when node.GetValueKind() = JsonValueKind.String -> Some(node.GetValue<string>())
            | _ -> None

        match word "key", word "name", word "password" with
        | Some key, None, None -> access.Keys |> Option.bind (fun keys -> keys.Find key) |> Ok
        | None, Some name, Some password -> access.People |> Option.bind (fun people -> people.Find(name, password)) |> Ok
        | _ -> Http.refuse 400 """send {"key": "…"}, or {"name": "…", "password": "…"}"""

    let private signIn access (waiting: SemaphoreSlim) (context: HttpContext) : Task =
        task {
            match! Http.readJson context with
            | Error refusal -> do! Http.writeRefusal context refusal
            | Ok body ->
                if waiting.Wait 0 then
                    try
                        match find access body with
                        | Error refusal -> do! Http.writeRefusal context refusal
                        | Ok None ->
                            do! Task.Delay(penalty, context.RequestAborted)
                            do! Http.writeError context 401 "nobody here has this key, or this name and password"
                        | Ok(Some caller) ->
                            let struct (token, session) = access.Sessions.Begin(caller.Name, DateTimeOffset.UtcNow)
                            context.Response.Cookies.Append(Access.cookie, token, cookieOptions context)
                            do! Http.writeJson context 200 (describe access (Some caller) (Some session))
                    finally
                        waiting.Release() |> ignore
                else
                    do! Http.writeRefusal context { Status = 429; Reason = "too many people sign in at once; try again a little later" }
        }

    /// Who signs others out does no harm: it needs no token.
    let private signOut access (context: HttpContext) : Task =
        context.Request.Cookies[Access.cookie] |> Option.ofObj |> Option.iter access.Sessions.End
        context.Response.Cookies.Delete(Access.cookie, cookieOptions context)
        Http.writeJson context 200 (describe access None None)

    let map (app: WebApplication) access =
        let waiting = new SemaphoreSlim(mostWaiting)
        Http.mapRead app "/v1/session" (who access)
        app.MapPost("/v1/session", RequestDelegate(signIn access waiting)) |> ignore
        app.MapDelete("/v1/session", RequestDelegate(signOut access)) |> ignore
