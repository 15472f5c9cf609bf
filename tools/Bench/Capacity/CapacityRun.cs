using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using DotnetPprof.Bench.Processes;
using DotnetPprof.Bench.Statistics;
using DotnetPprof.Region;
using DotnetPprof.Session;

namespace DotnetPprof.Bench.Capacity;

/// <summary>One load, and what became of its samples.</summary>
/// <param name="AskedPerSecond">Samples of all threads; null for all that they can.</param>
/// <param name="Threads">That sent themselves signals.</param>
/// <param name="Seconds">How long.</param>
/// <param name="Frames">Of the stacks in the profile.</param>
/// <param name="ManagedFrames">The part of them that is managed.</param>
/// <param name="Sent">Signals, by the load's own count.</param>
/// <param name="Taken">Samples in the whole process, by the agent's count.</param>
/// <param name="Drained">Samples in the profile.</param>
/// <param name="DrainedOfLoad">The part of them that is of the load's threads.</param>
/// <param name="Lost">Samples that found their ring full.</param>
/// <param name="HandlerNs">CPU time of a sample over a signal to an empty handler, the median of pairs of blocks.</param>
/// <param name="HandlerDeviationNs">How much those pairs scatter.</param>
/// <param name="AgentCpuPercent">Of one core: the agent's own thread.</param>
/// <param name="CollectorCpuPercent">Of one core, while it drained.</param>
/// <param name="CollectorNsPerSample">The same, by sample.</param>
/// <param name="LearningCpuPercent">The part of it, after a third of the time, that analyses code which stacks lead through.</param>
/// <param name="CollectorBytesEarly">Resident in the collector after a third of the time.</param>
/// <param name="CollectorBytesLate">And at the end of the load.</param>
/// <param name="CollectorPeakBytes">And at most, the writing of the profile included.</param>
/// <param name="TargetGrowthBytes">By how much the sampled process grew: the agent, the region as far as it is used, and what the runtime keeps events in.</param>
internal sealed record CapacityResult(
    double? AskedPerSecond, int Threads, double Seconds, int Frames, int ManagedFrames, ulong Sent, ulong Taken, long Drained, long DrainedOfLoad, ulong Lost,
    double HandlerNs, double HandlerDeviationNs, double AgentCpuPercent, double CollectorCpuPercent, double CollectorNsPerSample, double LearningCpuPercent,
    long CollectorBytesEarly, long CollectorBytesLate, long CollectorPeakBytes, long TargetGrowthBytes)
{
    public double TakenPerSecond => Sent / Seconds;

    /// <summary>Whether nothing was lost and the profile has what was taken, to the last sample, by both counts.</summary>
    public bool Exact => Lost == 0 && (ulong)Drained == Taken && (ulong)DrainedOfLoad == Sent;
}

/// <summary>Has a program sample itself as fast as it is told to, under the real agent and the real collector.</summary>
internal static class CapacityRun
{
    /* Above the kernel's tick, so that its rings are long; the timers it would be taken at are the load's to delete. */
    private const string Rate = "1000000";

    /// <summary>Of the collector's, by its name.</summary>
    private const string LearningThread = "unwind";

    private static readonly TimeSpan patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan step = TimeSpan.FromMilliseconds(100);

    internal static CapacityResult Run(int threads, TimeSpan length, double? perSecond)
    {
        string profile = Path.Combine(Path.GetTempPath(), $"capacity-{Environment.ProcessId}.pb.gz");
        using ChildProgram load = ChildProgram.StartSelf(
            "capacity", "--load", "--threads", Text(threads), "--seconds", Text(length.TotalSeconds), "--per-second", Text(perSecond ?? 0));
        try
        {
            Expect(load, LoadProgram.Ready);
            long before = ProcessUsage.Of(load.Id).ResidentBytes;
            using ChildProgram collector = ChildProgram.StartCollector(
                "collect", "-p", Text(load.Id), "-r", Rate, "--engine", "timer", "-o", profile);
            try
            {
                Expect(load, LoadProgram.Running);
            }
            catch (BenchException) when (collector.HasExited)
            {
                throw new BenchException(collector.Complaint);
            }
            using MappedRegion region = MappedRegion.Find(load.Id) ?? throw new BenchException("the agent is gone");
            return Watch(load, collector, region.View.Control.Session, region, length, perSecond, profile, before);
        }
        finally
        {
            File.Delete(profile);
        }
    }

