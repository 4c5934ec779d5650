// Asks a server about a picture. Needs no package. Usage: HttpClientSample URL PICTURE
using System.Text.Json;

if (args.Length != 2)
{
    Console.Error.WriteLine("usage: HttpClientSample URL PICTURE");
    return 2;
}

using var http = new HttpClient { BaseAddress = new Uri(args[0]) };
using var picture = new ByteArrayContent(await File.ReadAllBytesAsync(args[1]));
using var answer = await http.PostAsync("/v1/inspect", picture);
using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());

if (!answer.IsSuccessStatusCode)
{
    Console.Error.WriteLine($"{(int)answer.StatusCode}: {json.RootElement.GetProperty("error").GetString()}");
    return 1;
}

var verdict = json.RootElement.GetProperty("anomalous").GetBoolean() ? "anomalous" : "good";
Console.WriteLine($"{verdict}, score {json.RootElement.GetProperty("score").GetDouble():G4}");
return 0;
