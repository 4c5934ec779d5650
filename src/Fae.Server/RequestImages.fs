/// The pictures in the body of a request.
namespace Fae.Server

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Http

[<RequireQualifiedAccess>]
module internal RequestImages =
    /// The pictures in a request's body: the parts named `image` of a form, or the body itself.
    let read (context: HttpContext) (stop: CancellationToken) : Task<Result<(string * byte[]) list, Refusal>> =
        task {
            let request = context.Request

            // `curl --data-binary` calls any body an urlencoded form; a picture is none.
            let isForm = (string request.ContentType).StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase)

            if isForm && not request.HasFormContentType then
                return Http.refuse 400 "the form's Content-Type cannot be read"
            elif isForm then
                let! form = request.ReadFormAsync stop

                match
                    [
                        for file in form.Files do
                            if file.Name = "image" then file
                    ]
                with
                | [] -> return Http.refuse 400 "the form has no part named 'image' with a picture in it"
                | files ->
                    let! read =
                        files
                        |> List.map (fun file ->
                            task {
                                use buffer = new MemoryStream(int file.Length)
                                do! file.CopyToAsync(buffer, stop)
                                return file.FileName, buffer.ToArray()
                            })
                        |> Task.WhenAll

                    return Ok(List.ofArray read)
            else
                use buffer = new MemoryStream()
                do! request.Body.CopyToAsync(buffer, stop)

                if buffer.Length = 0L then
                    return Http.refuse 400 "the body is empty; send a picture, or a form with the part 'image'"
                else
                    return Ok [ "image", buffer.ToArray() ]
        }
