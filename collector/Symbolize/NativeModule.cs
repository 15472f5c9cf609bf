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

    /// <summary>The file; null where there is none.</summary>
    public ByteSource? Bytes { get; init; }
}

/// <summary>An ELF module, or one that could not be read: then its places are named by their offset.</summary>
internal sealed class ElfModule(string path, Mapping mapping, ElfNames? names, Func<string, ElfFile?> findDebugFile, Action<string> warn)
    : NativeModule(path, mapping)
{
    private readonly Dictionary<ulong, Function> functions = [];
    private bool warned;

    /// <param name="fileOffset">Of the instruction's byte.</param>
    public Function FunctionAt(ulong fileOffset)
    {
        (ulong start, string? symbol) = names?.At(fileOffset, findDebugFile) ?? (fileOffset, null);
        if (names?.Problem is { } problem && !warned)
        {
            warned = true;
            warn($"{Path}: {problem}; its functions stay unnamed");
        }

        if (!functions.TryGetValue(start, out Function? function))
        {
            function = symbol is null ? NativeName.ToFunction(Path, start) : NativeName.ToFunction(symbol, Path);
            functions.Add(start, function);
        }

        return function;
    }
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
