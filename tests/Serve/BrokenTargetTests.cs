using System.Collections.Concurrent;
using System.Net;
using DotnetPprof.Serve;
using DotnetPprof.Session;
using DotnetPprof.Tests.Harm;
using DotnetPprof.Tests.RealPrograms;
using DotnetPprof.Upload;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>Following a target goes wrong in a way that nobody thought of.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class BrokenTargetTests
{
    private readonly CaptureFactory captures = new(Path.Join(Path.GetDirectoryName(ProgramPaths.Collector), AgentVariables.AgentFile));
    private readonly ListLogger<ServedTarget> log = new();
    private readonly ConcurrentQueue<FinishedWindow> windows = [];
    private volatile bool isBroken = true;

    [Fact]
    public async Task ItIsToldAndCountedAndTheTargetIsSampledAgain()
    {
        using TargetProgram program = TargetProgram.StartReady("Burner", "1");
        using var turns = new SemaphoreSlim(1);
        using var stop = new CancellationTokenSource();
        var process = ProcessDescription.Of(program.Pid, ProcFs.StartTime(program.Pid)!.Value)!;
        var target = new ServedTarget(process, Options(), captures, turns, Take, log);
        Task run = Task.Run(() => target.RunAsync(stop.Token));

        await Until(() => target.State == TargetState.Sampling);
        Task<CaptureResult?> request = target.ProfileAsync(TimeSpan.FromHours(1), CancellationToken.None);
        await Until(() => target.Problem is not null);
        isBroken = false;
        Assert.Contains("no memory left", target.Problem);
        Assert.Equal((TargetState.Waiting, 1), (target.State, target.LostStretches));
        await request.WaitAsync(Child.HangBound);

        await Until(() => windows.Count >= 2);
        Assert.Equal((TargetState.Sampling, 1, null), (target.State, target.LostStretches, target.Problem));
        Assert.Contains("no memory left", Assert.Single(log.Lines, line => line.Contains("is not sampled", StringComparison.Ordinal)));
        await stop.CancelAsync();
        await run.WaitAsync(Child.HangBound);
        Assert.DoesNotContain(log.Lines, line => line.Contains('\n', StringComparison.Ordinal));

        async Task Until(Func<bool> condition)
        {
            while (!condition())
            {
                Assert.False(run.IsCompleted, run.Exception?.Message ?? target.Problem);
                await Task.Delay(10);
            }
        }
    }

    private static ServeOptions Options() => new(
        new IPEndPoint(IPAddress.Loopback, 0), null, null, TimeSpan.FromSeconds(1), TimeSpan.Zero, 0, 250, 0, [], [], AttachAll: true, new UploadOptions(null, null));

    /// <summary>The last windows as well, at the end.</summary>
    private void Take(FinishedWindow window)
    {
        if (isBroken)
            throw new OutOfMemoryException("there is\nno memory left");
        windows.Enqueue(window);
    }
}
