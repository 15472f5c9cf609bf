using System.Text.RegularExpressions;

namespace DotnetPprof.Upload;

/// <summary>Finds a container's id in the text of /proc/PID/cgroup.</summary>
internal static partial class ContainerId
{
    /// <returns>64 hex digits, as Docker, containerd, CRI-O and Podman name control groups; empty outside of a container.</returns>
    public static string Of(string cgroups)
    {
        foreach (string line in cgroups.Split('\n'))
        {
            // The innermost group is the container; what is above it may be named after the pod's sandbox.
            if (Id().Matches(line) is { Count: > 0 } ids)
                return ids[^1].Value;
        }
        return "";
    }

    [GeneratedRegex("(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", RegexOptions.CultureInvariant)]
    private static partial Regex Id();
}
