/// People, sessions, roles and the audit log.
module Fae.Tests.AccessTests

open System
open System.IO
open System.Net
open System.Net.Http
open System.Text
open Expecto
open Fae.Server
open Fae.Tests.Helpers
open Fae.Tests.Serving

let private orFail =
    function
    | Ok value -> value
    | Error(reason: string) -> failtest reason

let private sessionTests =
    [
        test "a session is found by its token until twelve hours after its last use, also in a new process" {
            inTemporaryFolder (fun folder ->
                let path = Some(Path.Combine(folder, "h.db"))
                let start = DateTimeOffset(2026, 11, 27, 6, 0, 0, TimeSpan.Zero)
                let hours (n: float) = start.AddHours n
                let first = orFail (Sessions.Open path)
                let struct (token, session) = first.Begin("ada", start)
                Expect.equal (first.Find(token, hours 1.0)) (Some session) "found"
                Expect.equal (first.Find(token + "x", hours 1.0)) None "another token"
                Expect.equal (first.Find(token, hours 12.5)) (Some session) "it was used after an hour"
                (first :> IDisposable).Dispose()
                let second = orFail (Sessions.Open path)
                Expect.equal (second.Find(token, hours 24.0)) (Some session) "in a new process"
                Expect.equal (second.Find(token, hours 36.5)) None "ended"
                let struct (other, _) = second.Begin("bob", start)
                second.End other
                Expect.equal (second.Find(other, start)) None "signed out"
                let text = Encoding.Latin1.GetString(File.ReadAllBytes path.Value)
                Expect.isFalse (text.Contains other) "the file does not hold the token"
                (second :> IDisposable).Dispose())
        }
        test "people: a line for each, replaced and not doubled; wrong lines are named" {
            let ada = { Name = "ada"; Role = Engineer }
            let lines = People.Replace([ "# our people" ], ada, "the first password")
            let lines = People.Replace(lines, { Name = "bob"; Role = Operator }, "another password")
            let lines = People.Replace(lines, ada, "the second password")
            Expect.equal lines.Length 3 "the comment and two people"

            inTemporaryFolder (fun folder ->
                let path = Path.Combine(folder, "people")
                File.WriteAllLines(path, lines)
                let people = orFail (People.Read path)
                Expect.equal (people.Find("ada", "the second password")) (Some ada) "the new password"
                Expect.equal (people.Find("ada", "the first password")) None "not the old one"
                Expect.equal (people.Find("carl", "another password")) None "nobody"
                Expect.isFalse (String.concat "\n" lines |> _.Contains("password")) "no password is in the file"

                for line, part in
                    [
                        "ada chief xyz", "engineer or operator"
                        "ada", "NAME ROLE HASH"
                        "# nobody", "nobody"
                        "ada operator x\nada operator y", "twice"
                    ] do
                    File.WriteAllText(path, line)

                    match People.Read path with
                    | Error reason -> Expect.stringContains reason part line
                    | Ok _ -> failtest line)
        }
    ]

/// Asks with a cookie and a token, if they are given.
let private asking (http: HttpClient) (method: HttpMethod) (url: string) (cookie: string) (csrf: string) (body: string) =
    let request = new HttpRequestMessage(method, url)
    if cookie <> "" then request.Headers.Add("Cookie", cookie)
    if csrf <> "" then request.Headers.Add("X-Csrf-Token", csrf)

    if body <> "" then
        request.Content <- new StringContent(body, Encoding.UTF8, "application/json")

    http.SendAsync(request).Result

