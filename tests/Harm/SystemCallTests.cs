using DotnetPprof.Region;
using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>A thread that waits is left alone.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class SystemCallTests(ITestOutputHelper output)
{
    /// <summary>By timers at most one shot finds it waiting, and takes the rest with it; the kernel's own samples are no signals.</summary>
    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void WaitsAreRarelyInterrupted(string engine)
    {
        Engines.SkipWhereRefused(engine);
        Dictionary<string, (long Waits, long Interruptions)> without = Run(engine, rateHz: 0, out _);
        Dictionary<string, (long Waits, long Interruptions)> with = Run(engine, rateHz: 10_000, out ulong wakeups);
        output.WriteLine($"shots that found a thread waiting: {wakeups}");
        foreach ((string kind, (long waits, long interruptions)) in with)
        {
            output.WriteLine($"{kind}: {without[kind]} without, {(waits, interruptions)} with");
            Assert.True(waits > 0);
            if (engine == Engines.Perf)
                Assert.InRange(interruptions - without[kind].Interruptions, -1000, 2); /* the runtime's own signals */
            /* A wait of a millisecond sees 10 shots at this rate; what is allowed is what a CPU tick brings with it. */
            Assert.True(interruptions - without[kind].Interruptions <= 2 + waits / 5, $"{interruptions} of {waits} {kind} waits were interrupted");
        }
        Assert.Equal((1, 0), with["blocked"]);
    }

    private static Dictionary<string, (long Waits, long Interruptions)> Run(string engine, int rateHz, out ulong wakeups)
    {
        using Child target = Targets.StartWithAgent("Waits");
        wakeups = 0;
        if (rateHz == 0)
        {
            Thread.Sleep(3000);
        }
        else
        {
            using ICapture capture = Targets.Attach(target, engine, rateHz);
            Thread.Sleep(3000);
            capture.Finish();
            using MappedRegion region = MappedRegion.Find(target.Pid)!;
            wakeups = region.View.Counter(Counter.SyscallWakeups);
        }
        target.Send("stop");
        var result = new Dictionary<string, (long, long)>();
        for (int i = 0; i < 4; i++)
        {
            string[] words = target.ReadLine().Split(' ');
            result.Add(words[0], (long.Parse(words[1]), long.Parse(words[2])));
        }
        Assert.Equal(0, target.WaitForExit());
        return result;
    }
}
