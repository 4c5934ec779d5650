using System.Runtime.InteropServices;

namespace Fae.Gpu;

/// <summary>An error of the CUDA driver.</summary>
public sealed class CudaException(string call, int code, string meaning) : Exception($"{call}: {meaning} (CUDA error {code})")
{
    /// <summary>The driver's number of the error.</summary>
    public int Code => code;
}

/// <summary>
/// The few calls of the CUDA driver that launching a kernel takes, each checked. libtorch holds its tensors in the device's primary
/// context: retained here, it is the same one, so that kernels work on tensors where they are.
/// </summary>
internal static partial class CudaDriver
{
    private const string Library = "cuda";
    private const int MajorCapability = 75,
        MinorCapability = 76;
    private const uint NonBlocking = 1,
        NoTiming = 2;

    static CudaDriver() =>
        NativeLibrary.SetDllImportResolver(
            typeof(CudaDriver).Assembly,
            static (name, _, _) => name == Library && TryLoad(out var handle) ? handle : 0
        );

    /// <summary>Why there is no driver; null if there is one.</summary>
    public static string? Missing()
    {
        if (!TryLoad(out _))
            return "there is no CUDA driver on this machine (libcuda.so.1 comes with NVIDIA's driver)";
        var code = cuInit(0);
        return code == 0 ? null : $"the CUDA driver does not start: {Meaning(code)}";
    }

    /// <summary>Retains the primary context of a device and makes it current on this thread.</summary>
    public static (int Device, nint Context) Enter(int ordinal)
    {
        Check(cuInit(0), nameof(cuInit));
        Check(cuDeviceGet(out var device, ordinal), nameof(cuDeviceGet));
        Check(cuDevicePrimaryCtxRetain(out var context, device), nameof(cuDevicePrimaryCtxRetain));
        Use(context);
        return (device, context);
    }

    /// <summary>Makes a context current on this thread.</summary>
    public static void Use(nint context) => Check(cuCtxSetCurrent(context), nameof(cuCtxSetCurrent));

    /// <summary>Waits for all work of this thread's context.</summary>
    public static void Drain() => Check(cuCtxSynchronize(), nameof(cuCtxSynchronize));

    /// <summary>Releases a device's primary context.</summary>
    public static void Leave(int device) => Check(cuDevicePrimaryCtxRelease(device), nameof(cuDevicePrimaryCtxRelease));

    /// <summary>Compute capability.</summary>
    public static (int Major, int Minor) Capability(int device)
    {
        Check(cuDeviceGetAttribute(out var major, MajorCapability, device), nameof(cuDeviceGetAttribute));
        Check(cuDeviceGetAttribute(out var minor, MinorCapability, device), nameof(cuDeviceGetAttribute));
        return (major, minor);
    }

