namespace DotnetPprof.Symbolize;

/// <summary>
/// The directory of what a precompiled image has beside IL: READYTORUN_HEADER behind the CLI header (the runtime's
/// readytorun.h). Hostile like every file.
/// </summary>
internal sealed class ReadyToRunHeader
{
    /// <summary>"RTR" and a zero.</summary>
    private const uint Signature = 0x00525452;

    private const int MaxSections = 64;
    private const uint MaxSectionBytes = 64 << 20;

    public static readonly ReadyToRunHeader None = new();

    private readonly Dictionary<uint, (uint Address, uint Size)> sections = [];

    private ReadyToRunHeader()
    {
    }

    /// <param name="image">The file.</param>
    /// <param name="cliHeader">RVA of its CLI header.</param>
    public ReadyToRunHeader(PortableImage image, uint cliHeader)
    {
        ReadOnlySpan<byte> native = image.Read(cliHeader + 64, 8, 8, "CLI header");
        uint address = ElfFile.U32(native, 0);
        if (address == 0) return;
        ReadOnlySpan<byte> header = image.Read(address, 16, 16, "ReadyToRun header");
        if (ElfFile.U32(header, 0) != Signature) return;
        uint count = Math.Min(ElfFile.U32(header, 12), MaxSections);
        ReadOnlySpan<byte> entries = image.Read(address + 16, count * 12, MaxSections * 12, "ReadyToRun sections");
        for (int at = 0; at < entries.Length; at += 12)
            sections[ElfFile.U32(entries, at)] = (ElfFile.U32(entries, at + 4), ElfFile.U32(entries, at + 8));
    }

    /// <summary>Which function each method definition starts at.</summary>
    public const uint MethodDefEntryPoints = 103;

    /// <summary>Code that calls are bound by at their first use.</summary>
    public const uint DelayLoadThunks = 106;

    /// <summary>A section's bytes; empty without one.</summary>
    public byte[] Read(PortableImage image, uint type) =>
        sections.TryGetValue(type, out (uint Address, uint Size) at) ? image.Read(at.Address, at.Size, MaxSectionBytes, "ReadyToRun section") : [];

    public bool Contains(uint type, uint address) =>
        sections.TryGetValue(type, out (uint Address, uint Size) at) && address - at.Address < at.Size;
}
