using System.Diagnostics;
using DotnetPprof.Drain;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using DotnetPprof.Region;

namespace DotnetPprof.Unwind;

/// <summary>
/// Rounds of asking the agent for code and proposing rules for it, through the region's learning section: native/region.h
/// says who writes what. Only for the holder of the lease; one thread.
/// </summary>
/// <param name="region">Of the target.</param>
/// <param name="isStopping">Whether there is nothing to wait for any more.</param>
internal sealed class LearningChannel(RegionView region, Func<bool> isStopping)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);

    private readonly Range[] code = new Range[RegionLayout.Asks];
    private readonly AnswerKind[] kinds = new AnswerKind[RegionLayout.Asks];

    /// <summary>The round that was given up, or 0: the agent may still be at it.</summary>
    private uint abandoned;
    private bool isAbandonedProposal;

    /// <summary>The round that was asked last.</summary>
    private uint asked;

    /// <summary>Rules that found no room in the agent's table.</summary>
    public ulong Refused => Volatile.Read(ref region.Learning.Refused);

    /// <summary>Entries of the agent's table in use.</summary>
    public ulong Published => Volatile.Read(ref region.Learning.Published);

    /// <summary>Changes when the agent has dropped all rules.</summary>
    public uint Epoch => Volatile.Read(ref region.Learning.Epoch);

    /// <summary>Reads code out of the target.</summary>
    /// <param name="pieces">As many as a round takes, or fewer.</param>
    /// <returns>False when the agent does not answer yet, or this is to stop. It may be asked again.</returns>
    public bool Ask(IReadOnlyList<CodeToLearn> pieces)
    {
        ref RegionLearning learning = ref region.Learning;
        /* It may be reading what was asked or proposed then; not if somebody has asked since, who had the lease before. */
        if (abandoned != 0 && learning.Asked == abandoned && !Await(ref isAbandonedProposal ? ref learning.Judged : ref learning.Answered, abandoned))
            return false;
        abandoned = 0;
        Span<RegionAsk> asks = region.LearningArray<RegionAsk>(RegionLayout.LearningAsksAt, RegionLayout.Asks);
        for (int i = 0; i < pieces.Count; i++)
        {
            asks[i] = new RegionAsk
            {
                Start = pieces[i].Kind == CodeKind.NativeCall ? pieces[i].Start + 1 : pieces[i].Start,
                Size = pieces[i].Size,
                IsNativeReturn = pieces[i].Kind == CodeKind.NativeCall ? 1u : 0,
                MethodId = pieces[i].Method?.MethodId ?? 0,
                ModuleId = pieces[i].Method?.ModuleId ?? 0,
            };
        }
        learning.AskCount = (uint)pieces.Count;
        uint round = asked = learning.Asked + 1;
        Volatile.Write(ref learning.Asked, round);
        if (!Await(ref learning.Answered, round))
        {
            Abandon(round, isProposal: false);
            return false;
        }
        /* One who had the lease before, and does not know yet that it is ours, has asked too: these are its answers. */
        if (Volatile.Read(ref learning.Answered) != round)
            return false;

        Span<RegionAnswer> answers = region.LearningArray<RegionAnswer>(RegionLayout.LearningAnswersAt, RegionLayout.Asks);
        ulong bytes = (ulong)RegionLayout.CodeBytes;
        for (int i = 0; i < pieces.Count; i++)
        {
            RegionAnswer answer = answers[i];
            kinds[i] = (AnswerKind)answer.Kind;
            bool read = kinds[i] == AnswerKind.Code && answer.Size == pieces[i].Size && answer.Offset <= bytes && answer.Size <= bytes - answer.Offset;
            code[i] = read ? new Range((int)answer.Offset, (int)(answer.Offset + answer.Size)) : default;
        }
        return true;
    }

    /// <summary>
    /// The bytes of one of the pieces last asked for, none where they could not be read: in the region, where the target
    /// can change them at any time.
    /// </summary>
    public ReadOnlySpan<byte> CodeOf(int piece) => region.LearningArray<byte>(RegionLayout.LearningCodeAt, (uint)RegionLayout.CodeBytes)[code[piece]];

    /// <summary>Lets go of the memory that rounds took.</summary>
    public void Forget() => region.LetGo();

    /// <summary>What kind of answer one of the pieces last asked for got.</summary>
    public AnswerKind AnswerTo(int piece) => kinds[piece];

    /// <summary>Proposes rules for the pieces last asked for.</summary>
    /// <param name="proposals">One list for each: an empty one takes back what was proposed for that code before, null leaves all as it is.</param>
    /// <param name="judgements">What the agent made of each.</param>
    /// <returns>From when on what was published is in force; null when the agent does not answer.</returns>
    public MonotonicNanos? Propose(IReadOnlyList<RegionRule[]?> proposals, Span<Judgement> judgements)
    {
        Span<RegionProposal> heads = region.LearningArray<RegionProposal>(RegionLayout.LearningProposalsAt, RegionLayout.Asks);
        Span<RegionRule> rules = region.LearningArray<RegionRule>(RegionLayout.LearningRulesAt, RegionLayout.Rules);
        int used = 0;
        for (int i = 0; i < RegionLayout.Asks; i++)
        {
            if (i >= proposals.Count || proposals[i] is not { } proposed || proposed.Length > rules.Length - used)
            {
                heads[i] = new RegionProposal { FirstRule = uint.MaxValue };
                continue;
            }
            proposed.CopyTo(rules[used..]);
            heads[i] = new RegionProposal { FirstRule = (uint)used, RuleCount = (uint)proposed.Length };
            used += proposed.Length;
        }
        ref RegionLearning learning = ref region.Learning;
        uint round = asked;
        Volatile.Write(ref learning.Proposed, round);
        if (!Await(ref learning.Judged, round))
        {
            Abandon(round, isProposal: true);
            return null;
        }
        if (Volatile.Read(ref learning.Judged) != round)
            return null;
        Span<RegionJudgement> judged = region.LearningArray<RegionJudgement>(RegionLayout.LearningJudgementsAt, RegionLayout.Asks);
        for (int i = 0; i < judgements.Length; i++)
            judgements[i] = (Judgement)judged[i].Judgement;
        return new MonotonicNanos((long)Math.Min(learning.JudgedNs, long.MaxValue));
    }

    private void Abandon(uint round, bool isProposal) => (abandoned, isAbandonedProposal) = (round, isProposal);

    private bool Await(ref uint word, uint round)
    {
        ref RegionControl control = ref region.Control;
        Interlocked.Increment(ref control.Doorbell);
        RegionInterop.Wake(ref control.Doorbell);
        long began = Stopwatch.GetTimestamp();
        var look = s_look;
        /* Rounds are counted by whoever has the lease: a later one's answer tells that ours is over too. */
        while (Volatile.Read(ref word) is var seen && (int)(seen - round) < 0)
        {
            TimeSpan passed = Stopwatch.GetElapsedTime(began);
            if (passed >= s_patience)
                return false;
            /* Only once it is late: an agent that gets to run answers in a moment. */
            if (passed >= look)
            {
                if (isStopping())
                    return false;
                look = passed + s_look;
            }
            /* The agent wakes whoever waits when it has written the word. */
            RegionInterop.Wait(ref word, seen, s_look);
        }
        return true;
    }
}
