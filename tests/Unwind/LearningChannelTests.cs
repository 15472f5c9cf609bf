using DotnetPprof.Region;
using DotnetPprof.Tests.Drain;
using DotnetPprof.Unwind;
using Xunit;

namespace DotnetPprof.Tests.Unwind;

public sealed class LearningChannelTests : IDisposable
{
    private static readonly CodeToLearn[] pieces = [new(0x1000, 16, null)];

    private readonly FakeRegion fake = new();

    public void Dispose() => fake.Dispose();

    /// <summary>Nothing is written that an agent may be reading, which did not get to run for long.</summary>
    [Fact]
    public void RoundThatGotNoAnswerIsWaitedForBeforeTheNext()
    {
        LearningChannel channel = Channel();
        Assert.False(channel.Ask(pieces));
        Assert.Equal(1u, fake.View.Learning.Asked);
        Assert.False(channel.Ask(pieces));
        Assert.Equal(1u, fake.View.Learning.Asked);

        using var agent = new Answering(fake);
        Assert.True(channel.Ask(pieces));
        Assert.Equal(2u, fake.View.Learning.Asked);
    }

    [Fact]
    public void NothingIsWaitedForOnceThereIsNoReasonTo()
    {
        int looks = 0;
        var channel = new LearningChannel(fake.View, () => ++looks > 0);
        Assert.False(channel.Ask(pieces));
        Assert.Equal(1, looks);
    }

    /// <summary>Somebody had the lease before, asked too, and does not know yet that it is lost.</summary>
    [Fact]
    public void AnswersToSomebodyElsesRoundAreNotTaken()
    {
        fake.View.Learning.Answered = 2;
        Assert.False(Channel().Ask(pieces));
        using var agent = new Answering(fake);
        Assert.True(Channel().Ask(pieces));
    }

    private LearningChannel Channel() => new(fake.View, () => false);

    /// <summary>An agent that answers, on a thread of its own, to the round it sees.</summary>
    private sealed class Answering : IDisposable
    {
        private readonly Thread thread;
        private volatile bool ended;

        internal Answering(FakeRegion fake)
        {
            thread = new Thread(() =>
            {
                while (!ended)
                {
                    ref RegionLearning learning = ref fake.View.Learning;
                    Volatile.Write(ref learning.Answered, Volatile.Read(ref learning.Asked));
                    Thread.Sleep(1);
                }
            });
            thread.Start();
        }

        public void Dispose()
        {
            ended = true;
            thread.Join();
        }
    }
}
