using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
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

/// <summary>What a safetensors file holds: arrays and a map of texts.</summary>
public sealed record SafeTensorsContent(IReadOnlyList<NamedArray> Arrays, IReadOnlyDictionary<string, string> Metadata);

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
        var header = new JsonObject { ["__metadata__"] = new JsonObject(content.Metadata.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value))) };
        long offset = 0;
        foreach (var array in content.Arrays)
        {
            var end = offset + 4L * array.Values.Length;
            header[array.Name] = new JsonObject
            {
                ["dtype"] = "F32",
                ["shape"] = new JsonArray(array.Shape.Select(n => (JsonNode?)n).ToArray()),
                ["data_offsets"] = new JsonArray(offset, end),
            };
            offset = end;
        }

        var text = header.ToJsonString();
        // The header is padded with spaces so that the values are aligned to eight bytes.
        var bytes = Encoding.UTF8.GetBytes(text);
        var padding = (8 - bytes.Length % 8) % 8;
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, bytes.Length + padding);

        AtomicFile.Write(path, stream =>
        {
            stream.Write(length);
            stream.Write(bytes);
            stream.Write(Encoding.ASCII.GetBytes(new string(' ', padding)));
            foreach (var array in content.Arrays)
                stream.Write(MemoryMarshal.AsBytes(array.Values.AsSpan()));
        });
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or no safetensors file; the message says how.</exception>
    public static SafeTensorsContent Read(string path)
    {
        using var stream = File.OpenRead(path);
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
            return ReadBody(stream, JsonNode.Parse(bytes)?.AsObject() ?? throw new InvalidDataException("its header is empty"), 8 + headerLength);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or OverflowException or ArgumentException or KeyNotFoundException)
        {
            throw new InvalidDataException("its header is damaged", e);
        }
    }

    private static SafeTensorsContent ReadBody(FileStream stream, JsonObject header, long start)
    {
        var metadata = new Dictionary<string, string>();
        var arrays = new List<NamedArray>();
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
            if (entry["dtype"]?.GetValue<string>() != "F32")
                throw new InvalidDataException($"its array '{name}' is not of 32-bit floats");
            var shape = entry["shape"]!.AsArray().Select(n => n!.GetValue<long>()).ToArray();
            var from = entry["data_offsets"]![0]!.GetValue<long>();
            var to = entry["data_offsets"]![1]!.GetValue<long>();
            var count = shape.Aggregate(1L, (a, b) => checked(a * b));
            if (shape.Any(n => n < 0) || from < 0 || to < from || to > stream.Length - start || to - from != checked(4 * count))
                throw new InvalidDataException($"its array '{name}' lies outside the file: cut short or damaged");
            var values = new float[count];
            stream.Position = start + from;
            stream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
            arrays.Add(new NamedArray(name, shape, values));
        }
        return new SafeTensorsContent(arrays, metadata);
    }
}
