using System.Globalization;
using DotnetPprof.Interop;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>A program in which most calls are impossible: no stack may show one of those.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class ImpossibleEdgeTests(ITestOutputHelper log)
{
    private const string Prefix = "Maze.Program.";
    private const int LongestCapture = 60;

    /// <summary>DOTNET_PPROF_TEST_SECONDS lets it run as long as a million samples take, in captures of a minute.</summary>
    [Theory]
    [InlineData("timer")]
    [InlineData("perf")]
    public void NoFrameIsUnderOneThatCannotHaveCalledIt(string engine)
    {
        Assert.SkipUnless(engine == "timer" || MachineInterop.TryPerfEvent(excludeKernel: true) == 0, "perf_event_open is refused here");
        int seconds = int.Parse(Environment.GetEnvironmentVariable("DOTNET_PPROF_TEST_SECONDS") ?? "8", CultureInfo.InvariantCulture);
        using var target = new TargetProgram("Maze", [], new Dictionary<string, string> { ["DOTNET_TailCallOpt"] = "0" });
        target.WaitForLine("ready");
        long samples = 0, edges = 0, marked = 0, impossible = 0, nowhere = 0;
        var examples = new Dictionary<string, long>();
        for (int left = seconds; left > 0; left -= LongestCapture)
        {
            using var collector = new Collector();
            PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", $"{Math.Min(left, LongestCapture)}", "-r", "20000", "--engine", engine);
            foreach (PprofSample sample in profile.StackSamples)
            {
                string[] names = [.. sample.FunctionNames];
                samples += sample.Count;
                if (sample.Stack.Any(location => location!.Lines.Count == 0))
                    nowhere += sample.Count;
                if (names.Any(name => name is "[caller uncertain]" or "[caller not known yet]"))
                    marked += sample.Count;
                for (int i = 0; i + 1 < names.Length; i++)
                {
                    if (Place(names[i]) is not { } callee || Place(names[i + 1]) is not { } caller)
                        continue;
                    edges += sample.Count;
                    if (Leads(caller, callee))
                        continue;
                    impossible += sample.Count;
                    string edge = $"{callee} from {caller}, {(i == 0 ? "leaf" : "inside")}";
                    examples[edge] = examples.GetValueOrDefault(edge) + sample.Count;
                }
            }
            foreach (string comment in profile.Comments.Where(comment => comment.StartsWith("stacks: ", StringComparison.Ordinal)))
                log.WriteLine(comment);
        }
        target.Finish();
        string found = string.Create(CultureInfo.InvariantCulture,
            $"{engine}: {samples} samples, {edges} edges, {impossible} impossible, {nowhere} samples through no code, {marked} samples marked; {string.Join("; ", examples.OrderByDescending(pair => pair.Value).Take(8).Select(pair => $"{pair.Value} {pair.Key}"))}");
        log.WriteLine(found);
        Assert.True(edges > 10_000, found);
        Assert.True(impossible == 0, found);
        /* A word of the stack that was taken for a return address; one in some hundred is of code, and makes such an edge. */
        Assert.True(nowhere == 0, found);
        Assert.True(marked < 0.05 * samples, found);
    }

    private static string? Place(string name)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal))
            return null;
        int end = name.IndexOf('(', StringComparison.Ordinal);
        return end < 0 ? name[Prefix.Length..] : name[Prefix.Length..end];
    }

    private static bool Leads(string from, string to) => (from[..^1], to[..^1]) switch
    {
        ("Room", "Room") => Number(to) == (Number(from) + 1) % 5,
        ("Room", "Door") => Number(to) == Number(from),
        ("Door", "Room") => Number(to) == (Number(from) + 3) % 5,
        ("Room", "En") => true,
        _ => from == "Wander" && to == "Room0",
    };

    private static int Number(string place) => place[^1] - '0';
}
