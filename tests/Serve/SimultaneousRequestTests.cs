using System.Globalization;
using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>Requests at the same time, each weighed against what the process used meanwhile.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class SimultaneousRequestTests(ITestOutputHelper log) : IDisposable
{
    private readonly ServeProcess serve = new ServeProcess().Start();

    public void Dispose() => serve.Dispose();

    [Fact]
    public async Task TwentyWhoAskForDifferentLengthsGetTwentyRightAnswers()
    {
        using TargetProgram target = serve.StartService("Burner", "1");
        await serve.WaitUntilSampling(target.Pid);
        using var witness = new CpuWitness(target.Pid);
        PprofFile[] profiles = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => serve.Profile($"seconds={1 + i % 5}")));
        for (int i = 0; i < profiles.Length; i++)
        {
            Assert.Equal((1 + i % 5) * 1_000_000_000L, profiles[i].EndNanos - profiles[i].TimeNanos);
            long truth = witness.Between(profiles[i].TimeNanos, profiles[i].EndNanos);
            log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{1 + i % 5} s: {truth / 1e9:0.000} s, error {(profiles[i].CpuNanos - truth) / (double)truth:P2}"));
            /* At 100 Hz the CPU time of a busy thread is settled every 10 ms. */
            double slack = 0.05 * truth + 20_000_000 + witness.Doubt(profiles[i].TimeNanos, profiles[i].EndNanos);
            Assert.InRange(profiles[i].CpuNanos - truth, -slack, slack);
        }
        /* The regular window alone, or two around its end. */
        while (await serve.OpenWindows() > 2)
            await Task.Delay(50);
    }
}
