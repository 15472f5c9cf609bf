using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>A managed assembly with precompiled code: mapped like a library, named by the runtime's events and, for what
/// these leave out, by its own tables.</summary>
internal sealed class AssemblyModule(string path, Mapping mapping, ReadyToRunImage? image, AssemblyMetadata? metadata, Action<string> warn)
    : NativeModule(path, mapping)
{
    private readonly Dictionary<ulong, Function> functions = [];
    private bool damaged;

    /// <summary>How far into its function a byte of the file is.</summary>
    public PrecompiledFunction? FunctionAt(ulong fileOffset) => image?.FunctionAt(fileOffset);

    /// <summary>The name of code that no event told of.</summary>
    public Function NameAt(ulong fileOffset)
    {
        PrecompiledFunction? function = image?.FunctionAt(fileOffset);
        ulong start = fileOffset - (function?.Distance ?? 0);
        if (!functions.TryGetValue(start, out Function? name))
            functions.Add(start, name = Definition(function, fileOffset) ?? NativeName.ToFunction(Path, start));
        return name;
    }

    private Function? Definition(PrecompiledFunction? function, ulong fileOffset)
    {
        if (image is null || damaged) return null;
        try
        {
            if (function is { } known) return image.DefinitionAt(known.Index) is { } token ? metadata?.FunctionOf(token) : null;
            return image.IsThunk(fileOffset) ? StubKinds.ToFunction("delay-load thunk") : null;
        }
        catch (Exception e) when (Lines.PdbFiles.IsDamage(e))
        {
            damaged = true;
            warn($"{Path}: {e.Message}; methods that the runtime does not report stay unnamed");
            return null;
        }
    }
}
