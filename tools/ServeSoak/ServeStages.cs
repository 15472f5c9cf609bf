using DotnetPprof.Tests.PprofReader;

namespace DotnetPprof.ServeSoak;

/// <summary>
/// What the CPU time of <c>serve</c> went to, by a profile of it: the sampling itself, which <c>collect</c> has too for each
/// of its targets, and what being a service adds.
/// </summary>
internal static class ServeStages
{
    /* The first of these counts that a stack has a frame of. */
    private static readonly (string Name, bool IsSampling, string[] Frames)[] s_stages =
    [
        ("naming and writing windows", false, ["ContinuousCapture.Report", "SamplingRun.Close", "DotnetPprof.Emit.", "DotnetPprof.Serve.Window"]),
        ("learning code", true, ["DotnetPprof.Unwind.StackLearner"]),
        ("reading the runtimes' events", true, ["DotnetPprof.Symbolize.EventPipe", "DotnetPprof.Symbolize.EventIntake"]),
        ("attaching and letting go", true, ["CaptureFactory.AttachForever", "ContinuousCapture.End", "ContinuousCapture.PrepareRenewal", "ContinuousCapture.Renew"]),
        ("draining samples", true, ["SamplingRun.DrainUntilStopped"]),
        ("keeping leases", true, ["DotnetPprof.Session.LeaseHeart"]),
        ("giving memory back", false, ["DotnetPprof.Serve.HeapTrim"]),
        ("looking for processes", false, ["DotnetPprof.Serve."]),
        ("HTTP", false, ["Microsoft.AspNetCore."]),
    ];

    private const string Runtime = "the runtime's own: pool, compiler, collector";

    /* What profiling it costs, which it does not cost when nobody does. */
    private const string Profiler = "[dotnet-pprof agent]";

    /// <param name="profile">Of <c>serve</c>.</param>
    /// <returns>Shares of its CPU time, all together 1, largest first.</returns>
    internal static IReadOnlyList<(string Stage, bool IsSampling, double Share)> Of(PprofFile profile)
    {
        int value = profile.SampleTypes.ToList().FindIndex(type => type.Unit == "nanoseconds");
        List<PprofSample> samples = [.. profile.Samples.Where(sample => !sample.FunctionNames.Contains(Profiler))];
        double all = samples.Sum(sample => sample.Values[value]);
        return
        [
            .. samples
                .GroupBy(sample => StageOf([.. sample.FunctionNames]))
                .Select(group => (group.Key.Name, group.Key.IsSampling, group.Sum(sample => sample.Values[value]) / all))
                .OrderByDescending(stage => stage.Item3),
        ];
    }

    private static (string Name, bool IsSampling) StageOf(List<string> frames)
    {
        foreach ((string name, bool isSampling, string[] marks) in s_stages)
        {
            if (frames.Exists(frame => marks.Any(mark => frame.Contains(mark, StringComparison.Ordinal))))
                return (name, isSampling);
        }
        return (Runtime, false);
    }
}
