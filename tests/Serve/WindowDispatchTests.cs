using DotnetPprof.Serve;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>A sink gets all windows, or they are counted; and it is told whether it got all.</summary>
public sealed class WindowDispatchTests
{
    private readonly ListLogger<WindowDispatch> log = new();

    [Fact]
    public async Task TheSinkThatGotAllIsToldSo()
    {
        var sink = new Sink();
        sink.Release.SetResult();
        using WindowDispatch dispatch = await Filled(sink);
        Assert.False(sink.IsComplete);
        await dispatch.FinishAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(5, dispatch.Account.Delivered);
        Assert.True(sink.IsComplete);
        Assert.Empty(log.Lines);
    }

    [Fact]
    public async Task WhatThereIsNoTimeForIsCountedAndSaid()
    {
        var sink = new Sink();
        using WindowDispatch dispatch = await Filled(sink);
        Task finished = dispatch.FinishAsync(TimeSpan.Zero);
        sink.Release.SetResult();
        await finished;
        SinkAccount account = dispatch.Account;
        Assert.Equal((1, 0, 4), (account.Delivered, account.Queued, account.Dropped["no time left"]));
        Assert.False(sink.IsComplete);
        Assert.Single(log.Lines, line => line.Contains("4 windows are lost", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ASinkIsTendedBetweenWindows()
    {
        var sink = new Sink();
        sink.Release.SetResult();
        using var dispatch = new WindowDispatch(sink, log, TimeSpan.FromMilliseconds(10));
        await sink.Tended.Task.WaitAsync(TimeSpan.FromMinutes(1));
        dispatch.Add(ServeFakes.Window("shop", DateTime.UnixEpoch));
        await dispatch.FinishAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(1, dispatch.Account.Delivered);
    }

    /// <summary>With five windows, the first of which the sink has in its hands.</summary>
    private async Task<WindowDispatch> Filled(Sink sink)
    {
        var dispatch = new WindowDispatch(sink, log);
        for (int i = 0; i < 5; i++)
            dispatch.Add(ServeFakes.Window("shop", DateTime.UnixEpoch));
        await sink.Taking.Task;
        return dispatch;
    }

    private sealed class Sink : IWindowSink
    {
        private int taken;

        public string Name => "fake";

        public SinkAccount Account => new(taken, 0, new Dictionary<string, long>());

        public TaskCompletionSource Taking { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Release { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Tended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsComplete { get; private set; }

        public async Task TakeAsync(FinishedWindow window)
        {
            Taking.TrySetResult();
            await Release.Task;
            taken++;
        }

        public void Complete() => IsComplete = true;

        public void Tend() => Tended.TrySetResult();
    }
}
