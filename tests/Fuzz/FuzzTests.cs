using System.Diagnostics;
using CsCheck;
using Xunit;

namespace DotnetPprof.Tests.Fuzz;

/// <summary>
/// Whatever a target, a file system or a saved profile says, readers of it end: with a result, or with the one error that
/// stands for bad data. They take no more memory than is stated with them, and no input holds them up.
/// FUZZ_SECONDS sets how long each is tried (by hand: minutes), FUZZ_PARSER which one. Every run tries the same inputs in the same order; a failure
/// prints the edits that make its input.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_hang = TimeSpan.FromSeconds(60);
    private static readonly int s_seconds = int.TryParse(Environment.GetEnvironmentVariable("FUZZ_SECONDS"), out int set) ? set : 0;
    private static readonly string? s_only = Environment.GetEnvironmentVariable("FUZZ_PARSER");

    public static TheoryData<string> Parsers => [.. FuzzedParsers.All.Select(parser => parser.Name).Where(name => s_only is null || name == s_only)];

    /// <summary>Or damaged ones would be refused for the wrong reason.</summary>
    [Theory]
    [InlineData("stream", 380)]
    [InlineData("rundown", 414)]
    public void RecordedStreamsAreReadWhole(string name, int methods) => Assert.Equal(methods, FuzzedEvents.Read(FuzzedParsers.Recorded(name)).Code.Count);

    [Theory]
    [MemberData(nameof(Parsers))]
    public void DamagedInputEndsInOrder(string name)
    {
        FuzzedParser parser = FuzzedParsers.All.Single(parser => parser.Name == name);
        byte[][] corpus = [.. parser.Corpus()];
        foreach (byte[] seed in corpus)
            parser.Read([.. seed]);
        long tried = 0, most = 0;
        var random = new PCG(1, 1);
        var time = Stopwatch.StartNew();
        using var watch = new Timer(_ => Environment.FailFast($"reading {name} hangs at input {tried}"));
        for (; s_seconds > 0 ? time.Elapsed.TotalSeconds < s_seconds : tried < parser.ShortRun; tried++)
        {
            Edit[] edits = Edit.Several.Generate(random, null, out _);
            byte[] input = Edit.Apply(corpus[tried % corpus.Length], edits);
            watch.Change(s_hang, Timeout.InfiniteTimeSpan);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                parser.Read(input);
            }
            catch (Exception e)
            {
                Assert.Fail($"input {tried}, {string.Join(", ", edits)}: {e}");
            }
            long took = GC.GetAllocatedBytesForCurrentThread() - before;
            most = Math.Max(most, took);
            Assert.True(took <= parser.MostBytes, $"input {tried}, {string.Join(", ", edits)}: {took} bytes were allocated");
        }
        output.WriteLine($"{name}: {tried} inputs, at most {most} bytes for one");
    }
}
