using DotnetPprof.Aggregate;
using DotnetPprof.Model;

namespace DotnetPprof.Tests.Aggregate;

/// <summary>Names a stack by its leaf and the second in which it was looked up.</summary>
internal sealed class FakeResolver : IStackResolver
{
    private static readonly Mapping Module = new(0, 0, 0, "a.dll", "", HasFunctions: true);

    public int Resolved { get; private set; }

    public IReadOnlyList<Location> Resolve(StackKey stack, MonotonicNanos time)
    {
        Resolved++;
        return stack.Leaf.Value == 0 ? [] : [Named($"{stack.Leaf.Value:x}@{time.Value / 1_000_000_000}"), Named("root")];
    }

    public Location Synthetic(string name) => Named(name);

    public static string[] Names(ProfileSample sample) => [.. sample.Stack.Select(l => l.Lines[0].Function.Name)];

    private static Location Named(string name) => new(Module, default, [new Line(new Function(name, "", "", 0), 0)]);
}

/// <summary>Code generations that begin at given times, in nanoseconds.</summary>
internal sealed class FakeGenerations(params long[] starts) : ICodeGenerations
{
    public List<long> Asked { get; } = [];

    public int GenerationAt(MonotonicNanos time)
    {
        Asked.Add(time.Value);
        return starts.Count(s => s <= time.Value);
    }
}
