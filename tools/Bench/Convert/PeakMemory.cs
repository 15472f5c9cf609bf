using System.Globalization;

namespace DotnetPprof.Bench.Convert;

/// <summary>The most memory this process had resident at once, as the kernel counts it.</summary>
internal static class PeakMemory
{
    /// <summary>Bytes, since the start or the last <see cref="Reset"/>.</summary>
    public static long Bytes => Field("VmHWM:");

    /// <summary>Bytes resident now.</summary>
    public static long Resident => Field("VmRSS:");

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

    private static long Field(string name)
    {
        foreach (string line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith(name, StringComparison.Ordinal))
                return long.Parse(line.AsSpan(name.Length).Trim().TrimEnd("kB").Trim(), CultureInfo.InvariantCulture) * 1024;
        }
        return 0;
    }
}