    private static CapacityResult Watch(
        ChildProgram load, ChildProgram collector, ulong session, MappedRegion region, TimeSpan length, double? perSecond, string profile, long before)
    {
        var passed = Stopwatch.StartNew();
        ProcessUsage start = ProcessUsage.Of(collector.Id);
        ulong agentStart = region.View.Control.AgentCpuNs;
        ProcessUsage early = default;
        TimeSpan earlyAt = default;
        double learnedEarly = 0;
        string? answer;
        while ((answer = load.TryReadLine(step)) is null)
        {
            if (early.PeakBytes == 0 && passed.Elapsed > length / 3)
                (early, earlyAt, learnedEarly) = (ProcessUsage.Of(collector.Id), passed.Elapsed, ProcessUsage.CpuSecondsOf(collector.Id, LearningThread));
            if (load.HasExited || passed.Elapsed > length + patience)
                throw new BenchException($"the load failed: {load.Complaint}");
        }
        double seconds = passed.Elapsed.TotalSeconds;
        ProcessUsage late = ProcessUsage.Of(collector.Id);
        double learning = (ProcessUsage.CpuSecondsOf(collector.Id, LearningThread) - learnedEarly) / (seconds - earlyAt.TotalSeconds);
        double agentCpu = (region.View.Control.AgentCpuNs - agentStart) / 1e9;
        long grown = ProcessUsage.Of(load.Id).ResidentBytes - before;
        List<ThreadLoad> loads = JsonSerializer.Deserialize<List<ThreadLoad>>(answer)!;

        collector.AskToEnd();
        WaitForStop(region, session);
        ulong taken = region.View.Counter(Counter.Samples);
        ulong lost = region.View.Counter(Counter.LostRingFull);
        long peak = late.PeakBytes;
        for (; !collector.HasExited; Thread.Sleep(step / 10))
            peak = Math.Max(peak, ProcessUsage.Of(collector.Id).PeakBytes);
        if (collector.WaitForExit(patience) != 0)
            throw new BenchException($"the collector failed: {collector.Complaint}");
        load.WriteLine("");
        load.WaitForExit(patience);

        var drained = new DrainedProfile(profile);
        (int frames, int managed) = drained.DepthOf(loads[0].Tid);
        List<double> handler = [.. loads.SelectMany(thread => thread.HandlerNs)];
        ulong sent = (ulong)loads.Sum(thread => (double)thread.Sent);
        return new CapacityResult(
            perSecond, loads.Count, loads.Max(thread => thread.Seconds), frames, managed, sent, taken, drained.Samples, loads.Sum(thread => drained.SamplesOf(thread.Tid)), lost,
            Medians.Of(handler), Medians.Deviation(handler), 100 * agentCpu / seconds, 100 * (late.CpuSeconds - start.CpuSeconds) / seconds,
            1e9 * (late.CpuSeconds - start.CpuSeconds) / sent, 100 * learning, early.ResidentBytes, late.ResidentBytes, peak, grown);
    }

    /// <summary>Its counters are final when the agent has stopped.</summary>
    private static void WaitForStop(MappedRegion region, ulong session)
    {
        ref RegionControl control = ref region.View.Control;
        for (var waited = Stopwatch.StartNew(); (AgentState)Volatile.Read(ref control.State) == AgentState.Sampling; Thread.Sleep(1))
        {
            if (waited.Elapsed > patience)
                throw new BenchException("the agent did not stop");
        }
        if (control.Session != session)
            throw new BenchException("another collector took the agent over");
    }

    private static void Expect(ChildProgram program, string line)
    {
        string said = program.ReadLine(patience);
        if (said != line)
            throw new BenchException($"{program.Name}: {said}");
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