    /// <summary>Loads PTX, which the driver compiles, and finds a function in it.</summary>
    public static (nint Module, nint Function) Load(string ptx, string entry)
    {
        var text = Marshal.StringToCoTaskMemUTF8(ptx);
        try
        {
            Check(cuModuleLoadData(out var module, text), nameof(cuModuleLoadData));
            Check(cuModuleGetFunction(out var function, module, entry), nameof(cuModuleGetFunction));
            return (module, function);
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    /// <summary>Unloads a module.</summary>
    public static void Unload(nint module) => Check(cuModuleUnload(module), nameof(cuModuleUnload));

    /// <summary>Launches on torch's stream, the default one; <paramref name="parameters"/> is an array of addresses of values.</summary>
    public static void Launch(nint function, (int X, int Y) grid, int threads, nint parameters) =>
        Check(cuLaunchKernel(function, (uint)grid.X, (uint)grid.Y, 1, (uint)threads, 1, 1, 0, 0, parameters, 0), nameof(cuLaunchKernel));

    /// <summary>A stream that does not wait for the default one.</summary>
    public static nint NewStream()
    {
        Check(cuStreamCreate(out var stream, NonBlocking), nameof(cuStreamCreate));
        return stream;
    }

    /// <summary>Destroys a stream when its work is done.</summary>
    public static void EndStream(nint stream) => Check(cuStreamDestroy(stream), nameof(cuStreamDestroy));

    /// <summary>Records an event in a stream, after all work so far.</summary>
    public static nint Mark(nint stream)
    {
        Check(cuEventCreate(out var mark, NoTiming), nameof(cuEventCreate));
        Check(cuEventRecord(mark, stream), nameof(cuEventRecord));
        return mark;
    }

    /// <summary>Makes a stream wait for an event.</summary>
    public static void Follow(nint stream, nint mark) => Check(cuStreamWaitEvent(stream, mark, 0), nameof(cuStreamWaitEvent));

    /// <summary>Waits for an event.</summary>
    public static void Wait(nint mark) => Check(cuEventSynchronize(mark), nameof(cuEventSynchronize));

    /// <summary>Destroys an event; streams that wait for it still wait.</summary>
    public static void Forget(nint mark) => Check(cuEventDestroy(mark), nameof(cuEventDestroy));

    /// <summary>Copies from pinned memory to the device's, in a stream.</summary>
    public static void Copy(nint to, nint from, long bytes, nint stream) =>
        Check(cuMemcpyHtoDAsync(to, from, (nuint)bytes, stream), nameof(cuMemcpyHtoDAsync));

    /// <summary>Allocates device memory.</summary>
    public static nint Allocate(long bytes)
    {
        Check(cuMemAlloc(out var address, (nuint)bytes), nameof(cuMemAlloc));
        return address;
    }

    /// <summary>Frees device memory.</summary>
    public static void Free(nint address) => Check(cuMemFree(address), nameof(cuMemFree));

    /// <summary>Copies to device memory and waits for it.</summary>
    public static unsafe void Write(nint to, ReadOnlySpan<byte> from)
    {
        fixed (byte* first = from)
            Check(cuMemcpyHtoD(to, (nint)first, (nuint)from.Length), nameof(cuMemcpyHtoD));
    }

    /// <summary>Copies from device memory and waits for it.</summary>
    public static unsafe void Read(Span<byte> to, nint from)
    {
        fixed (byte* first = to)
            Check(cuMemcpyDtoH((nint)first, from, (nuint)to.Length), nameof(cuMemcpyDtoH));
    }

    /// <summary>Allocates pinned host memory.</summary>
    public static nint Pin(long bytes)
    {
        Check(cuMemAllocHost(out var address, (nuint)bytes), nameof(cuMemAllocHost));
        return address;
    }

    /// <summary>Frees it.</summary>
    public static void Unpin(nint address) => Check(cuMemFreeHost(address), nameof(cuMemFreeHost));

    private static bool TryLoad(out nint handle) =>
        NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out handle);

    private static void Check(int code, string call)
    {
        if (code != 0)
            throw new CudaException(call, code, Meaning(code));
    }

    private static string Meaning(int code) =>
        cuGetErrorString(code, out var text) == 0 ? Marshal.PtrToStringUTF8(text) ?? "unknown" : "unknown";

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuInit(uint flags);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuDeviceGet(out int device, int ordinal);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuDeviceGetAttribute(out int value, int attribute, int device);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuDevicePrimaryCtxRetain(out nint context, int device);

    [LibraryImport(Library, EntryPoint = "cuDevicePrimaryCtxRelease_v2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuDevicePrimaryCtxRelease(int device);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuCtxSetCurrent(nint context);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuCtxSynchronize();

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuModuleLoadData(out nint module, nint image);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuModuleGetFunction(out nint function, nint module, string name);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuModuleUnload(nint module);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuLaunchKernel(
        nint function,
        uint gridX,
        uint gridY,
        uint gridZ,
        uint blockX,
        uint blockY,
        uint blockZ,
        uint sharedBytes,
        nint stream,
        nint parameters,
        nint extra
    );

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuStreamCreate(out nint stream, uint flags);

    [LibraryImport(Library, EntryPoint = "cuStreamDestroy_v2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuStreamDestroy(nint stream);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuStreamWaitEvent(nint stream, nint mark, uint flags);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuEventCreate(out nint mark, uint flags);

    [LibraryImport(Library, EntryPoint = "cuEventDestroy_v2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuEventDestroy(nint mark);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuEventRecord(nint mark, nint stream);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuEventSynchronize(nint mark);

    [LibraryImport(Library, EntryPoint = "cuMemcpyHtoDAsync_v2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuMemcpyHtoDAsync(nint to, nint from, nuint bytes, nint stream);

    [LibraryImport(Library, EntryPoint = "cuMemAlloc_v2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuMemAlloc(out nint address, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cuMemFree_v2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuMemFree(nint address);

    [LibraryImport(Library, EntryPoint = "cuMemcpyHtoD_v2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuMemcpyHtoD(nint to, nint from, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cuMemcpyDtoH_v2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuMemcpyDtoH(nint to, nint from, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cuMemAllocHost_v2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuMemAllocHost(out nint address, nuint bytes);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuMemFreeHost(nint address);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int cuGetErrorString(int code, out nint text);
}
