using System.Globalization;
using System.Text.RegularExpressions;
using DotnetPprof.Region;
using DotnetPprof.Session;
using DotnetPprof.Tests.Harm;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Losses provoked in earnest: what was lost is counted, and the CPU time is complete all the same.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed partial class LossTests(ITestOutputHelper log)
{
    private const int QueueCells = 1024; // native/events.c
    private const int SigInt = 2;
    private const int SigStop = 19;
    private const int SigCont = 18;
    private const string Lost = "[lost samples]";

    /// <summary>The collector sleeps through more than a ring holds, and less than the agent waits for it.</summary>
    [Fact]
    public void SamplesThatFindTheirRingFullAreCountedAndShown()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "1");
        using var witness = new CpuWitness(target.Pid);
        using var collector = new Collector();
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-r", "20000", "--engine", "timer", "--buffer-mb", "1");
        collecting.WaitForLine("Sampling");
        DrainedRecords.Wait(target.Pid, 5000);
        using (MappedRegion region = MappedRegion.Find(target.Pid)!)
        {
            collecting.Signal(SigStop);
            /* No longer than it takes: the agent waits fifteen seconds. */
            Eventually.True(() => region.View.Counter(Counter.LostRingFull) > 0, "a ring was full");
            collecting.Signal(SigCont);
        }
        DrainedRecords.Wait(target.Pid, 5000);
        collecting.Signal(SigInt);
        PprofFile profile = collector.Finish(collecting);
        long truth = witness.Between(profile.TimeNanos, profile.EndNanos);
        target.Finish();

        long counted = Counted(profile, "found their ring full");
        PprofSample[] shown = [.. profile.Samples.Where(sample => sample.Has(Lost))];
        double error = (profile.CpuNanos - truth) / (double)truth;
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{counted} lost of {profile.Samples.Sum(sample => sample.Count)}, {shown.Sum(sample => sample.CpuNanos) / 1e9:0.000} s; error {error:P2}"));
        Assert.True(counted > 0, collecting.Output);
        Assert.Equal(counted, shown.Sum(sample => sample.Count));
        Assert.True(shown.Sum(sample => sample.CpuNanos) > 0);
        Assert.InRange(error, -0.05, 0.05);
    }

    /// <summary>Rings for fewer threads than there are: the busiest have them, the others are counted and their CPU time is.</summary>
    [Fact]
    public void ThreadsThatFindNoRoomAreCounted()
    {
        using TargetProgram target = TargetProgram.StartReady("Burner", "40", "1000", "39000");
        using var witness = new CpuWitness(target.Pid);
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-r", "10000", "-d", "4", "--engine", "timer", "--buffer-mb", "1");
        long truth = witness.Between(profile.TimeNanos, profile.EndNanos);
        target.Finish();
        int sampled = profile.StackSamples.Select(sample => sample.ThreadName).Where(name => name.StartsWith("burner", StringComparison.Ordinal)).Distinct().Count();
        double error = (profile.CpuNanos - truth) / (double)truth;
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{sampled} threads sampled, unsampled {profile.UnsampledShare:P2}, error {error:P2}"));
        Assert.True(Counted(profile, "found no room to be sampled") >= 40 - sampled);
        Assert.InRange(sampled, 16, 32);
        Assert.True(profile.UnsampledShare > 0.05);
        Assert.InRange(error, -0.05, 0.05);
    }

    /// <summary>The agent's thread gets no core while a thousand threads come and go: each is told of twice at least.</summary>
    [Fact]
    public void ThreadEventsThatFindTheAgentsQueueFullAreCounted()
    {
        const int Threads = 1000;
        using TargetProgram target = TargetProgram.StartReady("ThreadParade");
        using var witness = new CpuWitness(target.Pid);
        using var collector = new Collector();
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-r", "1000", "--engine", "timer");
        collecting.WaitForLine("Sampling");
        using (new HeldThread(target.Pid, "dotnet-pprof"))
        {
            target.Send($"dash {Threads} 50");
            target.WaitForLine("done");
        }
        /* It goes on as before. */
        target.Send("parade 20");
        target.WaitForLine("done");
        collecting.Signal(SigInt);
        PprofFile profile = collector.Finish(collecting);
        long truth = witness.Between(profile.TimeNanos, profile.EndNanos);
        using MappedRegion region = MappedRegion.Find(target.Pid)!;
        long lost = (long)region.View.Counter(Counter.LostEvents), taken = (long)region.View.Counter(Counter.Samples);

        int marching = profile.StackSamples.Select(sample => sample.ThreadName).Where(name => name.StartsWith("parade ", StringComparison.Ordinal)).Distinct().Count();
        double error = (profile.CpuNanos - truth) / (double)truth;
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{lost} events lost; {taken} samples taken, {marching} threads seen after that; error {error:P2}, unsampled {profile.UnsampledShare:P2}"));
        Assert.InRange(lost, (2 * Threads) - QueueCells, 8 * Threads);
        Assert.Equal(lost, Counted(profile, "found the agent's queue full"));
        Assert.Equal(taken, profile.StackSamples.Sum(sample => sample.Count));
        Assert.InRange(marching, 10, 20);
        Assert.InRange(error, -0.05, 0.05);
    }

    private static long Counted(PprofFile profile, string reason) =>
        profile.Comments.Where(comment => comment.Contains(reason, StringComparison.Ordinal)).Select(comment => long.Parse(LossCount().Match(comment).Groups[1].ValueSpan, CultureInfo.InvariantCulture)).Sum();

    [GeneratedRegex("^lost: ([0-9]+) ")]
    private static partial Regex LossCount();
}
