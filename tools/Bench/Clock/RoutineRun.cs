using System.Diagnostics;
using System.Globalization;
using DotnetPprof.Bench.Interop;
using DotnetPprof.Bench.Statistics;

namespace DotnetPprof.Bench.Clock;

/// <summary>The sampling routine with one clock.</summary>
/// <param name="Clock">As <c>--clock</c> names it; "constant" reads nothing.</param>
/// <param name="SampleNs">CPU time of one sample: sending the signal to oneself, its delivery, the handler, the return.</param>
/// <param name="OverEmptyNs">The same less a sample whose handler does nothing.</param>
/// <param name="HandlerNs">CPU time of the handler called as a function: the same work without the kernel's.</param>
/// <param name="ClockNs">The handler's time less the same with a clock that reads nothing.</param>
/// <param name="ClockInSignalNs">Likewise in real signals; their cost scatters by more than a clock's.</param>
internal sealed record RoutineCost(string Clock, double SampleNs, double OverEmptyNs, double HandlerNs, double ClockNs, double ClockInSignalNs)
{
    /// <summary>The clock's share of the handler's time, by difference: 0.1 is ten percent.</summary>
    public double Share => ClockNs / HandlerNs;
}

/// <summary>What exact stacks cost the sampling routine, beside a walk by frame pointers alone.</summary>
/// <param name="LookupNs">CPU time of asking for rules and tables that 15 callers do not need.</param>
/// <param name="RulesNs">And when a rule is followed for every caller outside libraries.</param>
internal sealed record ExactStacksCost(double LookupNs, double RulesNs);

/// <summary>Runs native/routine_loop and takes its blocks apart.</summary>
internal static class RoutineRun
{
    internal const string Constant = "constant";
    internal const string Empty = "empty";
    private const string Bare = "bare";
    private const string Ruled = "ruled";

    /// <summary>Return addresses on the stack that is walked.</summary>
    internal const int Callers = 15;

    internal static IReadOnlyList<RoutineCost> Run(IReadOnlyList<string> clocks, bool quick)
    {
        string[] all = [Empty, Constant, .. clocks];
        var signals = Blocks("signal", quick ? 7 : 45, 20_000, all);
        var calls = Blocks("direct", quick ? 7 : 45, 200_000, all);
        return [.. all.Skip(1).Select(clock => new RoutineCost(
            clock,
            Medians.Of(signals[clock]),
            Difference(signals[clock], signals[Empty]),
            Difference(calls[clock], calls[Empty]),
            Difference(calls[clock], calls[Constant]),
            Difference(signals[clock], signals[Constant])))];
    }

    internal static ExactStacksCost ExactStacks(bool quick)
    {
        var calls = Blocks("direct", quick ? 7 : 45, 200_000, Bare, Constant, Ruled);
        return new ExactStacksCost(Difference(calls[Constant], calls[Bare]), Difference(calls[Ruled], calls[Bare]));
    }

    /// <summary>Nanoseconds of one handler call with that clock: a single block, for comparisons.</summary>
    internal static double MeasureOnce(string clock) => Medians.Of(Blocks("direct", 3, 100_000, clock)[clock]);

    /// <summary>The command that runs so many samples with one clock.</summary>
    internal static string[] Command(string mode, int rounds, int samples, params string[] clocks) =>
        [BuiltBeside.RoutineLoopPath, mode, Number(rounds), Number(samples), AgentClockSources.RuntimeLibrary, .. clocks];

    /// <summary>By pairs: both blocks of a round ran within a few milliseconds, and what else the machine did then hit both.</summary>
    private static double Difference(List<double> a, List<double> b) => Medians.Of(a.Zip(b, (x, y) => x - y));

    /// <summary>CPU nanoseconds a sample, one value a round, by clock.</summary>
    private static Dictionary<string, List<double>> Blocks(string mode, int rounds, int samples, params string[] clocks)
    {
        string[] command = Command(mode, rounds, samples, clocks);
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new BenchException(error.Result.Trim());

        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length == 0 || lines[0] != $"callers {Callers}")
            throw new BenchException("the sampling routine did not walk the stack it was given");
        var blocks = clocks.ToDictionary(clock => clock, _ => new List<double>());
        foreach (string[] parts in lines.Skip(1).Select(line => line.Split(' ')))
            blocks[parts[0]].Add(double.Parse(parts[2], CultureInfo.InvariantCulture) / double.Parse(parts[1], CultureInfo.InvariantCulture));
        return blocks;
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
