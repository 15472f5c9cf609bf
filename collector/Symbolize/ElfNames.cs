namespace DotnetPprof.Symbolize;

/// <summary>
/// Where the functions of an ELF file begin and what they are called: by its symbols, or those of its debug file, else by
/// its frame descriptions. Read when first asked for. Any thread may ask.
/// </summary>
internal sealed class ElfNames(ElfFile file)
{
    private readonly Lock gate = new();
    private ElfSymbols? symbols;
    private EhFrameRanges? ranges;
    private bool read;

    public string BuildId => file.BuildId;

    /// <summary>Why functions are not named that might be, or null.</summary>
    public string? Problem { get; private set; }

    /// <param name="fileOffset">Of an instruction's byte.</param>
    /// <param name="findDebugFile">Gives the debug file of a build id, or null; asked once.</param>
    /// <returns>Linked address of the function, or where none is known of the instruction; and the name, where there is one.</returns>
    public (ulong Start, string? Symbol) At(ulong fileOffset, Func<string, ElfFile?> findDebugFile)
    {
        ulong address = file.AddressOf(fileOffset) ?? fileOffset;
        lock (gate)
        {
            if (!read) Read(findDebugFile);
            return symbols?.Find(address) is { } symbol ? (symbol.Start, symbol.Name) : (RangeAround(address)?.Start ?? address, null);
        }
    }

    private (ulong Start, ulong End)? RangeAround(ulong address)
    {
        try
        {
            return ranges?.Find(address);
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            ranges = null;
            Problem = e.Message;
            return null;
        }
    }

    private void Read(Func<string, ElfFile?> findDebugFile)
    {
        read = true;
        try
        {
            ranges = EhFrameRanges.Read(file);
            symbols = file.Sections.Any(section => section.Type == ElfFile.SectionSymbols) ? ElfSymbols.Read(file) : null;
            if (symbols is null && file.BuildId.Length > 0)
            {
                using ElfFile? debug = findDebugFile(file.BuildId);
                symbols = debug is null ? null : ElfSymbols.Read(debug);
            }

            symbols ??= ElfSymbols.Read(file);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            Problem = e.Message;
        }
    }
}
