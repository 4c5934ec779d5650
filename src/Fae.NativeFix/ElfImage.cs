using System.Buffers.Binary;
using System.Text;

namespace Fae.NativeFix;

/// <summary>The few tables of a little-endian 64-bit ELF shared library that say which versions of which symbols it wants.</summary>
internal sealed class ElfImage
{
    private const uint DynSym = 11;
    private const uint VersionNeeds = 0x6ffffffe;
    private const uint VersionOfSymbol = 0x6fffffff;
    private readonly byte[] bytes;
    private readonly Dictionary<uint, (int Offset, int Size, int Link)> sections = [];

    private ElfImage(byte[] bytes)
    {
        this.bytes = bytes;
        var table = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(0x28));
        var entry = U16(0x3A);
        var count = U16(0x3C);
        for (var i = 0; i < count; i++)
        {
            var at = table + i * entry;
            sections.TryAdd(U32(at + 4), (checked((int)U64(at + 0x18)), checked((int)U64(at + 0x20)), (int)U32(at + 0x28)));
        }
        // Both tables name their strings through the section that they link to: .dynstr.
        if (sections.TryGetValue(DynSym, out var symbols))
        {
            var at = table + symbols.Link * entry;
            Strings = checked((int)U64(at + 0x18));
        }
    }

    private int Strings { get; }

    /// <summary>The tables of a library, or null where the bytes are no 64-bit little-endian ELF with symbol versions.</summary>
    public static ElfImage? TryParse(byte[] bytes)
    {
        if (bytes.Length < 64 || !bytes.AsSpan(0, 6).SequenceEqual<byte>([0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1]))
            return null;
        var image = new ElfImage(bytes);
        return image.sections.ContainsKey(DynSym) && image.sections.ContainsKey(VersionNeeds) && image.sections.ContainsKey(VersionOfSymbol)
            ? image
            : null;
    }

    /// <summary>Every version that the library needs: of which file, its name, its index, and where its flags stand.</summary>
    public IEnumerable<(string File, string Version, ushort Index, int FlagsAt)> Needs()
    {
        var need = sections[VersionNeeds].Offset;
        while (true)
        {
            var file = Text(U32(need + 4));
            var aux = need + (int)U32(need + 8);
            for (int i = 0, count = U16(need + 2); i < count; i++)
            {
                yield return (file, Text(U32(aux + 8)), U16(aux + 6), aux + 4);
                aux += (int)U32(aux + 12);
            }
            var next = (int)U32(need + 12);
            if (next == 0)
                yield break;
            need += next;
        }
    }

    /// <summary>The dynamic symbols that use a version index: where their name and their version entry stand.</summary>
    public IEnumerable<(string Name, int NameAt, int VersionAt)> SymbolsOf(ushort index)
    {
        var (symbols, size, _) = sections[DynSym];
        var versions = sections[VersionOfSymbol].Offset;
        for (var i = 0; i < size / 24; i++)
        {
            if ((U16(versions + 2 * i) & 0x7FFF) != index)
                continue;
            var name = U32(symbols + 24 * i);
            yield return (Text(name), Strings + (int)name, versions + 2 * i);
        }
    }

    /// <summary>The names of the symbols that it must find elsewhere; those that it could do without are left out.</summary>
    public IEnumerable<string> Wanted()
    {
        const int weak = 2;
        var (symbols, size, _) = sections[DynSym];
        for (var at = symbols + 24; at < symbols + size; at += 24)
            if (U16(at + 6) == 0 && bytes[at + 4] >> 4 != weak)
                yield return Text(U32(at));
    }

    /// <summary>Overwrites a 16-bit field.</summary>
    public void Write(int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at), value);

    /// <summary>Overwrites a name by a shorter one.</summary>
    public void Write(int at, string name)
    {
        Encoding.ASCII.GetBytes(name, bytes.AsSpan(at));
        bytes[at + name.Length] = 0;
    }

    private ushort U16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private ulong U64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));

    private string Text(uint offset)
    {
        var start = Strings + (int)offset;
        return Encoding.ASCII.GetString(bytes, start, Array.IndexOf(bytes, (byte)0, start) - start);
    }
}
