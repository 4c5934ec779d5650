namespace Fae.Detection;

/// <summary>The points of an atomic write, for tests.</summary>
public enum WritePoint
{
    /// <summary>The temporary file was created.</summary>
    Opened,

    /// <summary>All content was written.</summary>
    Written,

    /// <summary>It was flushed to the disk, under its temporary name.</summary>
    Flushed,
}

/// <summary>Files that are there whole or not at all.</summary>
public static class AtomicFile
{
    /// <summary>
    /// Writes to a temporary file in the same folder, flushes it to disk, and renames it over the target. <paramref name="reached"/>
    /// hears of every point on the way and may throw there, as a disk may.
    /// </summary>
    public static void Write(string path, Action<Stream> write, Action<WritePoint>? reached = null)
    {
        ArgumentNullException.ThrowIfNull(write);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? ".";
        Directory.CreateDirectory(folder);
        var name = Path.GetFileName(path);
        RemoveLeftovers(folder, name);
        var temporary = Path.Combine(folder, $".{name}.{Environment.ProcessId}.tmp");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                reached?.Invoke(WritePoint.Opened);
                write(stream);
                reached?.Invoke(WritePoint.Written);
                stream.Flush(flushToDisk: true);
                reached?.Invoke(WritePoint.Flushed);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (ArgumentOutOfRangeException e) when (e.Source == "System.Private.CoreLib")
        {
            // What .NET makes of EFBIG.
            throw new IOException($"{path}: the file system takes no file of that size", e);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>What processes left that were killed while they wrote this file.</summary>
    private static void RemoveLeftovers(string folder, string name)
    {
        foreach (var left in Directory.EnumerateFiles(folder, $".{name}.*.tmp"))
        {
            var writer = Path.GetFileName(left)[(name.Length + 2)..^4];
            if (
                int.TryParse(writer, System.Globalization.CultureInfo.InvariantCulture, out var process)
                && process != Environment.ProcessId
                && !Lives(process)
            )
                File.Delete(left);
        }
    }

    private static bool Lives(int process)
    {
        try
        {
            using var found = System.Diagnostics.Process.GetProcessById(process);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <summary>Copies a file.</summary>
    public static void Copy(string source, string path) =>
        Write(
            path,
            stream =>
            {
                using var from = File.OpenRead(source);
                from.CopyTo(stream);
            }
        );

    /// <summary>Writes a text as UTF-8.</summary>
    public static void WriteText(string path, string text, Action<WritePoint>? reached = null) =>
        Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)), reached);
}
