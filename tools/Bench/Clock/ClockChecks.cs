using System.Globalization;

namespace DotnetPprof.Bench.Clock;

/// <summary>What must hold for a raw clock to be worth having, asked of the figures of one run.</summary>
internal static class ClockChecks
{
    private const double CallNs = 2;
    private const string PublicCall = "stopwatch";
    private const string Raw = "tsc";

    internal static IReadOnlyList<Check> Of(IReadOnlyList<ClockCost> costs, IReadOnlyList<RoutineCost> routine, IReadOnlyList<PerfResult> perf)
    {
        var checks = new List<Check>();
        double? Cost(string group, string name) => costs.FirstOrDefault(cost => cost.Group == group && cost.Name == name)?.MedianNs;
        double? inline = Cost(ClockBenchmarks.NativeGroup, "rdtsc, inline");
        double? fromC = Cost(ClockBenchmarks.NativePointerGroup, Raw);
        double? fromCSharp = Cost(ClockBenchmarks.PointerGroup, Raw);
        double? stopwatch = Cost(ClockBenchmarks.PublicGroup, "Stopwatch.GetTimestamp");
        if (inline is { } floor && fromC is { } c && fromCSharp is { } cs)
        {
            checks.Add(new Check("Does tsc through a pointer cost at most 2 ns more than inline, from C?", c - floor <= CallNs, Invariant($"{c:0.0} and {floor:0.0} ns")));
            checks.Add(new Check("And from C#?", cs - floor <= CallNs, Invariant($"{cs:0.0} and {floor:0.0} ns")));
        }
        if (fromCSharp is { } raw && stopwatch is { } open)
            checks.Add(new Check("Is tsc at least twice as fast as Stopwatch.GetTimestamp?", raw <= open / 2, Invariant($"{raw:0.0} and {open:0.0} ns")));
        if (costs.Count > 0)
            checks.Add(new Check("Does no read allocate?", costs.All(cost => cost.AllocatedBytes == 0), Invariant($"{costs.Max(cost => cost.AllocatedBytes):0} bytes at most")));

        RoutineCost? slow = routine.FirstOrDefault(cost => cost.Clock == PublicCall);
        RoutineCost? fast = routine.FirstOrDefault(cost => cost.Clock == Raw);
        if (slow is not null && perf.FirstOrDefault(result => result.Clock == RoutineRun.Constant) is { } bare)
            checks.Add(Rank(slow, routine.First(cost => cost.Clock == RoutineRun.Constant), bare, perf.First(result => result.Clock == PublicCall)));
        if (slow is not null && fast is not null)
        {
            double gain = slow.HandlerNs - fast.HandlerNs;
            checks.Add(new Check(
                "Is the gain more than 1 % of the sampling routine's CPU?",
                gain > 0.01 * slow.HandlerNs,
                Invariant($"{gain:0.0} of {slow.HandlerNs:0.0} ns ({100 * gain / slow.HandlerNs:0.0} %); of a whole sample by signal, {100 * gain / slow.SampleNs:0.0} %")));
        }
        return checks;
    }

    /// <summary>
    /// The call by its whole cost, the difference it makes, among the routine's functions as they are without it. What is
    /// spent inside of it is less: a read that is ordered against the instructions around it makes those wait, too.
    /// </summary>
    private static Check Rank(RoutineCost with, RoutineCost without, PerfResult bare, PerfResult profiled)
    {
        int rank = 1 + bare.Functions.Count(function => function.Function != PerfResult.ClockEntry && function.Share * without.HandlerNs > with.ClockNs);
        FunctionShare largest = bare.Functions[0];
        return new Check(
            "Would the public call be among the top three costs of the sampling routine?",
            rank <= 3,
            Invariant($"number {rank} with {with.ClockNs:0.0} ns, the largest being {largest.Function} with {largest.Share * without.HandlerNs:0.0} ns; by time spent inside, number {profiled.ClockRank} with {100 * profiled.ClockShare:0.0} %"));
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
