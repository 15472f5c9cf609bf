using DotnetPprof.Model;

namespace DotnetPprof.Emit;

/// <summary>
/// Writes a profile in pprof's format, gzip-compressed: <c>samples/count</c> and <c>cpu/nanoseconds</c> per sample, the
/// latter last and the default. The same profile gives the same bytes.
/// </summary>
internal static class PprofWriter
{
    /// <summary>Writes all of <paramref name="profile"/> to <paramref name="output"/>, which is left open.</summary>
    public static void Write(Profile profile, Stream output)
    {
        using var message = new PprofMessage(output, profile);
        foreach (ProfileSample sample in (IEnumerable<ProfileSample>?)profile.Timed ?? profile.Samples)
            message.Add(sample);
        message.Finish(profile.Start, profile.DurationNanos, profile.Comments);
    }
}
