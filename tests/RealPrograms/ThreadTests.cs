using System.Globalization;
using DotnetPprof.Session;
using DotnetPprof.Tests.Harm;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Threads that come and go are sampled, under their names.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class ThreadTests(ITestOutputHelper log)
{
    private const int SigInt = 2;
    private const int Parade = 500;

    [Fact]
    public void ShortLivedThreadsAreSampled()
    {
        using TargetProgram target = TargetProgram.StartReady("ThreadParade");
        using var collector = new Collector();
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-r", "1000");
        collecting.WaitForLine("Sampling");
        target.Send($"parade {Parade}");
        long truth = Cpu(target.WaitForLine("done"));
        collecting.Signal(SigInt);
        PprofFile profile = collector.Finish(collecting);

        List<PprofSample> marching = [.. profile.StackSamples.Where(sample => sample.ThreadName.StartsWith("parade ", StringComparison.Ordinal))];
        int seen = marching.Select(sample => sample.ThreadName).Distinct().Count();
        double error = (marching.Sum(sample => sample.CpuNanos) - truth) / (double)truth;
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seen} of {Parade} threads, CPU error {error:P2}, unsampled {profile.UnsampledShare:P2}"));
        Assert.InRange(seen, Parade * 95 / 100, Parade);
        Assert.InRange(error, -0.05, 0.05);
    }

    [Fact]
    public void NamesReachTheLabelsOfALaunchedProgram()
    {
        using var collector = new Collector();
        ChildProcess collecting = collector.StartCollecting("-r", "1000", "--", ProgramPaths.Dotnet, ProgramPaths.TestProgram("ThreadParade"));
        collecting.WaitForLine("ready");
        foreach (string command in new[] { "early", "rename" })
        {
            collecting.Send(command);
            collecting.WaitForLine("done");
        }
        collecting.CloseInput();
        Assert.Equal(["named before start", "second name"], Burning(collector.Finish(collecting)));
    }

    /// <summary>
    /// What was named before anybody listened is known by what the kernel kept of the name: its first 15 bytes.
    /// </summary>
    [Fact]
    public void NamesReachTheLabelsOfAnAttachedProgram()
    {
        using TargetProgram target = TargetProgram.StartReady("ThreadParade");
        using var collector = new Collector();
        ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "-r", "1000");
        collecting.WaitForLine("Sampling");
        foreach (string command in new[] { "early", "rename" })
        {
            target.Send(command);
            target.WaitForLine("done");
        }
        collecting.Signal(SigInt);
        Assert.Equal(["named before st", "second name"], Burning(collector.Finish(collecting)));
    }

    /// <summary>Eight times the threads take the agent some eight times the CPU time before it samples them, and not the square of it.</summary>
    [Fact]
    public void AStartTakesAsLongAsThereAreThreads()
    {
        double few = StartOf(300), many = StartOf(2400);
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{few / 1e6:0.0} ms of the agent's for 300 threads, {many / 1e6:0.0} for 2400"));
        Assert.InRange(many / few, 0, 24);

        static long StartOf(int threads)
        {
            var variables = Targets.AgentVariables.ToDictionary(variable => variable.Name, variable => variable.Value);
            using var target = new TargetProgram("ThreadParade", [], variables);
            target.WaitForLine("ready");
            target.Send(string.Create(CultureInfo.InvariantCulture, $"muster {threads} 100"));
            target.WaitForLine("mustered");
            using var collector = new Collector();
            ChildProcess collecting = collector.StartCollecting("-p", $"{target.Pid}", "--engine", Engines.Timer);
            collecting.WaitForLine("Sampling");
            using MappedRegion region = MappedRegion.Find(target.Pid)!;
            ulong cpu = region.View.Control.AgentCpuNs - region.View.Control.AgentCpuStartNs;
            collecting.Signal(SigInt);
            collector.Finish(collecting);
            return (long)cpu;
        }
    }

    private static IEnumerable<string> Burning(PprofFile profile) =>
        profile.StackSamples.Where(sample => sample.Has("ThreadParade.Program.Burn(")).Select(sample => sample.ThreadName).Distinct().Order();

    private static long Cpu(string answer) => long.Parse(answer.Split(' ')[1], CultureInfo.InvariantCulture);
}
