using Fae.NativeFix;

// Usage: Fae.NativeFix FOLDER. Fixes every libLibTorchSharp.so below the folder, where this machine needs it.
if (args is not [var folder] || !Directory.Exists(folder))
{
    Console.Error.WriteLine("Fae.NativeFix: name one existing folder");
    return 2;
}

if (!GlibcxxFix.IsNeeded())
    return 0;

foreach (var path in Directory.EnumerateFiles(folder, "libLibTorchSharp.so", SearchOption.AllDirectories))
    if (GlibcxxFix.Apply(path) == FixOutcome.NotUnderstood)
        Console.Error.WriteLine($"Fae.NativeFix: warning: {path} is not the library that the fix was made for; left alone");

return 0;
