// Inspects picture files. Usage: InspectFile MODEL PICTURE...
using Fae;

if (args.Length < 2)
{
    Console.Error.WriteLine("usage: InspectFile MODEL PICTURE...");
    return 2;
}

if (!Detector.TryLoad(args[0], out var detector, out var problem))
{
    Console.Error.WriteLine(problem);
    return 4;
}

using (detector)
{
    foreach (var path in args.Skip(1))
    {
        Inspection part = detector.Inspect(path);
        if (part.Verdict == Verdict.Unreadable)
            Console.WriteLine($"{path}: unreadable: {part.Problem}");
        else
            Console.WriteLine(part.ToJson());
    }
}

return 0;
