using System.Diagnostics.CodeAnalysis;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>
/// One instance for all code that has the same frames, in all targets: most of what is learned is precompiled, and the same
/// in every process of a framework. Any thread may ask.
/// </summary>
internal sealed class AnalysedCodes
{
    /// <summary>Of one generation; what is forgotten is kept by its users.</summary>
    private const int Most = 100_000;

    private readonly Lock gate = new();
    private readonly TwoGenerations<AnalysedCode, AnalysedCode> kept = new(Most, new ByContent());

    /// <summary>What is to be kept of an analysis: what only a proposal needs is left out.</summary>
    public AnalysedCode Keep(AnalysedCode code)
    {
        lock (gate)
        {
            kept.TurnAt(Environment.TickCount64, SharedSymbols.GenerationMilliseconds);
            if (kept.TryGetValue(code, out AnalysedCode? same))
                return same;
            same = code with { Rules = code.Rules.ToArray(), Calls = code.Calls.ToArray(), Boundaries = [] };
            kept.Set(same, same);
            return same;
        }
    }

    private sealed class ByContent : IEqualityComparer<AnalysedCode>
    {
        public bool Equals(AnalysedCode? one, AnalysedCode? other) =>
            one!.LeavesByJump == other!.LeavesByJump && one.Rules.SequenceEqual(other.Rules) && one.Calls.SequenceEqual(other.Calls);

        public int GetHashCode([DisallowNull] AnalysedCode code)
        {
            var hash = new HashCode();
            hash.Add(code.LeavesByJump);
            foreach (RuleRun run in code.Rules)
                hash.Add(run);
            foreach (CallSite call in code.Calls)
                hash.Add(call);
            return hash.ToHashCode();
        }
    }
}
