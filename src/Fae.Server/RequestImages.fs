/// The pictures in the body of a request.
namespace Fae.Server

open System
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open Microsoft.AspNetCore.WebUtilities
open Microsoft.Net.Http.Headers

[<RequireQualifiedAccess>]
module RequestImages =
    /// The name of the parts that are pictures.
    let private part = "image"

    /// A boundary is no longer (RFC 2046).
    let private longestBoundary = 70

    let private unquoted (text: Microsoft.Extensions.Primitives.StringSegment) = string (HeaderUtilities.RemoveQuotes text)

    let private boundaryOf (contentType: string) =
        match MediaTypeHeaderValue.TryParse contentType with
        | true, NonNull kind ->
            match unquoted kind.Boundary with
            | "" -> None
            | boundary when boundary.Length > longestBoundary -> None
            | boundary -> Some boundary
        | _ -> None

    /// All parts of a form that are pictures, held in memory: a full or read-only disk must not matter. With or without a file name.
    let private readForm (boundary: string) (body: Stream) (stop: CancellationToken) =
        task {
            let reader = MultipartReader(boundary, body)
            let pictures = ResizeArray()
            let others = ResizeArray()
            let mutable section = null
            let! first = reader.ReadNextSectionAsync stop
            section <- first

            while not (isNull section) do
                match section with
                | Null -> ()
                | NonNull found ->
                    let name, file =
                        match ContentDispositionHeaderValue.TryParse found.ContentDisposition with
                        | true, NonNull value ->
                            let star = unquoted value.FileNameStar
                            unquoted value.Name, (if star <> "" then star else unquoted value.FileName)
                        | _ -> "", ""

                    if name = part then
                        use buffer = new MemoryStream()
                        do! found.Body.CopyToAsync(buffer, stop)
                        pictures.Add((if file = "" then part else file), buffer.ToArray())
                    else
                        others.Add $"'{name}'"

                let! next = reader.ReadNextSectionAsync stop
                section <- next

            if pictures.Count > 0 then
                return Ok(List.ofSeq pictures)
            else
                let found = if others.Count = 0 then "has no parts" else "has the parts " + String.Join(", ", others)
                return Http.refuse 400 $"the form {found}; a picture is a part named '{part}'"
        }

    /// What a body is that is text and no picture.
    let private textProblem (bytes: byte[]) =
        let start = Encoding.ASCII.GetString(bytes, 0, min bytes.Length 64).TrimStart()
        let isBase64 (c: char) = Char.IsAsciiLetterOrDigit c || c = '+' || c = '/' || c = '=' || Char.IsWhiteSpace c

        if start.StartsWith '{' || start.StartsWith '[' then
            Some "the body is JSON; send the bytes of the picture's file themselves, or a form with the part 'image'"
        elif start.StartsWith("data:", StringComparison.Ordinal) || start.Length >= 16 && Seq.forall isBase64 start then
            Some "the body is text, base64 as it seems; send the bytes of the picture's file themselves"
        else
            None

    /// The pictures in a request's body: the parts named `image` of a form, or the body itself.
    let read (context: HttpContext) (stop: CancellationToken) : Task<Result<(string * byte[]) list, Refusal>> =
        task {
            let request = context.Request
            let contentType = string request.ContentType

            // `curl --data-binary` calls any body an urlencoded form; a picture is none.
            if contentType.StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase) then
                match boundaryOf contentType with
                | None -> return Http.refuse 400 "the form's Content-Type cannot be read"
                | Some boundary -> return! readForm boundary request.Body stop
            else
                use buffer = new MemoryStream()
                do! request.Body.CopyToAsync(buffer, stop)
                let bytes = buffer.ToArray()

                if bytes.Length = 0 then
                    return Http.refuse 400 "the body is empty; send a picture, or a form with the part 'image'"
                else
                    match textProblem bytes with
                    | Some problem -> return Http.refuse 400 problem
                    | None -> return Ok [ part, bytes ]
        }
