using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fae.Detection;

/// <summary>A named array of 32-bit floats.</summary>
public sealed record NamedArray(string Name, long[] Shape, float[] Values)
{
    /// <summary>The array of this name and shape.</summary>
    /// <exception cref="InvalidDataException">It is missing or of another shape.</exception>
    public static NamedArray Find(IReadOnlyDictionary<string, NamedArray> arrays, string name, long[] shape)
    {
        if (!arrays.TryGetValue(name, out var array))
            throw new InvalidDataException($"it lacks the array '{name}' that its configuration asks for");
        if (!array.Shape.SequenceEqual(shape))
            throw new InvalidDataException($"its array '{name}' is {string.Join('×', array.Shape)}, not {string.Join('×', shape)}");
        return array;
    }
}

/// <summary>A named array of bytes.</summary>
public sealed record NamedBytes(string Name, long[] Shape, byte[] Values);

/// <summary>What a safetensors file holds: arrays of floats, arrays of bytes, and a map of texts.</summary>
public sealed record SafeTensorsContent(
    IReadOnlyList<NamedArray> Arrays,
    IReadOnlyList<NamedBytes> Bytes,
    IReadOnlyDictionary<string, string> Metadata
);

/// <summary>
/// The safetensors format, version of 2023: eight bytes of header length, a JSON header, then the raw values. A model file is data: reading
/// one runs no code and allocates no more than the file's size.
/// </summary>
public static class SafeTensors
{
    private const long LargestHeader = 100_000_000;

    /// <summary>Writes a file atomically: to a temporary name beside it, then renamed.</summary>
    public static void Write(string path, SafeTensorsContent content)
    {
        ArgumentNullException.ThrowIfNull(content);
        var header = new JsonObject
        {
            ["__metadata__"] = new JsonObject(
                content.Metadata.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value))
            ),
        };
        long offset = 0;
        void Announce(string name, string type, long[] shape, long length)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = type,
                ["shape"] = new JsonArray(shape.Select(n => (JsonNode?)n).ToArray()),
                ["data_offsets"] = new JsonArray(offset, offset + length),
            };
            offset += length;
        }

        foreach (var array in content.Arrays)
            Announce(array.Name, "F32", array.Shape, 4L * array.Values.Length);
        foreach (var array in content.Bytes)
            Announce(array.Name, "U8", array.Shape, array.Values.Length);

        var text = header.ToJsonString();
        // The header is padded with spaces so that the values are aligned to eight bytes.
        var bytes = Encoding.UTF8.GetBytes(text);
        var padding = (8 - bytes.Length % 8) % 8;
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, bytes.Length + padding);

        AtomicFile.Write(
            path,
            stream =>
            {
                stream.Write(length);
                stream.Write(bytes);
                stream.Write(Encoding.ASCII.GetBytes(new string(' ', padding)));
                foreach (var array in content.Arrays)
                    stream.Write(MemoryMarshal.AsBytes(array.Values.AsSpan()));
                foreach (var array in content.Bytes)
                    stream.Write(array.Values);
            }
        );
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or no safetensors file; the message says how.</exception>
    public static SafeTensorsContent Read(string path)
    {
        using var stream = File.OpenRead(path);
        return Read(stream);
    }

    /// <summary>Reads from the beginning of a stream that can be sought in.</summary>
    /// <exception cref="InvalidDataException">It is damaged or no safetensors file; the message says how.</exception>
    public static SafeTensorsContent Read(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var length = new byte[8];
        if (stream.ReadAtLeast(length, 8, throwOnEndOfStream: false) < 8)
            throw new InvalidDataException("it is shorter than a safetensors header");
        var headerLength = BinaryPrimitives.ReadInt64LittleEndian(length);
        if (headerLength < 2 || headerLength > LargestHeader || headerLength > stream.Length - 8)
            throw new InvalidDataException("its header length makes no sense: no safetensors file, or cut short");
        var bytes = new byte[headerLength];
        stream.ReadExactly(bytes);
        try
        {
            return ReadBody(
                stream,
                JsonNode.Parse(bytes)?.AsObject() ?? throw new InvalidDataException("its header is empty"),
                8 + headerLength
            );
        }
        catch (Exception e) when (MeansDamage(e))
        {
            throw new InvalidDataException("its header is damaged", e);
        }
    }

    /// <summary>
    /// The exceptions of reading malformed JSON: missing or duplicate keys, values of another kind.
    /// </summary>
    internal static bool MeansDamage(Exception e) =>
        e is JsonException or InvalidOperationException or FormatException or OverflowException or ArgumentException;

    /// <summary>
    /// The whole numbers of a list. A missing list is an error of its own and no NullReferenceException: .NET raises that by a signal, and
    /// a thread that has computed with AMX (bfloat16 in libtorch) has no room for its registers on the signal's stack.
    /// </summary>
    private static long[] Numbers(JsonObject entry, string key) =>
        entry[key] is JsonArray list
            ? list.Select(n => n?.GetValue<long>() ?? throw new InvalidDataException($"its list '{key}' is damaged")).ToArray()
            : throw new InvalidDataException($"its list '{key}' is missing");

    private static SafeTensorsContent ReadBody(Stream stream, JsonObject header, long start)
    {
        var metadata = new Dictionary<string, string>();
        var arrays = new List<NamedArray>();
        var bytes = new List<NamedBytes>();
        // Arrays that share their values could ask for any amount of memory.
        var left = stream.Length - start;
        foreach (var (name, node) in header)
        {
            if (node is not JsonObject entry)
                throw new InvalidDataException($"its entry '{name}' is damaged");
            if (name == "__metadata__")
            {
                foreach (var (key, value) in entry)
                    metadata[key] = value?.GetValue<string>() ?? "";
                continue;
            }
            var width = entry["dtype"]?.GetValue<string>() switch
            {
                "F32" => 4,
                "U8" => 1,
                _ => throw new InvalidDataException($"its array '{name}' is neither of 32-bit floats nor of bytes"),
            };
            var shape = Numbers(entry, "shape");
            if (Numbers(entry, "data_offsets") is not [var from, var to])
                throw new InvalidDataException($"its array '{name}' has no begin and end");
            var count = shape.Aggregate(1L, (a, b) => checked(a * b));
            if (shape.Any(n => n < 0) || from < 0 || to < from || to > stream.Length - start || to - from != checked(width * count))
                throw new InvalidDataException($"its array '{name}' lies outside the file: cut short or damaged");
            left -= to - from;
            if (left < 0)
                throw new InvalidDataException("its arrays overlap");
            stream.Position = start + from;
            if (width == 1)
            {
                bytes.Add(new NamedBytes(name, shape, new byte[count]));
                stream.ReadExactly(bytes[^1].Values);
                continue;
            }
            arrays.Add(new NamedArray(name, shape, new float[count]));
            stream.ReadExactly(MemoryMarshal.AsBytes(arrays[^1].Values.AsSpan()));
        }
        return new SafeTensorsContent(arrays, bytes, metadata);
    }
}
