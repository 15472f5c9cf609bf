using DotnetPprof.Region;
using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>The program's own signals, and the runtime's, reach their handlers while ours come by the thousand.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class SignalTests(ITestOutputHelper output)
{
    private const string OwnHandler = """
        #include <signal.h>
        volatile long handled;
        static void handle(int number) { (void)number; __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST); }
        int setup(void)
        {
            struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
            return sigaction(SIGUSR1, &action, 0);
        }
        """;

    /* As another NativeAOT library in the process would: it puts itself in front and passes on what is not its own. */
    private const string HandlerInFront = """
        #include <signal.h>
        static struct sigaction before;
        static void handle(int number, siginfo_t *info, void *context) { before.sa_sigaction(number, info, context); }
        int setup(void)
        {
            struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
            sigaction(SIGRTMIN, 0, &before);
            return before.sa_flags & SA_SIGINFO ? sigaction(SIGRTMIN, &action, 0) : -1;
        }
        """;

    /* Keeps what timers send to itself, as if it came from a timer of its own, and passes the rest on. */
    private const string HandlerThatKeepsOurs = """
        #include <signal.h>
        static struct sigaction before;
        static void handle(int number, siginfo_t *info, void *context)
        {
            if (info->si_code != SI_TIMER)
                before.sa_sigaction(number, info, context);
        }
        int setup(void)
        {
            struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
            sigaction(SIGRTMIN, 0, &before);
            return before.sa_flags & SA_SIGINFO ? sigaction(SIGRTMIN, &action, 0) : -1;
        }
        """;

    private const int EnoughSignals = 10;
    private const int EnoughCollections = 1000;
    private const string InFront = "in front of the agent's";

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void EverySignalIsHandledAtTheHighestRate(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using var library = new CLibrary(OwnHandler);
        using Child target = Targets.StartWithAgent("Signals", library.Path);
        using (ICapture capture = Targets.AttachUnnamed(target, engine, 1_000_000))
        {
            Thread.Sleep(3000);
            Eventually.True(
                () => Ask("count") is var words && long.Parse(words[1]) > EnoughSignals && long.Parse(words[9]) > EnoughCollections,
                "there were signals and collections");
            output.WriteLine($"{capture.Finish().Summary.Samples} samples");
        }
        string[] words = Ask("stop");
        output.WriteLine(string.Join(' ', words));
        Assert.Equal(0, target.WaitForExit());
        string sent = words[1];
        Assert.Equal([sent, sent, sent], [words[3], words[5], words[7]]);

        string[] Ask(string line)
        {
            target.Send(line);
            return target.ReadLine().Split(' ');
        }
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void HandlerPutInFrontOfOursIsKept(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using var library = new CLibrary(HandlerInFront);
        using Child target = Targets.StartWithAgent("Spin", "2");
        Assert.True(Capture(target, engine, isDisplaced: false).Samples > 0);
        target.Send("load " + library.Path);
        Assert.Equal("0", target.ReadLine());
        for (int i = 0; i < 3; i++)
        {
            CaptureSummary summary = Capture(target, engine, isDisplaced: engine == Engines.Timer);
            Assert.True(summary.Samples > 0);
            if (engine == Engines.Timer)
                Assert.Contains(summary.Warnings, warning => warning.Contains(InFront, StringComparison.Ordinal));
            /* Suspends the threads through the signal that all of these handlers share. */
            target.Send("collect");
            Assert.Equal("collected", target.ReadLine());
        }
        target.Send("stop");
        Assert.Equal(3, target.WaitForExit());
    }

    /// <summary>The capture that is under way says so, doctor afterwards, and so does the next capture, which has no samples to give.</summary>
    [Fact]
    public void HandlerThatKeepsOurSignalsIsReported()
    {
        using var library = new CLibrary(HandlerThatKeepsOurs);
        using var collector = new Collector();
        using Child target = Targets.StartWithAgent("Spin", "2");
        using (ICapture capture = Targets.AttachUnnamed(target, Engines.Timer, 1000))
        {
            target.Send("load " + library.Path);
            Assert.Equal("0", target.ReadLine());
            WaitUntilSeen(target);
            Assert.Contains(capture.Finish().Summary.Warnings, warning => warning.Contains(InFront, StringComparison.Ordinal));
        }
        Assert.Contains(InFront, collector.Run("doctor", "-p", $"{target.Pid}").Output, StringComparison.Ordinal);
        (int exitCode, _, string errors) = collector.Run("collect", "-p", $"{target.Pid}", "-d", "1", "--engine", "timer");
        output.WriteLine($"{exitCode}: {errors}");
        Assert.Equal(1, exitCode);
        Assert.Contains(InFront, errors, StringComparison.Ordinal);
        target.Send("collect");
        Assert.Equal("collected", target.ReadLine());
        target.Send("stop");
        Assert.Equal(3, target.WaitForExit());
    }

    private static CaptureSummary Capture(Child target, string engine, bool isDisplaced)
    {
        using ICapture capture = Targets.AttachUnnamed(target, engine, 10_000);
        Thread.Sleep(500);
        Eventually.True(() => capture.Progress.Samples > 0, "samples came");
        if (isDisplaced)
            WaitUntilSeen(target);
        return capture.Finish().Summary;
    }

    /* The agent looks four times a second, where it gets to run. */
    private static void WaitUntilSeen(Child target)
    {
        using MappedRegion region = MappedRegion.Find(target.Pid)!;
        Eventually.True(() => region.View.Counter(Counter.Displaced) > 0, "the agent saw the other handler");
    }
}
