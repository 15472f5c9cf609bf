using System.Runtime.InteropServices;
using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent.Unwind;

/// <summary>
/// The agent's half of learning how to step through code: gives out the bytes of code that is asked for, and puts into
/// force what is proposed for them, if they are still the same. Everything that is relied on is kept here; of the region
/// only sane words are taken. A round's work is bounded by the region's arrays: about a millisecond.
/// </summary>
internal sealed unsafe class StackLearning
{
    private const uint LargestPiece = 1 << 19;
    private const int LargestFrame = 16 << 20;

    private readonly SharedRegion _region;
    private readonly PublishedCode _published = new();
    private readonly byte* _code = (byte*)NativeMemory.Alloc(2 * (nuint)RegionLayout.CodeBytes);
    private readonly (CodePiece Piece, uint Offset, uint Size)[] _round = new (CodePiece, uint, uint)[RegionLayout.Asks];
    private readonly Action<CodePiece> _clear = piece => HotPath.ClearRules(piece.Start, piece.End);
    private ulong _owner;
    private ulong _ownerStart;
    private ulong _unloadsLost;
    private bool _inForce;

    internal StackLearning(SharedRegion region, ThreadRegistry registry)
    {
        _region = region;
        registry.CodeUnloaded += Forget;
    }

    private RegionLearning* Learning => _region.Learning;

    /// <summary>One step for the collector that holds the lease; called often.</summary>
    /// <returns>Whether there is memory to give back when it is gone.</returns>
    internal bool Serve(ulong owner)
    {
        uint asked = Volatile.Read(ref Learning->Asked), proposed = Volatile.Read(ref Learning->Proposed);
        bool isNew = owner != _owner || _region.Control->OwnerStartTime != _ownerStart;
        if (isNew && asked == Learning->Answered)
            return _inForce;
        if (isNew && !Begin(owner))
            return _inForce;
        if (HotPath.UnloadsLost() != _unloadsLost)
            DropAll();
        if (asked != Learning->Answered)
        {
            Answer();
            Volatile.Write(ref Learning->Answered, asked);
            HotPath.WakeAll(&Learning->Answered);
        }
        else if (proposed == asked && proposed != Learning->Judged)
        {
            Judge();
            Learning->Published = HotPath.RulesUsed();
            Learning->JudgedNs = (ulong)Libc.Now(Libc.ClockMonotonic);
            Volatile.Write(ref Learning->Judged, proposed);
            HotPath.WakeAll(&Learning->Judged);
        }
        return _inForce;
    }

    /// <summary>The collector is gone, and nothing is being sampled.</summary>
    internal void End()
    {
        if (_inForce)
            HotPath.EndRules();
        _inForce = false;
        _owner = 0;
        _published.Clear();
        Learning->Published = 0;
    }

    private bool Begin(ulong owner)
    {
        End();
        _inForce = _region.PopulateLearning() && HotPath.BeginRules() == 0;
        _owner = owner;
        _ownerStart = _region.Control->OwnerStartTime;
        _unloadsLost = HotPath.UnloadsLost();
        Learning->Refused = 0;
        return _inForce;
    }

    /// <summary>Code may have been freed that we were not told of.</summary>
    private void DropAll()
    {
        _unloadsLost = HotPath.UnloadsLost();
        _published.RemoveWhere(_ => true, _clear);
        Array.Clear(_round);
        Volatile.Write(ref Learning->Epoch, Learning->Epoch + 1);
    }

    private void Forget(ulong id)
    {
        if (!_inForce)
            return;
        _published.RemoveWhere(piece => piece.BelongsTo(id), _clear);
        for (int i = 0; i < _round.Length; i++)
        {
            if (_round[i].Piece.BelongsTo(id))
                _round[i] = default;
        }
    }

