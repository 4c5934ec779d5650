using System.Text;

namespace Fae.NativeFix;

/// <summary>What the fix did to a file.</summary>
public enum FixOutcome
{
    /// <summary>The library does not ask for the version, or was fixed before.</summary>
    NothingToDo,

    /// <summary>The library was rewritten.</summary>
    Fixed,

    /// <summary>The file is no ELF library that this fix understands; it was left alone.</summary>
    NotUnderstood,
}

/// <summary>
/// libLibTorchSharp.so 0.107 asks for GLIBCXX_3.4.32 for one symbol, an initialiser of iostreams that older libstdc++ run by
/// themselves. The fix makes the version weak and points the symbol to a harmless function of libc.
/// </summary>
public static class GlibcxxFix
{
    private const string Version = "GLIBCXX_3.4.32";
    private const string Symbol = "_ZSt21ios_base_library_initv";
    private const string Harmless = "sched_yield";
    private const ushort Weak = 2;

    /// <summary>Whether this machine's libstdc++ lacks the version. False where there is none to be found: nothing is known then.</summary>
    public static bool IsNeeded()
    {
        string[] folders = ["/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib"];
        var library = folders.Select(folder => Path.Combine(folder, "libstdc++.so.6")).FirstOrDefault(File.Exists);
        return OperatingSystem.IsLinux() && library is not null && !Contains(File.ReadAllBytes(library), Version);
    }

    /// <summary>Fixes one library in place, atomically. Doing it twice changes nothing.</summary>
    public static FixOutcome Apply(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var outcome = Apply(bytes);
        if (outcome == FixOutcome.Fixed)
        {
            var temporary = path + ".fixing";
            File.Copy(path, temporary, overwrite: true); // keeps the file's mode
            File.WriteAllBytes(temporary, bytes);
            File.Move(temporary, path, overwrite: true);
        }
        return outcome;
    }

    /// <summary>Fixes the bytes of a library.</summary>
    public static FixOutcome Apply(byte[] bytes)
    {
        if (ElfImage.TryParse(bytes) is not { } elf)
            return FixOutcome.NotUnderstood;
        var needs = elf.Needs().ToList();
        var wanted = needs.FirstOrDefault(need => need.Version == Version);
        if (wanted.Version is null)
            return FixOutcome.NothingToDo;
        var users = elf.SymbolsOf(wanted.Index).ToList();
        if (users.Count == 0)
            return FixOutcome.NothingToDo;
        var libc = needs.FirstOrDefault(need => need.Version == "GLIBC_2.2.5" && need.File.StartsWith("libc.so", StringComparison.Ordinal));
        if (libc.Version is null || users is not [{ Name: Symbol }])
            return FixOutcome.NotUnderstood;

        elf.Write(wanted.FlagsAt, Weak);
        elf.Write(users[0].NameAt, Harmless);
        elf.Write(users[0].VersionAt, libc.Index);
        return FixOutcome.Fixed;
    }

    private static bool Contains(byte[] bytes, string text) => bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(text)) >= 0;
}
