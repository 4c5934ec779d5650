using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Fae.NativeFix;
using TorchSharp;

namespace Fae.Training;

/// <summary>
/// Loads the user's libtorch, for programs without one (the portable build): a CUDA build, unpacked or from a PyTorch wheel. Its
/// libraries are loaded by full path first, so that TorchSharp's later requests by name resolve to them.
/// </summary>
public static partial class TorchLibraries
{
    /// <summary>The environment variable that names the folder.</summary>
    public const string Variable = "FAE_LIBTORCH";

    /// <summary>In the order of what needs what; those for CUDA may be missing.</summary>
    private static readonly string[] Names = ["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"];

    /// <summary>The folder in use; null: the libtorch beside the program.</summary>
    public static string? Folder { get; private set; }

    /// <summary>The version that TorchSharp was built for.</summary>
    public static string Wanted => torch.__version__;

    /// <summary>Whether the libtorch in use brings CUDA; told without loading any.</summary>
    public static bool HasCuda =>
        Folder is null
            ? Directory.EnumerateFiles(AppContext.BaseDirectory, "*torch_cuda.*", SearchOption.AllDirectories).Any()
            : File.Exists(PathOf(Folder, "torch_cuda"));

    /// <summary>The version of the libtorch in a folder: what its package says beside it; null where nothing is said.</summary>
    public static string? VersionIn(string folder)
    {
        var parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))) ?? "";
        var (unpacked, wheel) = (Path.Combine(parent, "build-version"), Path.Combine(parent, "version.py"));
        if (File.Exists(unpacked))
            return File.ReadAllText(unpacked).Trim();
        return File.Exists(wheel) && Assigned().Match(File.ReadAllText(wheel)) is { Success: true } said ? said.Groups[1].Value : null;
    }

    /// <summary>The version of the libtorch in use, where it is known and not the one that TorchSharp was built for.</summary>
    public static string? Foreign => Folder is { } folder && VersionIn(folder) is { } version && !Agree(version, Wanted) ? version : null;

    /// <summary>Whether there is a libtorch at all: the user's, or one beside the program.</summary>
    public static bool Any => Folder is not null || Beside().Any();

    /// <summary>
    /// Symbols that TorchSharp needs and this libtorch lacks; a call that needs one crashes the program. Empty if that cannot be
    /// determined.
    /// </summary>
    public static IReadOnlyList<string> Lacking()
    {
        var bridge = Directory
            .EnumerateFiles(AppContext.BaseDirectory, "libLibTorchSharp.so", SearchOption.AllDirectories)
            .FirstOrDefault();
        if (Folder is null || bridge is null || ElfImage.TryParse(File.ReadAllBytes(bridge)) is not { } elf)
            return [];
        // A library's handle also resolves the symbols of its dependencies.
        var handles = Names.Select(name => PathOf(Folder, name)).Where(File.Exists).Select(NativeLibrary.Load).ToList();
        return elf.Wanted().Where(symbol => !handles.Any(handle => NativeLibrary.TryGetExport(handle, symbol, out _))).ToList();
    }

    /// <summary>Whether two versions have the same interface: the same major and minor number.</summary>
    public static bool Agree(string a, string b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return a.Split('.').Take(2).SequenceEqual(b.Split('.').Take(2));
    }

    /// <summary>
    /// Loads libtorch from a folder or its subfolder lib. Call it before the first tensor. Returns null, or the problem in one line.
    /// </summary>
    public static string? Use(string folder)
    {
        if (Folder is not null)
            return Folder == folder ? null : $"libtorch was taken from {Folder} already";
        var inner = Path.Combine(folder, "lib");
        var lib = File.Exists(PathOf(folder, "torch_cpu")) ? folder : inner;
        if (!File.Exists(PathOf(lib, "torch_cpu")))
            return $"{folder} holds no libtorch ({Path.GetFileName(PathOf(folder, "torch_cpu"))} is missing): name an unpacked "
                + "libtorch, or the folder torch/lib of a PyTorch wheel";
        if (Beside().Any())
            return "this build carries its own libtorch, and two in one process end it; another one works with the portable "
                + $"build (dotnet fsi build.fsx Portable), or delete {string.Join(", ", Beside().Select(Path.GetFileName))} "
                + $"from {AppContext.BaseDirectory}";
        try
        {
            foreach (var path in Names.Select(name => PathOf(lib, name)).Where(File.Exists))
                NativeLibrary.Load(path);
        }
        catch (DllNotFoundException e)
        {
            return $"the libtorch in {lib} cannot be loaded: {e.Message.Split('\n')[0]}";
        }
        Folder = lib;
        return null;
    }

    /// <summary>
    /// The libtorch beside the program. TorchSharp loads it by path even if another is loaded, and two libtorch copies crash the process.
    /// </summary>
    private static IEnumerable<string> Beside() =>
        Names.SelectMany(name =>
            Directory.EnumerateFiles(AppContext.BaseDirectory, Path.GetFileName(PathOf("", name)), SearchOption.AllDirectories)
        );

    private static string PathOf(string folder, string name) =>
        Path.Combine(
            folder,
            OperatingSystem.IsWindows() ? name + ".dll"
                : OperatingSystem.IsMacOS() ? $"lib{name}.dylib"
                : $"lib{name}.so"
        );

    [GeneratedRegex(@"^__version__\s*=\s*['""]([^'""]+)['""]", RegexOptions.Multiline)]
    private static partial Regex Assigned();
}
