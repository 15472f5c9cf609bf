using System.Globalization;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Samples' times are the wall clock's.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class TimestampTests(ITestOutputHelper log)
{
    private const long Tolerance = 1_000_000;

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void AlternatingFunctionsAreInTheRightHalves(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using TargetProgram target = TargetProgram.StartReady("Alternator");
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "5", "-r", "1000", "--timestamps", "--engine", engine);
        string printed = target.Finish();
        Assert.Contains("done", printed);
        List<(char Function, long Entered, long Left)> visits = [.. printed.Split('\n').Where(line => line.StartsWith("A ", StringComparison.Ordinal) || line.StartsWith("B ", StringComparison.Ordinal)).Select(Visit)];

        long judged = 0;
        long worst = 0;
        long inPlan = 0;
        foreach (PprofSample sample in profile.StackSamples)
        {
            char function = sample.Has("Alternator.Program.A(") ? 'A' : sample.Has("Alternator.Program.B(") ? 'B' : ' ';
            if (function == ' ')
                continue;
            long time = Time(sample);
            judged++;
            worst = Math.Max(worst, visits.Where(visit => visit.Function == function).Min(visit => Distance(time, visit)));
            inPlan += IsInPlan(function, time) ? 1 : 0;
        }
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{judged} samples, worst {worst / 1e3:0.0} µs outside its half, {(double)inPlan / judged:P3} in the planned halves"));
        Assert.True(judged > 500, $"only {judged} samples in A and B");
        Assert.InRange(worst, 0, Tolerance);
        /* When the CPU was taken away at a boundary, the program itself is late; that is the machine's doing, and rare. */
        Assert.InRange((double)inPlan / judged, 0.97, 1);
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void TimesLieInTheCaptureAndNeverGoBackwards(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using TargetProgram target = TargetProgram.StartReady("Burner", "3");
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "3", "-r", "1000", "--timestamps", "--engine", engine);
        var last = new Dictionary<string, long>();
        int count = 0;
        foreach (PprofSample sample in profile.StackSamples)
        {
            long time = Time(sample);
            Assert.InRange(time, profile.TimeNanos, profile.EndNanos);
            string thread = $"{sample.Label("thread id")!.Text ?? ""} {sample.ThreadName}";
            Assert.True(time >= last.GetValueOrDefault(thread), $"thread {thread} goes back by {last.GetValueOrDefault(thread) - time} ns");
            last[thread] = time;
            count++;
        }
        log.WriteLine($"{count} samples of {last.Count} threads");
        Assert.True(last.Count >= 3, string.Join(", ", last.Keys));
        Assert.True(count > 500, $"only {count} samples");
    }

    private static long Time(PprofSample sample)
    {
        PprofLabel label = sample.Label("end_timestamp_ns") ?? throw new InvalidDataException("a sample without its time");
        Assert.Null(label.Text);
        return label.Number;
    }

    private static (char Function, long Entered, long Left) Visit(string line)
    {
        string[] words = line.Trim().Split(' ');
        return (words[0][0], long.Parse(words[1], CultureInfo.InvariantCulture), long.Parse(words[2], CultureInfo.InvariantCulture));
    }

    private static long Distance(long time, (char Function, long Entered, long Left) visit) =>
        Math.Max(0, Math.Max(visit.Entered - time, time - visit.Left));

    private static bool IsInPlan(char function, long time)
    {
        long half = time / 200_000_000;
        long within = time % 200_000_000;
        return (half % 2 == 0) == (function == 'A') || within < Tolerance || within > 200_000_000 - Tolerance;
    }
}
