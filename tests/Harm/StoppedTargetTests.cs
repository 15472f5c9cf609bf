using System.Diagnostics;
using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>A target may be stopped for any time; who samples it ends in order.</summary>
public sealed class StoppedTargetTests(ITestOutputHelper output)
{
    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void CollectEndsThoughItsTargetIsStopped(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using Child target = Targets.StartWithAgent("Spin", "2");
        using var collect = new CollectRun(target.Pid, engine, "-r", "1000", "-d", "600");
        collect.WaitForSamples(SpinningTarget.Enough);
        /* The end is asked for only now: a capture that ended by itself could have had its answer before the stop. */
        target.Stop();
        collect.Child.Interrupt();
        try
        {
            var time = Stopwatch.StartNew();
            int code = collect.Child.WaitForExit();
            output.WriteLine($"ended with {code} after {time.Elapsed.TotalSeconds:0.0} s:\n{collect.Child.Output}\n{collect.Child.Error}");
            collect.Profile();
            Assert.Contains("does not answer", collect.Child.Output, StringComparison.Ordinal);

            using var second = new CollectRun(target.Pid, engine, "-d", "1");
            Assert.Equal(1, second.Child.WaitForExit());
            Assert.Contains("is stopped and cannot answer", second.Child.Error, StringComparison.Ordinal);
        }
        finally
        {
            target.Continue();
        }
        SpinningTarget.AssertCounts(target);
    }
}
