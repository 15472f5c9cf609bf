using DotnetPprof.Agent.Interop;

namespace DotnetPprof.Agent.Clock;

/// <summary>
/// The function under the target runtime's own Stopwatch: <c>uint64_t SystemNative_GetTimestamp(void)</c>, exported by the
/// runtime's libSystem.Native.so, alike in .NET 8, 9 and 10. Not the copy that is linked into this library.
/// </summary>
internal static unsafe class RuntimeExport
{
    private const string Library = "libSystem.Native.so";
    private const string Runtime = "libcoreclr.so";
    private const string Function = "SystemNative_GetTimestamp";

    private static void* s_function;

    /// <returns>Why there is no such function, or null.</returns>
    internal static string? Open(out void* pointer)
    {
        if (s_function is not null)
        {
            pointer = s_function;
            return null;
        }
        pointer = null;
        void* library = Find();
        if (library is null)
            return $"{Library} is not loaded and does not lie beside {Runtime} (a single-file program has both built in)";
        /* The handle is kept, and so the library stays loaded for as long as the pointer may be used. */
        s_function = pointer = Libc.FindSymbol(library, Function);
        return pointer is null ? $"{Library} has no {Function}" : null;
    }

    private static void* Find()
    {
        if (MappedPath(Library) is { } loaded)
            return Libc.OpenLibrary(loaded, Libc.BindLazily | Libc.OnlyIfLoaded);
        /* The runtime loads it when managed code first calls into it, which in a process that has just been launched is
           still to come. It will then find this very file loaded. */
        if (MappedPath(Runtime) is { } runtime && runtime[..^Runtime.Length] + Library is { } path && File.Exists(path))
            return Libc.OpenLibrary(path, Libc.BindLazily);
        return null;
    }

    private static string? MappedPath(string name)
    {
        try
        {
            foreach (string line in File.ReadLines("/proc/self/maps"))
            {
                if (line.EndsWith(name, StringComparison.Ordinal) && line.IndexOf('/') is > 0 and int path && line[^(name.Length + 1)] == '/')
                    return line[path..];
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            /* Then it is not found. */
        }
        return null;
    }
}
