using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public sealed class SharedDelayTests
{
    private static readonly TimeSpan period = TimeSpan.FromMilliseconds(20);

    [Fact]
    public async Task WhoWaitsTogetherGoesOnTogetherAndNotBeforeAPeriodIsOver()
    {
        using var delay = new SharedDelay(period);
        for (int round = 0; round < 3; round++)
        {
            long began = Environment.TickCount64;
            Task first = delay.Wait(), second = delay.Wait();
            Assert.Same(first, second);
            await first;
            /* The clock of ticks is as coarse as its own period. */
            Assert.True(Environment.TickCount64 - began >= period.TotalMilliseconds - 10);
        }
    }

    [Fact]
    public async Task WhoComesWhileOthersWaitDoesNotGoOnWithThem()
    {
        using var delay = new SharedDelay(period);
        Task first = delay.Wait();
        Task later = first;
        while (ReferenceEquals(later, first))
        {
            await Task.Yield();
            later = delay.Wait();
        }
        await later;
        Assert.True(first.IsCompleted);
    }
}