let private overHttp =
    test "signing in by password: the cookie's flags, the token against other sites, what an operator may not do" {
        inTemporaryFolder (fun folder ->
            let people = Path.Combine(folder, "people")

            for name, role in [ "ada", "engineer"; "bob", "operator" ] do
                let made = faeTold $"{name}'s password\n" [ "password"; name; "--people"; people; "--role"; role ]
                Expect.equal made.Code 0 made.Error

            let short = faeTold "short\n" [ "password"; "carl"; "--people"; people ]
            Expect.equal short.Code 2 short.Error

            serving (brightnessModel folder) [ "--people"; people; "--history"; Path.Combine(folder, "h.db") ] (fun served ->
                use http = new HttpClient(new SocketsHttpHandler(UseCookies = false))
                let session = served.Url + "/v1/session"
                let status (answer: HttpResponseMessage) = int answer.StatusCode

                let signIn name password =
                    asking http HttpMethod.Post session "" "" $"{{\"name\": \"{name}\", \"password\": \"{password}\"}}"

                Expect.equal (status (signIn "ada" "bob's password")) 401 "the password of another"
                Expect.equal (status (asking http HttpMethod.Post session "" "" "{}")) 400 "nothing"
                let threshold = served.Url + "/v1/models/" + modelName http served.Url "" + "/threshold"
                let rate = "{\"false_alarm\": 0.3}"

                for name, expected in [ "ada", 200; "bob", 403 ] do
                    let answer = signIn name (name + "'s password")
                    Expect.equal (status answer) 200 name
                    let flags = answer.Headers.GetValues "Set-Cookie" |> Seq.head

                    for flag in [ "httponly"; "samesite=strict" ] do
                        Expect.stringContains (flags.ToLowerInvariant()) flag "a flag"

                    let cookie = flags.Split(';')[0]
                    let csrf = textOf (json answer) "csrf"
                    let get path = status (asking http HttpMethod.Get (served.Url + path) cookie "" "")
                    Expect.equal (get "/v1/history") 200 "may look"
                    Expect.equal (get "/v1/audit") expected "the audit log"
                    let change csrf = status (asking http HttpMethod.Post threshold cookie csrf rate)
                    Expect.equal (change "") 403 "without the token"
                    Expect.equal (change "made up") 403 "with another token"
                    Expect.equal (change csrf) expected "with it"
                    asking http HttpMethod.Delete session cookie "" "" |> ignore
                    Expect.equal (get "/v1/history") 401 "signed out"

                Expect.equal (status (asking http HttpMethod.Get (served.Url + "/v1/models") "" "" "")) 401 "nobody"))
    }

let private audited =
    test "what people change is in the audit log, with their names" {
        inTemporaryFolder (fun folder ->
            let path = Path.Combine(folder, "h.db")

            serving (brightnessModel folder) [ "--history"; path ] (fun served ->
                use http = client ()
                (post http (served.Url + "/v1/inspect") (lightPicture 0)).Wait()
                let send path body = asking http HttpMethod.Post (served.Url + path) "" "" body
                let name = modelName http served.Url ""
                Expect.equal (send "/v1/history/1/mark" "{\"mark\": \"good\"}").StatusCode HttpStatusCode.OK "marked"
                Expect.equal (send $"/v1/models/{name}/threshold" "{\"false_alarm\": 0.3}").StatusCode HttpStatusCode.OK "set"

                for body, code in [ "{\"false_alarm\": 0.01}", 400; "{\"false_alarm\": 2}", 400; "{}", 400 ] do
                    Expect.equal (int (send $"/v1/models/{name}/threshold" body).StatusCode) code body

                Expect.equal (int (send "/v1/models/none/threshold" "{\"false_alarm\": 0.3}").StatusCode) 404 "no such model"
                let entries = (json (http.GetAsync(served.Url + "/v1/audit").Result)).AsArray() |> Seq.map nonNull |> List.ofSeq
                Expect.equal (entries |> List.map (fun entry -> textOf entry "action")) [ "threshold"; "mark" ] "the latest first"
                Expect.equal (textOf (nonNull (entries[0]).["detail"]) "before") "0.5" "what it was"
                Expect.equal (textOf (nonNull (entries[1]).["detail"]) "mark") "good" "the mark"
                Expect.all entries (fun entry -> textOf entry "who" = "anybody") "who"))
    }

let tests = testList "Access" (sessionTests @ [ overHttp; audited ])
