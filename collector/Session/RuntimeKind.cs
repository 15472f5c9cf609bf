namespace DotnetPprof.Session;

internal enum RuntimeKind
{
    /// <summary>Not .NET at all, as far as can be seen.</summary>
    None,

    /// <summary>This user may not look.</summary>
    Unknown,

    /// <summary>CoreCLR from a library: what the agent can be attached to.</summary>
    CoreClr,

    /// <summary>CoreCLR linked into a single-file program; the profiling interface works the same.</summary>
    SingleFile,

    /// <summary>Compiled ahead of time: no profiling interface exists.</summary>
    NativeAot,
}

/// <summary>Tells the flavours of .NET apart by what a process has mapped and exports.</summary>
internal static class RuntimeKinds
{
    private static ReadOnlySpan<byte> SingleFileExport => "DotNetRuntimeInfo\0"u8;

    private static ReadOnlySpan<byte> NativeAotExport => "DotNetRuntimeDebugHeader\0"u8;

    internal static RuntimeKind Of(int pid)
    {
        if (ProcFs.MappedFiles(pid) is not { } files) return RuntimeKind.Unknown;
        if (files.Any(file => Path.GetFileName(file) == "libcoreclr.so")) return RuntimeKind.CoreClr;
        if (ProcFs.Executable(pid) is not { } executable) return RuntimeKind.Unknown;
        string path = $"/proc/{pid}/root{executable}";
        if (FileSearch.Find(path, SingleFileExport) is not null) return RuntimeKind.SingleFile;
        if (FileSearch.Find(path, NativeAotExport) is not null) return RuntimeKind.NativeAot;
        return RuntimeKind.None;
    }
}
