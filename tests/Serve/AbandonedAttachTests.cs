using System.Diagnostics;
using System.Net.Sockets;
using DotnetPprof.Serve;
using DotnetPprof.Session;
using DotnetPprof.Tests.Harm;
using DotnetPprof.Tests.RealPrograms;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>At its end <c>serve</c> does not wait for a process that does not answer.</summary>
public sealed class AbandonedAttachTests
{
    /// <summary>Less than the diagnostic port is given to answer.</summary>
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task AttachingToOneThatDoesNotAnswerIsGivenUp()
    {
        using var process = Process.Start("sleep", "infinity");
        string path = Path.Join(Path.GetTempPath(), $"dotnet-diagnostic-{process.Id}-{ProcFs.StartTime(process.Id)}-socket");
        using var port = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        port.Bind(new UnixDomainSocketEndPoint(path));
        try
        {
            port.Listen();
            using var turns = new SemaphoreSlim(1);
            using var stop = new CancellationTokenSource();
            var captures = new CaptureFactory(Path.Join(Path.GetDirectoryName(ProgramPaths.Collector), AgentVariables.AgentFile));
            ServedProcess served = ServeFakes.Process("silent", process.Id) with { StartTime = ProcFs.StartTime(process.Id)!.Value };
            var target = new ServedTarget(served, ServeFakes.Options with { AttachAll = true }, captures, turns, _ => { }, NullLogger.Instance);
            Task run = Task.Run(() => target.RunAsync(stop.Token), TestContext.Current.CancellationToken);
            Assert.True(port.Poll(Child.HangBound, SelectMode.SelectRead), $"nobody called: {target.Problem}");
            await stop.CancelAsync();
            await run.WaitAsync(s_bound, TestContext.Current.CancellationToken);
            Assert.Equal(1, turns.CurrentCount);
        }
        finally
        {
            process.Kill();
            File.Delete(path);
        }
    }

    [Fact]
    public async Task WhatComesTooLateIsDisposed()
    {
        var late = new TaskCompletionSource<Late>();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ServedTarget.OrAbandon(late.Task, TimeSpan.Zero, new CancellationToken(canceled: true)));
        var result = new Late();
        late.SetResult(result);
        await result.Disposed.Task.WaitAsync(Child.HangBound, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task WhatComesInTimeIsNot()
    {
        var result = new Late();
        Assert.Same(result, await ServedTarget.OrAbandon(Task.FromResult(result), TimeSpan.Zero, new CancellationToken(canceled: true)));
        Assert.False(result.Disposed.Task.IsCompleted);
        Task<Late> refused = Task.FromException<Late>(new IOException());
        await Assert.ThrowsAsync<IOException>(() => ServedTarget.OrAbandon(refused, TimeSpan.Zero, new CancellationToken(canceled: true)));
    }

    private sealed class Late : IDisposable
    {
        public TaskCompletionSource Disposed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Dispose() => Disposed.SetResult();
    }
}
