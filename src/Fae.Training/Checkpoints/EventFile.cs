using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Fae.Detection;
using Google.Protobuf;

namespace Fae.Training;

/// <summary>
/// Training curves for TensorBoard: a file of framed Event messages (tensorflow/core/util/event.proto), each flushed as it is written, so
/// that `tensorboard --logdir RUN` follows a running training.
/// </summary>
public sealed class EventFile : IDisposable
{
    private readonly FileStream stream;
    private readonly TimeProvider clock;

    /// <summary>A new event file in this folder.</summary>
    public EventFile(string folder, TimeProvider? clock = null)
    {
        this.clock = clock ?? TimeProvider.System;
        Directory.CreateDirectory(folder);
        var name = string.Create(
            CultureInfo.InvariantCulture,
            $"events.out.tfevents.{this.clock.GetUtcNow().ToUnixTimeSeconds():D10}.{Environment.ProcessId}.fae"
        );
        stream = new FileStream(Path.Combine(folder, name), FileMode.Create, FileAccess.Write, FileShare.Read);
        Append(output => output.Text(3, "brain.Event:2"));
    }

    /// <summary>Adds one value of a curve.</summary>
    public void Scalar(string tag, long step, double value) =>
        Append(output =>
        {
            output.Number(2, step);
            output.Bytes(
                5,
                WireMessage.Of(summary =>
                    summary.Bytes(
                        1,
                        WireMessage.Of(entry =>
                        {
                            entry.Text(1, tag);
                            entry.WriteTag(2, WireFormat.WireType.Fixed32);
                            entry.WriteFloat((float)value);
                        })
                    )
                )
            );
        });

    /// <inheritdoc/>
    public void Dispose() => stream.Dispose();

    /// <summary>One record: length, its checksum, the event, its checksum (the TFRecord framing).</summary>
    private void Append(Action<CodedOutputStream> write)
    {
        var message = WireMessage.Of(output =>
        {
            output.WriteTag(1, WireFormat.WireType.Fixed64);
            output.WriteDouble(clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
            write(output);
        });
        var record = new byte[8 + 4 + message.Length + 4];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)message.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), MaskedChecksum(record.AsSpan(0, 8)));
        message.Span.CopyTo(record.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + message.Length), MaskedChecksum(message.Span));
        stream.Write(record);
        stream.Flush();
    }

    private static uint MaskedChecksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
    }
}
