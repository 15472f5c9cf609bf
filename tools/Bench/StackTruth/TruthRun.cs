namespace DotnetPprof.Bench.StackTruth;

/// <summary>Runs a fresh process of each program under each tool.</summary>
internal sealed class TruthRun(IReadOnlyList<IStackTool> tools, TimeSpan length, Action<string> say)
{
    internal IReadOnlyList<CallerTruth> Callers() => [.. tools.Select(tool => Tried(
        () =>
        {
            using var target = new TruthTarget(CallerTruth.Program, "", CallerTruth.Thread, [.. tool.Environment, CallerTruth.KeepLoop]);
            return CallerTruth.Of(tool.Name, Record(tool, target, CallerTruth.Program));
        },
        failure => new CallerTruth(tool.Name, 0, 0, [], failure)))];

    internal IReadOnlyList<ShareTruth> Shares() => [.. tools.Select(tool => Tried(
        () =>
        {
            using var target = new TruthTarget(ShareTruth.Program, ShareTruth.Threads, ShareTruth.Thread, tool.Environment);
            Dictionary<string, long> before = target.Used();
            StackSet stacks = Record(tool, target, ShareTruth.Program);
            Dictionary<string, long> used = target.Used().ToDictionary(function => function.Key, function => function.Value - before[function.Key]);
            return ShareTruth.Of(tool.Name, stacks, used);
        },
        failure => new ShareTruth(tool.Name, 0, 0, [], failure)))];

    private StackSet Record(IStackTool tool, TruthTarget target, string program)
    {
        say($"{program}: {tool.Name}");
        return new StackSet(tool.Record(target.Pid, length), target.Tids);
    }

    private T Tried<T>(Func<T> measure, Func<string, T> failed)
    {
        try
        {
            return measure();
        }
        catch (BenchException e)
        {
            say(e.Message);
            return failed(e.Message);
        }
    }
}
