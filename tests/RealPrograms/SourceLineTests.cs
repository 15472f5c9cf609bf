using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Lines and inlined frames of a program whose source says where they have to be.</summary>
public sealed class SourceLineTests(ITestOutputHelper log)
{
    private static readonly string[] s_source = File.ReadAllLines(Path.Join(Path.GetDirectoryName(ProgramPaths.TestProgram("Lines")), "..", "..", "..", "Program.cs"));

    [Fact]
    public void InlinedFramesAndLinesAgreeWithTheSource()
    {
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-r", "1000", "--", ProgramPaths.Dotnet, ProgramPaths.TestProgram("Lines"), "4");

        // A leaf in an inlinee two levels down, and a call from there: innermost first.
        string[] methods = ["Lines.Program.Inner(int)", "Lines.Program.Middle(int)", "Lines.Program.Outer(int)"];
        AreAt("works inside", Leaves(profile).Where(one => one.Location.Lines.Count == 3 && NameOf(one.Location) == methods[0]), methods, [Marked("Inner works"), Marked("Middle inlines Inner"), Marked("Outer inlines Middle")]);
        AreAt("calls from inside", CallersOf(profile, "Lines.Program.Called(int)"), methods, [Marked("Inner calls Called"), Marked("Middle inlines Inner"), Marked("Outer inlines Middle")]);
        HaveTheirLines(profile);
        Assert.All(profile.Locations.Where(location => location.Lines.Count > 1), location => Assert.True(location.Mapping!.HasInlineFrames));
        Assert.DoesNotContain(profile.Comments, comment => comment.Contains("DOTNET_RichDebugInfo", StringComparison.Ordinal));
    }

    [Fact]
    public void AttachedLateThereAreLinesAndAHintForMore()
    {
        using TargetProgram target = TargetProgram.StartReady("Lines", "600");
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-r", "1000", "-d", "5");
        HaveTheirLines(profile);
        Assert.Contains("DOTNET_RichDebugInfo=1", collector.LastOutput, StringComparison.Ordinal);
    }

    private void HaveTheirLines(PprofFile profile)
    {
        (string Method, string Mark)[] leaves =
        [
            ("Lines.Program.Called(int)", "Called works"),
            ("Lines.Program.SumAsync.Local(int)", "Local works"),
            ("Lines.Program.Captured.lambda(int)", "lambda works"),
        ];
        foreach ((string method, string mark) in leaves)
            AreAt(mark, Leaves(profile).Where(one => NameOf(one.Location) == method), [method], [Marked(mark)]);
        Assert.Contains(profile.Functions, function => function.Name == "Lines.Program.SumAsync" && function.SystemName.Contains("MoveNext", StringComparison.Ordinal));
        PprofFunction called = profile.Functions.First(function => function.Name == "Lines.Program.Called(int)");
        Assert.EndsWith("/Lines/Program.cs", called.FileName);
        Assert.InRange(called.StartLine, Marked("Called works") - 5, Marked("Called works"));
    }

    /// <summary>
    /// The runtime may leave open where one inlinee calls another: then there is no line, but never another one. Most of
    /// the samples must be where the source says: loops have other instructions around them.
    /// </summary>
    private void AreAt(string what, IEnumerable<(PprofLocation Location, long Count)> places, string[] methods, long[] lines)
    {
        long all = 0, right = 0;
        var others = new Dictionary<string, long>();
        foreach ((PprofLocation location, long count) in places)
        {
            all += count;
            bool agrees = location.Lines.Select(line => line.Function!.Name).SequenceEqual(methods) && IsAt(location.Lines[0].Line, lines[0]) && location.Lines.Skip(1).Zip(lines.Skip(1)).All(pair => pair.First.Line == pair.Second || (pair.First.Line == 0 && pair.First != location.Lines[^1]));
            if (agrees) right += count;
            else others[string.Join(" < ", location.Lines.Select(line => $"{line.Function!.Name}:{line.Line}"))] = others.GetValueOrDefault(string.Join(" < ", location.Lines.Select(line => $"{line.Function!.Name}:{line.Line}"))) + count;
        }

        string found = $"{what}: {right} of {all}; else {string.Join(", ", others.OrderByDescending(pair => pair.Value).Take(5).Select(pair => $"{pair.Value} {pair.Key}"))}";
        log.WriteLine(found);
        Assert.True(all > 50, found);
        Assert.True(right >= all * 0.9, found);
    }

    /// <summary>The marks are in loops of one statement, whose head stands a line above.</summary>
    private static bool IsAt(long line, long marked) => line == marked || line == marked - 1;

    private static string NameOf(PprofLocation location) => location.Lines.Count > 0 ? location.Lines[0].Function!.Name : "";

    private static IEnumerable<(PprofLocation Location, long Count)> Leaves(PprofFile profile) =>
        profile.StackSamples.Where(sample => sample.Stack[0] is not null).Select(sample => (sample.Stack[0]!, sample.Count));

    private static IEnumerable<(PprofLocation Location, long Count)> CallersOf(PprofFile profile, string method) =>
        profile.StackSamples.Where(sample => sample.Stack.Count > 1 && NameOf(sample.Stack[0]!) == method).Select(sample => (sample.Stack[1]!, sample.Count));

    private static long Marked(string mark) => Array.FindIndex(s_source, line => line.EndsWith("// mark: " + mark, StringComparison.Ordinal)) + 1;
}
