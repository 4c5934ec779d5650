using System.Runtime.InteropServices;
using Fae.Gpu;

namespace Fae.Training;

/// <summary>
/// Uploads arrays through pinned memory with double buffering: two host buffers and two device buffers, used in turn. Uploaded data stays
/// valid until two more uploads.
/// </summary>
internal sealed class PinnedUploader(CudaMachine machine, DeviceValue type) : IDisposable
{
    private const int Bytes = 4;
    private readonly Slot[] slots = [new(), new()];
    private int turn;

    /// <summary>
    /// Copies the values to pinned memory and starts the transfer. The device span is valid after <see cref="CudaMachine.Follow"/> with
    /// the transfer.
    /// </summary>
    public (DeviceSpan Span, nint Transfer) Send(IReadOnlyList<Array> arrays)
    {
        var count = 0;
        foreach (var array in arrays)
            count += array.Length;
        var slot = slots[turn++ % slots.Length];
        // Wait until the earlier transfer from this host buffer has ended.
        if (slot.Transfer != 0)
            machine.Wait(slot.Transfer);
        slot.Transfer = 0;
        if (slot.There is null || slot.There.Length < count)
        {
            Release(slot);
            slot.Here = machine.Pin((long)count * Bytes);
            slot.There = machine.Rent(type, count);
        }
        var at = slot.Here;
        foreach (var array in arrays)
        {
            if (array is int[] numbers)
                Marshal.Copy(numbers, 0, at, numbers.Length);
            else
                Marshal.Copy((float[])array, 0, at, array.Length);
            at += array.Length * Bytes;
        }
        var span = slot.There.All.Slice(0, count);
        slot.Transfer = machine.Send(slot.Here, span);
        return (span, slot.Transfer);
    }

    public void Dispose()
    {
        foreach (var slot in slots)
        {
            if (slot.Transfer != 0)
                machine.Wait(slot.Transfer);
            Release(slot);
        }
    }

    private void Release(Slot slot)
    {
        if (slot.Here != 0)
            machine.Unpin(slot.Here);
        slot.Here = 0;
        slot.There?.Dispose();
        slot.There = null;
    }

    private sealed class Slot
    {
        public nint Here { get; set; }

        public DeviceMemory? There { get; set; }

        public nint Transfer { get; set; }
    }
}
