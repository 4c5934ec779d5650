using Google.Protobuf;

namespace Fae.Detection;

/// <summary>Protocol-buffer messages written field by field, by their schema's numbers: TensorBoard's events and ONNX models.</summary>
internal static class WireMessage
{
    /// <summary>The bytes of a message whose fields <paramref name="write"/> writes.</summary>
    public static ByteString Of(Action<CodedOutputStream> write)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true))
            write(output);
        return UnsafeByteOperations.UnsafeWrap(bytes.GetBuffer().AsMemory(0, (int)bytes.Length));
    }

    /// <summary>A field of a whole number.</summary>
    public static void Number(this CodedOutputStream message, int field, long value)
    {
        message.WriteTag(field, WireFormat.WireType.Varint);
        message.WriteInt64(value);
    }

    /// <summary>A field of a text.</summary>
    public static void Text(this CodedOutputStream message, int field, string value)
    {
        message.WriteTag(field, WireFormat.WireType.LengthDelimited);
        message.WriteString(value);
    }

    /// <summary>A field of bytes, or of a message.</summary>
    public static void Bytes(this CodedOutputStream message, int field, ByteString value)
    {
        message.WriteTag(field, WireFormat.WireType.LengthDelimited);
        message.WriteBytes(value);
    }
}
