using System.Runtime.InteropServices;
using System.Text;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Tests.Native;

/// <summary>What a linker would want to know of an object file or library (System V gABI; the x86-64 psABI's relocations).</summary>
internal sealed class ElfObject
{
    private const uint SectionRelocations = 4;
    private const uint SectionDynamic = 6;
    private const uint SectionNeededVersions = 0x6ffffffe;
    private const ulong SectionThreadLocal = 0x400;
    private const ulong TagFlags = 30;
    private const ulong TagFlags1 = 0x6ffffffb;
    private const ulong FlagBindNow = 8;
    private const ulong Flag1Now = 1;
    private const ulong Flag1NoDelete = 8;

    /// <summary>R_X86_64_DTPMOD64 to R_X86_64_TPOFF32, and the TLS descriptors.</summary>
    private static readonly HashSet<ulong> s_threadLocalRelocations = [16, 17, 18, 19, 20, 21, 22, 23, 34, 35, 36];

    private readonly byte[] bytes;
    private readonly ElfFile file;

    private ElfObject(byte[] bytes, ElfFile file)
    {
        this.bytes = bytes;
        this.file = file;
    }

    /// <param name="Info">Type in the low four bits, binding above.</param>
    internal readonly record struct Symbol(string Name, byte Info, ushort Section)
    {
        internal bool IsDefined => Section != 0;
        internal bool IsThreadLocal => (Info & 15) == 6;
        internal bool IsIndirectFunction => (Info & 15) == 10;

        /// <summary>The name of a version the library defines, V1.0: an absolute symbol.</summary>
        internal bool IsVersionName => Section == 0xfff1;
    }

    internal IReadOnlyList<Symbol> Symbols => ReadSymbols(ElfFile.SectionSymbols);

    internal IReadOnlyList<Symbol> DynamicSymbols => ReadSymbols(ElfFile.SectionDynamicSymbols);

    internal bool HasThreadLocalSections => file.Sections.Any(section => (section.Flags & SectionThreadLocal) != 0 && section.Size > 0);

    internal IEnumerable<ulong> ThreadLocalRelocations =>
        Words(SectionRelocations, 3).Select(entry => entry[1] & 0xffffffff).Where(s_threadLocalRelocations.Contains);

    internal bool BindsNow => ((Dynamic(TagFlags) & FlagBindNow) | (Dynamic(TagFlags1) & Flag1Now)) != 0;

    internal bool NeverUnloads => (Dynamic(TagFlags1) & Flag1NoDelete) != 0;

    /// <summary>GLIBC_2.34 and the like.</summary>
    internal IReadOnlyList<string> NeededVersions
    {
        get
        {
            var versions = new List<string>();
            foreach (ElfSection section in file.Sections.Where(section => section.Type == SectionNeededVersions))
            {
                for (ulong at = section.Offset, next = 1; next != 0; at += next)
                {
                    int count = U16(at + 2);
                    ulong name = at + U32(at + 8);
                    for (int i = 0; i < count; i++, name += U32(name + 12))
                        versions.Add(Name(section, U32(name + 8)));
                    next = U32(at + 12);
                }
            }
            return versions;
        }
    }

    internal static ElfObject Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        return new ElfObject(bytes, ElfFile.Read(ByteSource.OfMemory(bytes)));
    }

    private ulong Dynamic(ulong tag) => Words(SectionDynamic, 2).FirstOrDefault(entry => entry[0] == tag)?[1] ?? 0;

    private IEnumerable<ulong[]> Words(uint sectionType, int perEntry)
    {
        foreach (ElfSection section in file.Sections.Where(section => section.Type == sectionType))
        {
            foreach (ulong[] entry in MemoryMarshal.Cast<byte, ulong>(bytes.AsSpan((int)section.Offset, (int)section.Size)).ToArray().Chunk(perEntry))
                yield return entry;
        }
    }

    private IReadOnlyList<Symbol> ReadSymbols(uint type)
    {
        var symbols = new List<Symbol>();
        foreach (ElfSection section in file.Sections.Where(section => section.Type == type))
        {
            for (ulong at = section.Offset; at < section.Offset + section.Size; at += 24)
                symbols.Add(new Symbol(Name(section, U32(at)), bytes[at + 4], U16(at + 6)));
        }
        return symbols;
    }

    private string Name(ElfSection section, uint offset)
    {
        int start = (int)(file.Sections[(int)section.Link].Offset + offset);
        return Encoding.UTF8.GetString(bytes.AsSpan(start, bytes.AsSpan(start).IndexOf((byte)0)));
    }

    private ushort U16(ulong at) => ElfFile.U16(bytes, (int)at);

    private uint U32(ulong at) => ElfFile.U32(bytes, (int)at);
}
