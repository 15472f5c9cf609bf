using System.Globalization;
using DotnetPprof.Tests.Harm;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Programs on the runtimes before the one that this is built with, which they bring along.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class OlderRuntimeTests(ITestOutputHelper log) : IDisposable
{
    private const string FromItsStart = "with the agent from its start";
    private const string Attached = "attached";

    private readonly Dictionary<string, Collector> collectors = new() { [FromItsStart] = new(), [Attached] = new() };

    public void Dispose()
    {
        foreach (Collector collector in collectors.Values)
            collector.Dispose();
    }

    /// <summary>Both programs at once, engine after engine.</summary>
    [Theory]
    [InlineData("net8.0")]
    [InlineData("net9.0")]
    public void IsSampledWholeAndNamed(string framework)
    {
        string program = PublishedProgram.Publish(collectors[Attached].Directory, framework, "-p:PublishTrimmed=false", log);
        using var started = new ChildProcess(program, [], environment: Targets.AgentVariables.ToDictionary(variable => variable.Name, variable => variable.Value));
        using var attached = new ChildProcess(program, []);
        (ChildProcess Process, string How)[] targets = [(started, FromItsStart), (attached, Attached)];
        Array.ForEach(targets, target => target.Process.WaitForLine("ready"));
        foreach (string engine in Engines.PerfIsPermitted ? (string[])[Engines.Timer, Engines.Perf] : [Engines.Timer])
        {
            using var first = new CpuWitness(started.Pid);
            using var second = new CpuWitness(attached.Pid);
            ChildProcess[] collecting = [.. targets.Select(target => collectors[target.How].StartCollecting("-p", $"{target.Process.Pid}", "-d", "2", "-r", "1000", "--engine", engine))];
            Check(collectors[FromItsStart].Finish(collecting[0]), first, engine == Engines.Perf, $"{framework}, {FromItsStart}, {engine}");
            Check(collectors[Attached].Finish(collecting[1]), second, engine == Engines.Perf, $"{framework}, {Attached}, {engine}");
        }
        foreach ((ChildProcess target, _) in targets)
        {
            target.CloseInput();
            Assert.Equal(0, target.WaitForExit());
        }
    }

    private void Check(PprofFile profile, CpuWitness witness, bool isPerf, string how)
    {
        long truth = witness.Between(profile.TimeNanos, profile.EndNanos);
        double error = (profile.CpuNanos - truth) / (double)truth;
        double busy = (double)profile.CpuNanosUnder("Busy.Outer(") / profile.CpuNanos;
        var quality = new StackQuality(profile);
        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{how}: CPU {truth / 1e9:0.000} s, error {error:P2}, Busy.Outer {busy:P2}, {quality}"));
        Assert.InRange(error, -0.05, 0.05);
        Assert.True(busy > 0.8, how);
        /* A busy machine leaves few samples, of which two are more than half a percent. */
        Assert.True((1 - quality.Rooted) * quality.Samples <= 2 + (0.005 * quality.Samples), how);
        Assert.InRange(quality.Handling, 0, isPerf ? 0.05 : 0);
        Assert.True(quality.Unnamed <= 0.001, how);
        Assert.Empty(quality.Homeless);
        Assert.Equal([false, true], profile.StackSamples.Where(sample => sample.Has("Busy.Work(")).Select(sample => sample.ThreadName == "second").Distinct().Order());
    }
}
