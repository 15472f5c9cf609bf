using System.Collections.Concurrent;
using DotnetPprof.Aggregate;
using DotnetPprof.Model;
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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task TimesAreKeptForASinkThatTakesThem(bool takesTimes)
    {
        var sink = new Sink { TakesTimes = takesTimes };
        sink.Release.SetResult();
        using var dispatch = new WindowDispatch(sink, log);
        FinishedWindow window = Timed(stacks: 1, samples: 3);
        dispatch.Add(window);
        await dispatch.FinishAsync(TimeSpan.FromMinutes(1));
        FinishedWindow taken = Assert.Single(sink.Windows);
        Assert.Equal(takesTimes ? 3 : null, taken.Profile.Timed?.Count());
        Assert.Same(window.Profile.Samples, taken.Profile.Samples);
    }

    [Theory]
    [InlineData(true, 100)]
    [InlineData(false, 5)]
    public async Task WhatWaitsIsBoundedByWhatItHolds(bool takesTimes, int kept)
    {
        var sink = new Sink { TakesTimes = takesTimes };
        using var dispatch = new WindowDispatch(sink, log, mostWeight: takesTimes ? 102_000 : 60);
        for (int i = 0; i < 111; i++)
        {
            dispatch.Add(Timed(stacks: takesTimes ? 5 : 3, samples: 1000));
            if (i == 0)
                await sink.Taking.Task;
        }
        SinkAccount account = dispatch.Account;
        Assert.Equal((111, 1 + kept, 110 - kept), (account.Given, account.Queued, account.Dropped["sink too slow"]));
        sink.Release.SetResult();
        await dispatch.FinishAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(1 + kept, dispatch.Account.Delivered);
    }

    [Fact]
    public async Task AWindowThatIsTooLargeByItselfIsTakenAllTheSame()
    {
        var sink = new Sink();
        using var dispatch = new WindowDispatch(sink, log, mostWeight: 100);
        for (int i = 0; i < 2; i++)
        {
            dispatch.Add(Timed(stacks: 1000, samples: 1));
            await sink.Taking.Task;
        }
        sink.Release.SetResult();
        await dispatch.FinishAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(2, dispatch.Account.Delivered);
    }

    private static FinishedWindow Timed(int stacks, int samples)
    {
        FinishedWindow window = ServeFakes.Window("shop", DateTime.UnixEpoch, stacks);
        ProfileSample sample = window.Profile.Samples[0] with { Time = window.From };
        return window with { Profile = window.Profile with { Timed = new ListedTimedSamples(Enumerable.Repeat(sample, samples)) } };
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
        public string Name => "fake";

        public bool TakesTimes { get; init; }

        public ConcurrentQueue<FinishedWindow> Windows { get; } = [];

        public SinkAccount Account => new(Windows.Count, 0, new Dictionary<string, long>());

        public TaskCompletionSource Taking { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Release { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Tended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsComplete { get; private set; }

        public async Task TakeAsync(FinishedWindow window)
        {
            Taking.TrySetResult();
            await Release.Task;
            Windows.Enqueue(window);
        }

        public void Complete() => IsComplete = true;

        public void Tend() => Tended.TrySetResult();
    }
}
