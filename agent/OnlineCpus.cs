using System.Globalization;

namespace DotnetPprof.Agent;

/// <summary>How many CPUs the machine has in use, whichever of them this process may run on: as many events each thread has.</summary>
internal static class OnlineCpus
{
    internal static int Count()
    {
        try
        {
            return Parse(File.ReadAllText("/sys/devices/system/cpu/online"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Environment.ProcessorCount; /* no fewer than this, as far as is known */
        }
    }

    /// <param name="list">As the kernel writes it: 0-3,8,10-11.</param>
    internal static int Parse(ReadOnlySpan<char> list)
    {
        int count = 0;
        foreach (Range range in list.Split(','))
        {
            ReadOnlySpan<char> run = list[range];
            int dash = run.IndexOf('-');
            ReadOnlySpan<char> first = dash < 0 ? run : run[..dash];
            if (int.TryParse(first, CultureInfo.InvariantCulture, out int from) && int.TryParse(run[(dash + 1)..], CultureInfo.InvariantCulture, out int to))
                count += to - from + 1;
        }
        return count;
    }
}
