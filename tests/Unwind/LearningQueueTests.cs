using DotnetPprof.Unwind;
using Xunit;

namespace DotnetPprof.Tests.Unwind;

public class LearningQueueTests
{
    private readonly LearningQueue queue = new();

    [Fact]
    public void ABurstLeavesNoRoomBehind()
    {
        for (ulong i = 0; i < 10_000; i++)
            queue.Add(new CodeToLearn(i, 1, null), (int)i % 3);
        Assert.True(queue.Room >= 10_000);
        for (ulong i = 0; i < 10_000; i++)
        {
            Assert.True(queue.TryTake(out var next, Timeout.InfiniteTimeSpan));
            Assert.Equal((new CodeToLearn(i, 1, null), (int)i % 3), next);
        }
        Assert.False(queue.TryTake(out _, TimeSpan.Zero));
        Assert.InRange(queue.Room, 0, 100);
    }

    [Fact]
    public void WhoWaitsForSomeTimeWaitsNoLonger()
    {
        Assert.False(queue.TryTake(out _, TimeSpan.FromMilliseconds(10)));
        queue.Add(new CodeToLearn(1, 1, null), 0);
        Assert.Equal(1, queue.Count);
        Assert.True(queue.TryTake(out _, TimeSpan.FromMinutes(10)));
        queue.CompleteAdding();
        Assert.False(queue.TryTake(out _, TimeSpan.FromMinutes(10)));
    }

    [Fact]
    public async Task WhoWaitsGetsWhatComesAndIsLetGoAtTheEnd()
    {
        Task<List<ulong>> taking = Task.Factory.StartNew(
            () =>
            {
                var taken = new List<ulong>();
                while (queue.TryTake(out var next, Timeout.InfiniteTimeSpan))
                    taken.Add(next.Code.Start);
                return taken;
            },
            TaskCreationOptions.LongRunning);
        for (ulong i = 0; i < 100; i++)
            queue.Add(new CodeToLearn(i, 1, null), 0);
        queue.CompleteAdding();
        queue.Add(new CodeToLearn(100, 1, null), 0);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (ulong)i), await taking);
    }
}
