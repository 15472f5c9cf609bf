using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Symbolize;
using DotnetPprof.Tests.Drain;
using DotnetPprof.Unwind;
using Xunit;
using CodeKind = DotnetPprof.Unwind.CodeKind;

namespace DotnetPprof.Tests.Unwind;

/// <summary>What is proposed to the agent, which keeps the rules of the piece of code that was proposed last.</summary>
public sealed class StackLearnerTests : IDisposable
{
    private const byte Ret = 0xC3;

    private readonly FakeRegion fake = new();
    private readonly CodeMap code = new();
    private readonly Agent agent;
    private readonly StackLearner learner;

    public StackLearnerTests()
    {
        agent = new Agent(fake);
        learner = new StackLearner(fake.View, code, new SharedSymbols(), () => true);
    }

    public void Dispose()
    {
        learner.Dispose();
        agent.Dispose();
        fake.Dispose();
    }

    [Theory]
    [InlineData(nameof(CodeKind.Method))]
    [InlineData(nameof(CodeKind.UnmeasuredStub))]
    public void MethodThatWasSeenBeforeWeWereToldOfItKeepsItsRules(string kind)
    {
        learner.Learn(new CodeToLearn(0x1018, 8, null, Enum.Parse<CodeKind>(kind)));
        Appear(0x1000);
        LearnAll();
        Assert.Equal([0x1000ul], agent.Proposed);
    }

    [Fact]
    public void WhatIsNoMethodIsLearned()
    {
        Appear(0x1000);
        learner.Learn(new CodeToLearn(0x1020, 8, null, CodeKind.UnmeasuredStub));
        LearnAll();
        Assert.Equal([0x1000ul, 0x1020ul], agent.Proposed);
    }

    /// <summary>Of what is gone, the place is anybody's.</summary>
    [Fact]
    public void PlaceOfAMethodThatIsGoneIsLearnedAsWhatItIs()
    {
        code.Unload(Appear(0x1000), new MonotonicNanos(2));
        learner.Learn(new CodeToLearn(0x1018, 8, null, CodeKind.UnmeasuredStub));
        LearnAll();
        Assert.Contains(0x1018ul, agent.Proposed);
    }

    /// <summary>Bodies that wait for each other's turn, or for the agent: what came to a place since has it.</summary>
    [Fact]
    public void NothingIsLearnedOfWhatIsGone()
    {
        MethodCode gone = Appear(0x1000);
        code.Unload(gone, new MonotonicNanos(2));
        learner.Learn(CodeToLearn.Of(gone));
        Appear(0x1010, method: 2);
        LearnAll();
        Assert.Equal([0x1010ul], agent.Proposed);
        code.Unload(code.Find(new InstructionPointer(0x1010), new MonotonicNanos(5))!, new MonotonicNanos(6));
        agent.Drop();
        LearnAll();
        Assert.Equal([0x1010ul], agent.Proposed);
    }

    [Fact]
    public void WhatIsSeenAgainAndAgainIsLearnedOnce()
    {
        MethodCode method = Appear(0x1000);
        for (int i = 0; i < 1_000; i++)
            learner.LearnSeen(method);
        LearnAll();
        learner.LearnSeen(method);
        LearnAll();
        Assert.Equal([0x1000ul], agent.Proposed);
    }

    [Fact]
    public void BodyTooLargeForARoundIsNotUnderstood()
    {
        MethodCode method = Appear(0x1000, size: 1 << 20);
        LearnAll();
        Assert.Empty(agent.Proposed);
        Assert.Equal(1, learner.NotUnderstood);
        Assert.Null(learner.Learned.Find(new InstructionPointer(method.Start), new MonotonicNanos(5))!.Value.Frames);
    }

    /// <summary>The agent drops them where it was not told of code that went; nothing new may appear for long.</summary>
    [Fact]
    public void WhatTheAgentDroppedIsLearnedAgain()
    {
        Appear(0x1000);
        learner.Learn(new CodeToLearn(0x1020, 8, null, CodeKind.UnmeasuredStub));
        LearnAll();
        agent.Now = 100;
        learner.Start();
        int proposed = agent.Proposed.Count;
        Assert.False(SpinWait.SpinUntil(() => agent.Proposed.Count > proposed, TimeSpan.FromSeconds(1.5)), "there was nothing to learn");
        learner.LookForDrop();
        agent.Drop();
        learner.LookForDrop();
        Assert.True(SpinWait.SpinUntil(() => InForce(0x1000) == 100 && InForce(0x1020) == 100, TimeSpan.FromMinutes(1)));
    }

    private long? InForce(ulong ip) => learner.Learned.Find(new InstructionPointer(ip), new MonotonicNanos(1_000))?.InForce.Value;

    private MethodCode Appear(ulong start, ulong method = 1, uint size = 0x20) =>
        code.Load(new MethodCode(new MethodCodeKey(method, 0, start), size, 0, null, new Function("M", "M()", "", 0)), new MonotonicNanos(1));

    private void LearnAll() => learner.LearnKnown(TimeSpan.FromMinutes(1));

    /// <summary>All of its code returns at once.</summary>
    private sealed class Agent : IDisposable
    {
        private readonly FakeRegion fake;
        private readonly Thread thread;
        private volatile bool ended;

        internal Agent(FakeRegion fake)
        {
            this.fake = fake;
            thread = new Thread(Serve);
            thread.Start();
        }

        /// <summary>Since when what is published next is in force.</summary>
        internal ulong Now { get; set; } = 10;

        /// <summary>Where code began that rules were proposed for.</summary>
        internal List<ulong> Proposed { get; } = [];

        internal void Drop() => fake.View.Learning.Epoch++;

        public void Dispose()
        {
            ended = true;
            thread.Join();
        }

        private void Serve()
        {
            ref RegionLearning learning = ref fake.View.Learning;
            for (; !ended; Thread.Sleep(1))
            {
                if (Volatile.Read(ref learning.Asked) is var asked && asked != learning.Answered)
                {
                    Answer(learning.AskCount);
                    Volatile.Write(ref learning.Answered, asked);
                }
                else if (Volatile.Read(ref learning.Proposed) is var proposed && proposed != learning.Judged)
                {
                    Judge(learning.AskCount);
                    learning.JudgedNs = Now;
                    Volatile.Write(ref learning.Judged, proposed);
                }
            }
        }

        private void Answer(uint count)
        {
            Span<RegionAsk> asks = Array<RegionAsk>(RegionLayout.LearningAsksAt);
            uint used = 0;
            for (int i = 0; i < count; i++)
            {
                Array<RegionAnswer>(RegionLayout.LearningAnswersAt)[i] = new RegionAnswer { Kind = (uint)AnswerKind.Code, Offset = used, Size = asks[i].Size };
                fake.View.LearningArray<byte>(RegionLayout.LearningCodeAt, (uint)RegionLayout.CodeBytes).Slice((int)used, (int)asks[i].Size).Fill(Ret);
                used += asks[i].Size;
            }
        }

        private void Judge(uint count)
        {
            for (int i = 0; i < count; i++)
            {
                Array<RegionJudgement>(RegionLayout.LearningJudgementsAt)[i].Judgement = (uint)Judgement.Published;
                if (Array<RegionProposal>(RegionLayout.LearningProposalsAt)[i].FirstRule != uint.MaxValue)
                    Proposed.Add(Array<RegionAsk>(RegionLayout.LearningAsksAt)[i].Start);
            }
        }

        private Span<T> Array<T>(ulong at)
            where T : unmanaged => fake.View.LearningArray<T>(at, RegionLayout.Asks);
    }
}
