using System.Text;

namespace DotnetPprof.Symbolize;

/// <param name="Start">Linked address.</param>
/// <param name="End">First linked address past it.</param>
/// <param name="Name">As in the file, not demangled.</param>
internal readonly record struct ElfSymbol(ulong Start, ulong End, string Name);

/// <summary>
/// The functions of an ELF symbol table by linked address. A symbol names what lies within its size and nothing else:
/// a stripped library exports a handful of functions, and naming by the nearest one would lie. Only in a full .symtab
/// does a symbol without a size (written in assembly) reach up to the next one of its section.
/// </summary>
internal sealed class ElfSymbols
{
    private const int EntrySize = 24;
    private const uint MaxTableBytes = 128 << 20;
    private const uint MaxNameBytes = 256 << 20;
    private const int MaxNameLength = 16384;

    /// <summary>How many symbols that start further down are tried: one inside another is rare and shallow.</summary>
    private const int MaxNesting = 64;

    private readonly Entry[] entries;
    private readonly byte[] names;

    private ElfSymbols(Entry[] entries, byte[] names)
    {
        this.entries = entries;
        this.names = names;
    }

    public int Count => entries.Length;

    /// <summary>Reads .symtab, or .dynsym where there is none; null when the file has neither.</summary>
    public static ElfSymbols? Read(ElfFile file)
    {
        ElfSection? full = null, dynamic = null;
        foreach (ElfSection section in file.Sections)
        {
            if (section.Type == ElfFile.SectionSymbols) full ??= section;
            if (section.Type == ElfFile.SectionDynamicSymbols) dynamic ??= section;
        }

        return full is { } all ? Read(file, all, isFull: true) : dynamic is { } some ? Read(file, some, isFull: false) : null;
    }

    public ElfSymbol? Find(ulong address)
    {
        int low = 0, high = entries.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (entries[middle].Start <= address) low = middle + 1;
            else high = middle;
        }

        for (int i = low - 1; i >= 0 && i >= low - MaxNesting; i--)
        {
            Entry entry = entries[i];
            if (address >= entry.End) continue;

            // Aliases stand together, the best first.
            while (i > 0 && entries[i - 1].Start == entry.Start && address < entries[i - 1].End) entry = entries[--i];
            string name = NameAt(entry.Name);
            return name.Length > 0 ? new ElfSymbol(entry.Start, entry.End, name) : null;
        }

        return null;
    }

    private static ElfSymbols Read(ElfFile file, ElfSection table, bool isFull)
    {
        if (table.Link >= file.Sections.Count) throw new InvalidDataException("symbol table without its strings");
        ElfSection strings = file.Sections[(int)table.Link];
        byte[] names = file.Bytes.Read(strings.Offset, strings.Size, MaxNameBytes, "symbol names");
        ReadOnlySpan<byte> symbols = file.Bytes.Read(table.Offset, table.Size, MaxTableBytes, "symbol table");
        var found = new List<Entry>();
        for (int at = 0; at + EntrySize <= symbols.Length; at += EntrySize)
        {
            ReadOnlySpan<byte> symbol = symbols.Slice(at, EntrySize);
            uint name = ElfFile.U32(symbol, 0);
            int type = symbol[4] & 15, binding = symbol[4] >> 4;
            ushort section = ElfFile.U16(symbol, 6);
            ulong value = ElfFile.U64(symbol, 8), size = ElfFile.U64(symbol, 16);

            // Functions, indirect functions, and untyped labels; section 0 means it is defined elsewhere.
            if (type is not (0 or 2 or 10) || section == 0 || section >= file.Sections.Count || name >= names.Length || names[name] == 0) continue;
            ElfSection home = file.Sections[section];
            if ((home.Flags & ElfFile.SectionExecutable) == 0 || value < home.Address || value - home.Address >= home.Size) continue;
            ulong sectionEnd = home.Size > ulong.MaxValue - home.Address ? ulong.MaxValue : home.Address + home.Size;
            if (size == 0 && !isFull) continue;
            ulong end = size == 0 ? sectionEnd : value + Math.Min(size, sectionEnd - value);
            found.Add(new Entry(value, end, name, Rank(type, binding, size), size == 0));
        }

        Entry[] entries = [.. found];
        Array.Sort(entries);
        EndOpenSymbols(entries);
        return new ElfSymbols(entries, names);
    }

    /// <summary>A symbol without a size ends where the next begins.</summary>
    private static void EndOpenSymbols(Entry[] entries)
    {
        ulong nextStart = ulong.MaxValue;
        for (int i = entries.Length - 1; i >= 0; i--)
        {
            if (i + 1 < entries.Length && entries[i + 1].Start > entries[i].Start) nextStart = entries[i + 1].Start;
            if (entries[i].Open) entries[i] = entries[i] with { End = Math.Min(entries[i].End, nextStart) };
        }
    }

    /// <summary>Of several names for one address the best is the one others link to: global, typed, with a size.</summary>
    private static byte Rank(int type, int binding, ulong size) =>
        (byte)((size == 0 ? 8 : 0) + (type == 0 ? 4 : 0) + (binding switch { 1 => 0, 2 => 1, _ => 2 }));

    private string NameAt(uint offset)
    {
        ReadOnlySpan<byte> rest = names.AsSpan((int)offset);
        int length = rest[..Math.Min(rest.Length, MaxNameLength)].IndexOf((byte)0);
        return length > 0 ? Encoding.UTF8.GetString(rest[..length]) : "";
    }

    private readonly record struct Entry(ulong Start, ulong End, uint Name, byte Rank, bool Open) : IComparable<Entry>
    {
        public int CompareTo(Entry other)
        {
            int order = Start.CompareTo(other.Start);
            if (order == 0) order = Rank.CompareTo(other.Rank);
            return order != 0 ? order : Name.CompareTo(other.Name);
        }
    }
}
