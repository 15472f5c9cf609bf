using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>
/// A file, or something like one, that is mapped executable into the target. The file is opened when the module is first
/// seen and stays open, so that a target that dies or a file that is deleted can still be named; its symbols are read
/// when they are first asked for.
/// </summary>
internal abstract class NativeModule(string path, Mapping mapping)
{
    public string Path { get; } = path;

    public Mapping Mapping { get; } = mapping;
}

/// <summary>An ELF module, or one that could not be read: then its places are named by their offset.</summary>
internal sealed class ElfModule(string path, Mapping mapping, ElfFile? file, Func<string, ElfFile?> findDebugFile, Action<string> warn)
    : NativeModule(path, mapping)
{
    private readonly Dictionary<ulong, Function> functions = [];
    private ElfSymbols? symbols;
    private EhFrameRanges? ranges;
    private bool read;

    /// <param name="fileOffset">Of the instruction's byte.</param>
    public Function FunctionAt(ulong fileOffset)
    {
        if (!read) ReadSymbols();
        ulong address = file?.AddressOf(fileOffset) ?? fileOffset;
        if (symbols?.Find(address) is { } symbol) return Intern(symbol.Start, symbol.Name);
        return Intern(RangeAround(address)?.Start ?? address, null);
    }

    private Function Intern(ulong start, string? symbol)
    {
        if (!functions.TryGetValue(start, out Function? function))
        {
            function = symbol is null ? NativeName.ToFunction(Path, start) : NativeName.ToFunction(symbol, Path);
            functions.Add(start, function);
        }

        return function;
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
            warn($"{Path}: {e.Message}; its functions stay unnamed");
            return null;
        }
    }

    private void ReadSymbols()
    {
        read = true;
        if (file is null) return;
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
            warn($"{Path}: {e.Message}; its functions stay unnamed");
        }
    }
}

/// <summary>A managed assembly with precompiled code: mapped like a library, named by the runtime's events.</summary>
internal sealed class AssemblyModule(string path, Mapping mapping, ReadyToRunImage? image) : NativeModule(path, mapping)
{
    public ReadyToRunImage? Image { get; } = image;
}

/// <summary>Executable memory without a file: one name for all of it.</summary>
internal sealed class NamelessModule : NativeModule
{
    private NamelessModule(string name)
        : base(name, new Mapping(0, 0, 0, name, "", HasFunctions: true))
    {
        Function = NativeName.Bracketed(name);
    }

    /// <summary>The runtime's stubs, thunks and helpers: what its code memory holds beside jitted methods.</summary>
    public static NamelessModule RuntimeStubs { get; } = new("[runtime stubs]");

    public static NamelessModule AnonymousCode { get; } = new("[anonymous code]");

    public Function Function { get; }
}
