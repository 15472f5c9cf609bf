using System.Globalization;
using DotnetPprof.Tests.Harm;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>
/// A fault has no call: the runtime goes on from a signal's handler, on a frame that it puts over what was interrupted.
/// Profiles show who faulted, and who called that.
/// </summary>
[Collection(RealProgramsCollection.Name)]
public sealed class FaultTests(ITestOutputHelper log)
{
    private const string Program = "Faults.Program.";
    internal const string OtherStack = "[truncated: interrupted by a signal handler on its own stack]";

    [Theory]
    [InlineData("timer")]
    [InlineData("perf")]
    public void WhoFaultedIsUnderItsCallers(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using var target = new TargetProgram("Faults", ["2"], new Dictionary<string, string> { ["DOTNET_TieredCompilation"] = "0" });
        target.WaitForLine("ready");
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "5", "-r", "1000", "--engine", engine);
        target.Finish();

        long all = 0, faulted = 0, alone = 0, bad = 0;
        var examples = new Dictionary<string, long>();
        foreach (PprofSample sample in profile.StackSamples.Where(sample => sample.ThreadName.StartsWith("faults-", StringComparison.Ordinal)))
        {
            string[] names = [.. sample.FunctionNames];
            all += sample.Count;
            string own = string.Join(" < ", names.Where(name => name.StartsWith(Program, StringComparison.Ordinal)).Select(name => name[Program.Length..name.IndexOf('(', StringComparison.Ordinal)]));
            bool isAlone = names[^1] == OtherStack;
            if (own.StartsWith("Read", StringComparison.Ordinal))
                faulted += sample.Count;
            if (isAlone)
                alone += sample.Count;
            if ((isAlone ? own == "Read" : own is "Read < Ask < Catch" or "Ask < Catch" or "Catch") && !names.Contains("[caller uncertain]"))
                continue;
            bad += sample.Count;
            string stack = string.Join(" < ", names);
            examples[stack] = examples.GetValueOrDefault(stack) + sample.Count;
        }
        string found = string.Create(CultureInfo.InvariantCulture,
            $"{engine}: {all} samples, {faulted} with what faulted, {alone} of which the kernel copied the handler's stack alone, {bad} wrong");
        log.WriteLine(found);
        foreach ((string stack, long count) in examples.OrderByDescending(pair => pair.Value).Take(8))
            log.WriteLine($"    {count} {stack}");
        Assert.True(faulted > 500, found);
        Assert.True(bad <= Math.Max(2, all / 1000), found);
    }
}
