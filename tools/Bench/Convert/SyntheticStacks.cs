using DotnetPprof.Aggregate;
using DotnetPprof.Drain;
using DotnetPprof.Model;

namespace DotnetPprof.Bench.Convert;

/// <summary>
/// The stacks of a program that does not exist: few are seen all the time and most hardly ever, callers are shared by
/// several leaves, and depths are a service's. The same seed gives the same ones.
/// </summary>
internal sealed class SyntheticStacks : IStackResolver
{
    public const int Distinct = 20_000;
    private const int DistinctChains = 8_000;
    private const int Functions = 6_000;
    private const int ShallowestChain = 14;
    private const int DeepestChain = 39;
    private const ulong CodeStart = 0x7f00_0000_0000;
    private const ulong FunctionBytes = 512;

    private static readonly Mapping App = new(0, 0, 0, "/srv/app/App.dll", "0f3c", HasFunctions: true);

    private readonly Dictionary<ulong, Location> locations = [];
    private readonly Dictionary<string, Location> synthetic = [];
    private readonly Function[] functions = new Function[Functions];
    private readonly double[] cumulated = new double[Distinct];

    public SyntheticStacks(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < Functions; i++)
        {
            string name = $"Company.Product.Layer{i % 40}.Component{i % 700}.Method{i}(System.String, System.Int32)";
            functions[i] = new Function(name, $"instance void Component{i % 700}::Method{i}(string, int32)", "", 0);
        }
        for (int i = 0; i < DistinctChains; i++)
        {
            // Half of a chain is some other one's outer half, as it is where a server calls handlers.
            ulong[] callers = new ulong[random.Next(ShallowestChain, DeepestChain + 1)];
            for (int j = 0; j < callers.Length; j++)
                callers[j] = CodeAddress(random) + 1;
            if (i > 0)
            {
                ulong[] other = Chains[random.Next(i)];
                int shared = Math.Min(other.Length, callers.Length) / 2;
                other.AsSpan(other.Length - shared).CopyTo(callers.AsSpan(callers.Length - shared));
            }
            Chains.Add(callers);
        }
        double sum = 0;
        for (int i = 0; i < Distinct; i++)
        {
            Stacks.Add((CodeAddress(random), i < DistinctChains ? i : random.Next(DistinctChains)));
            cumulated[i] = sum += 1.0 / (i + 20);
        }
    }

    /// <summary>Return addresses, innermost first.</summary>
    public List<ulong[]> Chains { get; } = [];

    /// <summary>Leaves, and the index of their callers in <see cref="Chains"/>.</summary>
    public List<(ulong Leaf, int Chain)> Stacks { get; } = [];

    /// <summary>Where the drain keeps the chains; set before the first <see cref="Resolve"/>.</summary>
    public KeptChains? Kept { get; set; }

    /// <summary>An index into <see cref="Stacks"/>, the popular ones more often.</summary>
    public int Pick(Random random)
    {
        int index = Array.BinarySearch(cumulated, random.NextDouble() * cumulated[^1]);
        return Math.Min(index < 0 ? ~index : index, Distinct - 1);
    }

    public IReadOnlyList<Location> Resolve(StackKey stack, MonotonicNanos time)
    {
        ReadOnlySpan<ReturnAddress> callers = Kept![stack.Chain];
        var result = new Location[callers.Length + 1];
        result[0] = At(stack.Leaf);
        for (int i = 0; i < callers.Length; i++)
            result[i + 1] = At(callers[i].CallSite);
        return result;
    }

    public Location Synthetic(string name)
    {
        if (!synthetic.TryGetValue(name, out Location? location))
            synthetic.Add(name, location = new Location(App, default, [new Line(new Function(name, "", "", 0), 0)]));
        return location;
    }

    private static ulong CodeAddress(Random random) =>
        CodeStart + (ulong)random.Next(Functions) * FunctionBytes + (ulong)random.Next(1, 6) * 64;

    private Location At(InstructionPointer ip)
    {
        if (!locations.TryGetValue(ip.Value, out Location? location))
        {
            Function function = functions[(ip.Value - CodeStart) / FunctionBytes];
            locations.Add(ip.Value, location = new Location(App, ip, [new Line(function, 0)]));
        }
        return location;
    }
}
