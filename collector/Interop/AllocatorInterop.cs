using System.Runtime.InteropServices;

namespace DotnetPprof.Interop;

/// <summary>
/// What glibc's malloc(3) keeps for the runtime's native parts (mallopt(3), malloc_trim(3)). Another libc has none of this,
/// and then nothing is done.
/// </summary>
internal static partial class AllocatorInterop
{
    private const int ArenaMax = -8; /* M_ARENA_MAX in malloc.h */

    /// <summary>Threads share as many arenas from now on: left alone there are eight for each core, each with its own leftovers.</summary>
    /// <param name="arenas">1 or more.</param>
    public static void LimitArenas(int arenas) => Try(() => MallOpt(ArenaMax, arenas));

    /// <summary>Gives back to the system what is free in all arenas.</summary>
    public static void Trim() => Try(() => MallocTrim(0));

    private static void Try(Func<int> call)
    {
        try
        {
            call();
        }
        catch (EntryPointNotFoundException)
        {
            /* A libc without it. */
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallOpt(int parameter, int value);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);
}
