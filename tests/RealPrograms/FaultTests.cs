using System.Globalization;
using DotnetPprof.Aggregate;
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

        /* The handler of what the processor finds in a division runs on the thread's own stack. */
        Check(profile, "null", "Read < Ask < CatchNull", mostAlone: engine == Engines.Perf ? 0.5 : 0);
        Check(profile, "zero", "Divide < Share < CatchZero", mostAlone: 0);
    }

    /// <param name="profile">What was collected.</param>
    /// <param name="thread">The thread's name.</param>
    /// <param name="own">The program's methods on its stacks.</param>
    /// <param name="mostAlone">Share of its stacks that may have the one alone that faulted.</param>
    private void Check(PprofFile profile, string thread, string own, double mostAlone)
    {
        long all = 0, whole = 0, alone = 0, bad = 0;
        var examples = new Dictionary<string, long>();
        foreach (PprofSample sample in profile.StackSamples.Where(sample => sample.ThreadName == thread))
        {
            string[] names = [.. sample.FunctionNames];
            all += sample.Count;
            string found = string.Join(" < ", names.Where(name => name.StartsWith(Program, StringComparison.Ordinal)).Select(name => name[Program.Length..name.IndexOf('(', StringComparison.Ordinal)]));
            string? end = names.LastOrDefault(name => name.StartsWith("[truncated", StringComparison.Ordinal));
            if (end == SyntheticFrames.OtherStack && found == own[..own.IndexOf(' ', StringComparison.Ordinal)])
                alone += sample.Count;
            else if (end is null && found == own && !names.Contains("[caller uncertain]"))
                whole += sample.Count;
            else if (end is not null || found.Length == 0 || !own.EndsWith(found, StringComparison.Ordinal) || names.Contains("[caller uncertain]"))
                bad += sample.Count;
            else
                continue; /* before the fault, or after it: where it was caught */
            if (found != own && end != SyntheticFrames.OtherStack)
            {
                string stack = string.Join(" < ", names);
                examples[stack] = examples.GetValueOrDefault(stack) + sample.Count;
            }
        }
        string result = string.Create(CultureInfo.InvariantCulture, $"{thread}: {all} samples, {whole} whole with what faulted, {alone} on the handler's stack alone, {bad} wrong");
        log.WriteLine(result);
        foreach ((string stack, long count) in examples.OrderByDescending(pair => pair.Value).Take(8))
            log.WriteLine($"    {count} {stack}");
        Assert.True(whole > 300, result);
        Assert.True(alone <= mostAlone * all, result);
        Assert.True(whole + alone > 0.9 * all, result);
        Assert.True(bad <= Math.Max(2, all / 1000), result);
    }
}
