using DotnetPprof.Bench.Processes;

namespace DotnetPprof.Bench.Convert;

/// <summary>The most memory this process had resident at once, as the kernel counts it.</summary>
internal static class PeakMemory
{
    /// <summary>Bytes, since the start or the last <see cref="Reset"/>.</summary>
    public static long Bytes => ProcessUsage.Of(Environment.ProcessId).PeakBytes;

    /// <summary>Bytes resident now.</summary>
    public static long Resident => ProcessUsage.Of(Environment.ProcessId).ResidentBytes;

    /// <summary>Begins anew with what is resident now, where the kernel permits it.</summary>
    public static void Reset()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The peak is then the process's: too high where another measurement came first, never too low.
        }
    }
}
