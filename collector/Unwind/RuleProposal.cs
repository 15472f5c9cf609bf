using DotnetPprof.Region;

namespace DotnetPprof.Unwind;

/// <summary>Writes what is known of a piece of code as the table's entries.</summary>
internal static class RuleProposal
{
    /// <summary>Bytes that one rule can be for.</summary>
    public const int BlockSize = 32;

    /// <param name="code">Not null.</param>
    /// <param name="start">Where the code is; blocks are aligned there.</param>
    public static List<RegionRule> Of(AnalysedCode code, ulong start)
    {
        var rules = new List<RegionRule>();
        int next = 0;
        foreach (RuleRun run in code.Rules)
        {
            if (run.Rule.SavedRbp > ushort.MaxValue)
                continue;
            int block = (int)((start + (ulong)run.Start + BlockSize - 1) / BlockSize * BlockSize - start);
            for (; block + BlockSize <= run.End; block += BlockSize)
                rules.Add(Rule(RuleKind.Block, block, run.Rule));
            while (next < code.Boundaries.Count && code.Boundaries[next] < run.Start)
                next++;
            for (; next < code.Boundaries.Count && code.Boundaries[next] < run.End; next++)
            {
                int offset = code.Boundaries[next];
                if (!IsInWholeBlock(start, offset, run))
                    rules.Add(Rule(RuleKind.Here, offset, run.Rule));
            }
        }
        foreach (CallSite call in code.Calls)
        {
            StepRule rule = code.RuleAt(call.Return - 1);
            if (rule != StepRule.FramePointer && rule.SavedRbp <= ushort.MaxValue)
                rules.Add(Rule(RuleKind.Return, call.Return, rule));
        }
        return rules;
    }

    private static bool IsInWholeBlock(ulong start, int offset, RuleRun run)
    {
        long block = (long)((start + (ulong)offset) / BlockSize * BlockSize - start);
        return block >= run.Start && block + BlockSize <= run.End;
    }

    private static RegionRule Rule(RuleKind kind, int offset, StepRule rule) => new()
    {
        Offset = (uint)offset,
        Cfa = rule.Cfa,
        SavedRbp = (ushort)rule.SavedRbp,
        FromRbp = rule.FromRbp ? (byte)1 : (byte)0,
        Kind = (byte)kind,
    };
}
