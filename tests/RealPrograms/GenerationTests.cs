using System.Globalization;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Code is made, unloaded, and its addresses used again: names and callers are those of the code that ran.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class GenerationTests(ITestOutputHelper log)
{
    [Fact]
    public void DynamicMethodsCallTheirOwn()
    {
        using TargetProgram target = TargetProgram.StartReady("Generations");
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "10", "-r", "5000", "--engine", "timer");
        target.Finish();
        Assert.True(Check(profile) > 0, "no address was used again");
    }

    /// <summary>Launched, and to its end: a rundown while load contexts are unloaded can crash the runtime.</summary>
    [Fact]
    public void LoadContextsCallTheirOwn()
    {
        using var collector = new Collector();
        Check(collector.Collect("-r", "5000", "--engine", "timer", "--", ProgramPaths.Dotnet, ProgramPaths.TestProgram("Generations"), "contexts", "15"));
    }

    /// <returns>How many addresses were used by more than one generation.</returns>
    private int Check(PprofFile profile)
    {
        long right = 0, marked = 0, wrong = 0;
        var seen = new HashSet<string>();
        var byAddress = new Dictionary<ulong, HashSet<string>>();
        var examples = new HashSet<string>();
        foreach (PprofSample sample in profile.StackSamples)
        {
            string[] names = [.. sample.FunctionNames.Select(name => name.Split('(')[0])];
            if (!names[0].Contains(".Leaf", StringComparison.Ordinal))
                continue;
            string generation = names[0][(names[0].LastIndexOf(".Leaf", StringComparison.Ordinal) + 5)..];
            seen.Add(generation);
            ulong address = sample.Stack[0]!.Address;
            byAddress.TryAdd(address, []);
            byAddress[address].Add(generation);
            if (names[1].EndsWith($".Caller{generation}", StringComparison.Ordinal))
                right += sample.Count;
            else if (names[1].StartsWith("[caller ", StringComparison.Ordinal) || names[1].StartsWith("[truncated: ", StringComparison.Ordinal))
                marked += sample.Count;
            else
            {
                wrong += sample.Count;
                examples.Add($"{names[0]} < {names[1]}");
            }
        }
        int reused = byAddress.Values.Count(names => names.Count > 1);
        string found = string.Create(CultureInfo.InvariantCulture,
            $"{seen.Count} generations, {reused} addresses used again; {right} samples right, {marked} marked, {wrong} wrong: {string.Join("; ", examples.Take(5))}");
        log.WriteLine(found);
        Assert.True(seen.Count > 5, found);
        Assert.True(right > marked, found);
        Assert.True(wrong <= (right + marked) / 1000, found);
        return reused;
    }
}
