using System.Globalization;
using DotnetPprof.Aggregate;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>How whole and how well named a profile's stacks are, by samples.</summary>
internal sealed class StackQuality
{
    private readonly Dictionary<string, long> roots = [];
    private readonly Dictionary<string, long> broken = [];
    private long samples;
    private long rooted;
    private long lost;
    private long handling;
    private readonly Dictionary<string, long> unnamed = [];
    private long frames;

    public StackQuality(PprofFile profile)
    {
        foreach (PprofSample sample in profile.StackSamples)
        {
            /* Where a busy machine lost samples it is said so, and nobody's stack is broken. */
            if (NameOf(sample.Stack[^1]!) == "[lost samples]")
            {
                lost += sample.Count;
                continue;
            }
            /*
             * Of a fault that is being handled on a stack of its own, the kernel copies that one alone: who faulted is
             * known, and no more. How often it is met depends on the faults, and on what an interrupt costs the machine.
             */
            if (NameOf(sample.Stack[^1]!) == SyntheticFrames.OtherStack && sample.Stack.Count > 2)
            {
                handling += sample.Count;
            }
            else
            {
                samples += sample.Count;
                AddRoot(sample);
            }
            foreach (PprofLocation location in sample.Stack.OfType<PprofLocation>())
                AddFrame(location, sample.Count);
        }
    }

    public long Samples => samples;

    /// <summary>Share of what was taken.</summary>
    public double Lost => (double)lost / (samples + lost);

    /// <summary>Share of what was taken, on the stack of a fault's handler.</summary>
    public double Handling => (double)handling / (samples + handling);

    public double Rooted => (double)rooted / samples;

    /// <summary>Share of all frames; a place in a native module that has no symbols there is named by its offset.</summary>
    public double Unnamed => (double)unnamed.Values.Sum() / frames;

    /// <summary>Native places that are in no module.</summary>
    public HashSet<string> Homeless { get; } = [];

    /// <summary>Asserts what is promised for programs at large.</summary>
    public void MeetsTheBar(PprofFile profile)
    {
        string found = ToString();
        Assert.True(Samples > 500, found);
        /* A busy machine leaves few samples, of which two may be more than a thousandth. */
        Assert.True((1 - Rooted) * Samples <= Math.Max(2.5, 0.001 * Samples), found);
        Assert.True(handling <= Math.Max(2.5, 0.001 * Samples), found);
        Assert.True(Lost < 0.05, $"{Lost:P2} of the samples were lost");
        Assert.True(Unnamed <= 0.001, found);
        Assert.Empty(Homeless);
        Assert.True(profile.UnsampledShare < 0.02, $"unsampled {profile.UnsampledShare:P2}");
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{samples} samples, {Rooted:P2} reach the root, {Unnamed:P3} of {frames} frames unnamed; {handling} more on the stack of a fault's handler; roots: {Top(roots)}; broken at: {Top(broken)}; unnamed: {Top(unnamed)}");

    private static string Top(Dictionary<string, long> counts) =>
        string.Join(", ", counts.OrderByDescending(pair => pair.Value).Take(12).Select(pair => $"{pair.Value} {pair.Key}"));

    private void AddRoot(PprofSample sample)
    {
        PprofLocation root = sample.Stack[^1]!;
        string name = NameOf(root);
        Add(roots, name, sample.Count);
        if (StartsThreads(root, name, sample.Stack.Count))
            rooted += sample.Count;
        else
            Add(broken, $"{NameOf(sample.Stack[0]!)} ({sample.Stack.Count} frames)", sample.Count);
    }

    /// <summary>
    /// libc starts every thread and calls main(). Where it has no symbols its functions have no names, and any caller in
    /// it is believed; a stack of one frame in it, such as malloc's, is not.
    /// </summary>
    private static bool StartsThreads(PprofLocation root, string name, int depth)
    {
        string module = Path.GetFileName(root.Mapping?.FileName ?? "");
        if (!module.StartsWith("libc.so", StringComparison.Ordinal) && !module.StartsWith("libc-", StringComparison.Ordinal) && !module.StartsWith("ld-", StringComparison.Ordinal))
            return name == "_start";
        return name is "start_thread" or "__libc_start_call_main" or "__libc_start_main" or "_start" or "_dl_start_user"
            || name.Contains("clone", StringComparison.Ordinal)
            || (depth > 1 && name.Contains("!+", StringComparison.Ordinal));
    }

    private void AddFrame(PprofLocation location, long count)
    {
        string module = location.Mapping?.FileName ?? "";
        string name = NameOf(location);
        if (name.StartsWith("[truncated", StringComparison.Ordinal) || module == "[dotnet-pprof]")
            return;
        frames += count;
        bool isManaged = module.EndsWith(".dll", StringComparison.OrdinalIgnoreCase);
        bool isNamed = location.Lines.Count > 0 && name is not ("[runtime stubs]" or "[anonymous code]") && !(isManaged && name.Contains("!+", StringComparison.Ordinal));
        if (!isNamed)
            Add(unnamed, isManaged ? name : $"{module} {name}", count);
        if (module.Length == 0 || (module == "[unknown]" && !isNamed))
            Homeless.Add(name);
    }

    private static string NameOf(PprofLocation location) =>
        location.Lines.Count > 0 ? location.Lines[^1].Function?.Name ?? "" : string.Create(CultureInfo.InvariantCulture, $"0x{location.Address:x}");

    private static void Add(Dictionary<string, long> counts, string key, long count) => counts[key] = counts.GetValueOrDefault(key) + count;
}
