using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public sealed class SharedDelayTests
{
    private static readonly TimeSpan period = TimeSpan.FromMilliseconds(20);

    [Fact]
    public async Task NobodyGoesOnBeforeAPeriodIsOver()
    {
        using var delay = new SharedDelay(period);
        for (int round = 0; round < 3; round++)
        {
            long began = Environment.TickCount64;
            await Task.WhenAll(delay.Wait(), delay.Wait(), delay.Wait());
            /* The clock of ticks is as coarse as its own period. */
            Assert.True(Environment.TickCount64 - began >= period.TotalMilliseconds - 10);
        }
    }

    [Fact]
    public async Task WhoComesWhileOthersWaitDoesNotGoOnWithThem()
    {
        using var delay = new SharedDelay(period);
        for (int round = 0; round < 3; round++)
        {
            Task first = delay.Wait(), later = delay.Wait();
            Assert.NotSame(first, later);
            await later;
            Assert.True(first.IsCompleted);
        }
    }
}