    private void Answer()
    {
        var asks = (RegionAsk*)((byte*)Learning + RegionLayout.LearningAsksAt);
        var answers = (RegionAnswer*)((byte*)Learning + RegionLayout.LearningAnswersAt);
        byte* code = (byte*)Learning + RegionLayout.LearningCodeAt;
        uint used = 0, count = Math.Min(Learning->AskCount, RegionLayout.Asks);
        Array.Clear(_round);
        for (uint i = 0; i < count; i++)
        {
            RegionAsk ask = asks[i];
            if (!_inForce)
            {
                /* There was no memory to learn into, and there is none now. */
                answers[i] = new RegionAnswer { Kind = (uint)AnswerKind.Nothing };
                continue;
            }
            if (ask.IsNativeReturn != 0)
            {
                answers[i] = new RegionAnswer { Kind = HotPath.PublishNativeRule(ask.Start) };
                continue;
            }
            uint size = ask.Size;
            bool served = size is > 0 and <= LargestPiece && size <= RegionLayout.CodeBytes - used && ask.Start < 1UL << 47 &&
                HotPath.ReadCode(ask.Start, _code + used, size) != 0;
            if (served)
            {
                Buffer.MemoryCopy(_code + used, code + used, size, size);
                _round[i] = (new CodePiece(ask.Start, ask.Start + size, ask.MethodId, ask.ModuleId), used, size);
            }
            answers[i] = new RegionAnswer { Kind = (uint)(served ? AnswerKind.Code : AnswerKind.Nothing), Offset = used, Size = served ? size : 0 };
            used += served ? size : 0;
        }
    }

    private void Judge()
    {
        var proposals = (RegionProposal*)((byte*)Learning + RegionLayout.LearningProposalsAt);
        var judgements = (RegionJudgement*)((byte*)Learning + RegionLayout.LearningJudgementsAt);
        var rules = (RegionRule*)((byte*)Learning + RegionLayout.LearningRulesAt);
        for (int i = 0; i < _round.Length; i++)
        {
            RegionProposal proposal = proposals[i];
            bool inBounds = proposal.FirstRule <= RegionLayout.Rules && proposal.RuleCount <= RegionLayout.Rules - proposal.FirstRule;
            judgements[i].Judgement = (uint)(inBounds ? Judge(_round[i].Piece, _round[i].Offset, new ReadOnlySpan<RegionRule>(rules + proposal.FirstRule, (int)proposal.RuleCount)) : Judgement.Refused);
        }
    }

    private Judgement Judge(CodePiece piece, uint offset, ReadOnlySpan<RegionRule> proposed)
    {
        if (piece.End == 0)
            return Judgement.Changed;
        /* Judged and published from the same words: the region's may change at any time. */
        RegionRule[] rules = proposed.ToArray();
        uint size = (uint)(piece.End - piece.Start);
        foreach (ref readonly RegionRule rule in rules.AsSpan())
        {
            if (!IsSane(rule, piece.Start, size))
                return Judgement.Refused;
        }
        byte* now = _code + RegionLayout.CodeBytes;
        if (HotPath.ReadCode(piece.Start, now, size) == 0 || !new ReadOnlySpan<byte>(now, (int)size).SequenceEqual(new ReadOnlySpan<byte>(_code + offset, (int)size)))
            return Judgement.Changed;
        if (!_published.TryReplace(piece, _clear))
            return Judgement.Refused;
        uint refused;
        fixed (RegionRule* first = rules)
            refused = HotPath.PublishRules(piece.Start, first, (uint)rules.Length);
        Learning->Refused += refused;
        return refused == 0 ? Judgement.Published : Judgement.NoRoom;
    }

    private static bool IsSane(in RegionRule rule, ulong start, uint size) =>
        rule.Cfa is > 0 and <= LargestFrame && rule.Cfa % 8 == 0 &&
        rule.SavedRbp % 8 == 0 && rule.SavedRbp <= rule.Cfa && rule.FromRbp <= 1 &&
        (RuleKind)rule.Kind switch
        {
            RuleKind.Here => rule.Offset < size,
            RuleKind.Return => rule.Offset > 0 && rule.Offset <= size,
            RuleKind.Block => rule.Offset < size && size - rule.Offset >= 32 && (start + rule.Offset) % 32 == 0,
            _ => false,
        };
}
