using System;
using System.Collections;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Fae.Engine;

/// <summary>
/// The program again, from a folder of links to all that lies beside it but for a few files: the only way to have a .NET program not find a native library that it came with.
/// The process stays the same one: number, streams and signals.
/// </summary>
internal static class Detour
{
    private const string Taken = "FAE_DETOUR";

    /// <summary>Goes on without the files that are left out; returns only where that fails, with the reason.</summary>
    public static string Take(Func<string, bool> leftOut)
    {
        if (OperatingSystem.IsWindows())
            return $"a libtorch lies beside the program and would be loaded as a second one: delete it from {AppContext.BaseDirectory}";
        if (Environment.GetEnvironmentVariable(Taken) is not null)
            return $"the libtorch beside the program is still found from {AppContext.BaseDirectory}";
        if (Environment.ProcessPath is not { } process || Assembly.GetEntryAssembly()?.GetName().Name is not { } name)
            return "the program does not know where it lies";
        try
        {
            var links = Links(name, leftOut);
            var own = Path.GetFileNameWithoutExtension(process) == name;
            string[] head = own ? [Path.Combine(links, Path.GetFileName(process))] : [process, Path.Combine(links, name + ".dll")];
            string?[] arguments = [.. head, .. Environment.GetCommandLineArgs().Skip(1), null];
            string?[] environment = [.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(entry => $"{entry.Key}={entry.Value}"), $"{Taken}=1", null];
            _ = execve(head[0], arguments, environment);
            return $"{head[0]} does not start (error {Marshal.GetLastPInvokeError()})";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"the program cannot be linked: {e.Message}";
        }
    }

    /// <summary>A folder of links, made once for each build of the program. What starts it is copied: its links would lead back.</summary>
    private static string Links(string name, Func<string, bool> leftOut)
    {
        var from = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
        var stamp = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{from} {File.GetLastWriteTimeUtc(Path.Combine(from, name + ".dll")).Ticks}")))[..16];
        var cache = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "fae", "without-libtorch");
        var links = Path.Combine(cache, stamp);
        if (Directory.Exists(links))
            return links;
        var making = $"{links}.{Environment.ProcessId}";
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories).Where(file => !leftOut(file)))
        {
            var to = Path.Combine(making, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            if (Path.GetFileNameWithoutExtension(file) == name || Path.GetFileName(file).StartsWith(name + ".", StringComparison.Ordinal))
                File.Copy(file, to);
            else
                File.CreateSymbolicLink(to, file);
        }
        try
        {
            Directory.Move(making, links);
        }
        catch (IOException) when (Directory.Exists(links))
        {
            // Another process was as quick.
            Directory.Delete(making, true);
        }
        return links;
    }

    [DllImport("libc", ExactSpelling = true, CharSet = CharSet.Ansi, SetLastError = true, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int execve(string path, string?[] arguments, string?[] environment);
}
