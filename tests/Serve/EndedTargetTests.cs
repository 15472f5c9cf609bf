using System.Net;
using System.Runtime.CompilerServices;
using DotnetPprof.Model;
using DotnetPprof.Serve;
using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using DotnetPprof.Upload;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>A target that has ended can be seen for a while; its samples and symbols are not kept for that.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class EndedTargetTests
{
    private readonly CaptureFactory captures = new(Path.Join(Path.GetDirectoryName(ProgramPaths.Collector), AgentVariables.AgentFile));

    /// <summary>Profiles, and the places in them, which their capture's symboliser has as well.</summary>
    private readonly List<WeakReference> made = [];

    [Fact]
    public async Task NothingOfItIsReachableButItsHistory()
    {
        using TargetProgram program = TargetProgram.StartReady("Burner", "1");
        using var turns = new SemaphoreSlim(1);
        var process = ProcessDescription.Of(program.Pid, ProcFs.StartTime(program.Pid)!.Value)!;
        var target = new ServedTarget(process, Options(), captures, turns, Note, NullLogger.Instance);
        Task run = Task.Run(() => target.RunAsync(CancellationToken.None));
        while (target.History.Totals.Windows < 2)
        {
            Assert.False(run.IsCompleted, target.Problem);
            await Task.Delay(50);
        }
        program.Signal(9);
        await run;
        Assert.Equal(TargetState.Ended, target.State);
        Assert.True(made.Count > 4, $"{made.Count} noted");
        for (int round = 0; round < 1200 && made.Exists(one => one.IsAlive); round++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            await Task.Delay(50); // threads that are about to end
        }
        Assert.Equal(0, made.Count(one => one.IsAlive));
        Assert.True(target.History.Totals.Samples > 0);
        GC.KeepAlive(captures);
        GC.KeepAlive(run);
    }

    private static ServeOptions Options() => new(
        new IPEndPoint(IPAddress.Loopback, 0), null, null, TimeSpan.FromSeconds(1), TimeSpan.Zero, 0, 250, 0, [], [], AttachAll: true, new UploadOptions(null, null));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Note(FinishedWindow window)
    {
        made.Add(new WeakReference(window.Profile));
        foreach (Location location in window.Profile.Samples.SelectMany(sample => sample.Stack).Where(location => location.Lines.Count > 0 && location.Lines[0].Function.Name.StartsWith("Burner.", StringComparison.Ordinal)).Take(4))
            made.Add(new WeakReference(location));
    }
}
