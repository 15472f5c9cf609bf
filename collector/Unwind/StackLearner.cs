using System.Diagnostics;
using DotnetPprof.Drain;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>
/// Learns how to step through the target's code as it appears: asks the agent for its bytes, analyses them, proposes
/// rules. On a thread of its own, which sleeps while nothing is new.
/// </summary>
internal sealed class StackLearner : IDisposable
{
    /// <summary>
    /// Entries of the agent's table, three fifths of it. Beyond that, code is learned only when it is seen in a stack.
    /// </summary>
    private const ulong MostUnseen = 300_000;
    private const uint LargestPiece = 1 << 19;
    private const int MostAttempts = 3;

    /// <summary>Bytes of code: the memory of a round of more is let go of at once.</summary>
    private const ulong LargeRound = 1 << 16;

    /// <summary>
    /// Code is compiled, and told of, in bursts: what follows the first of one is learned with it. A round wakes the agent
    /// twice, whether it is about one piece or many.
    /// </summary>
    private static readonly TimeSpan s_burst = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan s_afterFailure = TimeSpan.FromMilliseconds(100);

    /// <summary>After so long without anything new, all is let go of that the last rounds took.</summary>
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(1);

    /// <summary>`mov rax, 15; syscall`, what it is entered after and where the system call would return to included.</summary>
    private const uint SignalReturnSize = 11;

    private readonly CodeMap code;
    private readonly AnalysedCodes kept;
    private readonly PrecompiledFrames precompiled;
    private readonly Func<bool> isServed;
    private readonly LearningChannel channel;
    private readonly MethodAnalyser analyser = new();
    private readonly LearningQueue queue = new();
    private readonly List<(CodeToLearn Code, int Attempt)> batch = [];
    private readonly HashSet<CodeToLearn> taken = [];
    private readonly List<CodeToLearn> pieces = [];
    private readonly List<PackedFrames?> analyses = [];
    private readonly List<RegionRule[]?> proposals = [];
    private readonly Judgement[] judgements = new Judgement[RegionLayout.Asks];
    private Thread? thread;
    private ulong batchBytes;
    private volatile uint epoch;
    private volatile bool stopping;

    /// <param name="region">Of a target whose lease is held until this is disposed.</param>
    /// <param name="code">Its managed code.</param>
    /// <param name="shared">With other targets.</param>
    /// <param name="isServed">Whether the target lives, and its agent serves us.</param>
    public StackLearner(RegionView region, CodeMap code, SharedSymbols shared, Func<bool> isServed)
    {
        this.code = code;
        this.isServed = isServed;
        kept = shared.Frames;
        precompiled = shared.Precompiled;
        channel = new LearningChannel(region, () => stopping || !isServed());
        Learned = new LearnedCodes(code);
        epoch = channel.Epoch;
        code.Appeared += OnAppeared;
    }

    public LearnedCodes Learned { get; }

    /// <summary>Rules that found no room in the agent's table.</summary>
    public ulong Refused => channel.Refused;

    /// <summary>Methods whose frames were not understood.</summary>
    public int NotUnderstood { get; private set; }

    /// <summary>What ended the learning while there was code to learn; null for nothing.</summary>
    public string? Failure { get; private set; }

    /// <summary>Learns what is known already, before sampling begins; for as long as that may take.</summary>
    public void LearnKnown(TimeSpan patience)
    {
        foreach (MethodCode method in code.Bodies())
            OnAppeared(method);
        long began = Stopwatch.GetTimestamp();
        while (TakeBatch(TimeSpan.Zero) && RoundOrPutBack() && Stopwatch.GetElapsedTime(began) < patience)
        {
        }
    }

    /// <summary>Goes on learning until disposed.</summary>
    public void Start()
    {
        thread = new Thread(Run) { Name = "unwind", IsBackground = true };
        thread.Start();
    }

    /// <summary>Code that was seen in a stack. Given once for each.</summary>
    public void Learn(CodeToLearn seen)
    {
        if (seen.Size > 0 && (seen.Size <= LargestPiece || seen.Method is not null))
            queue.Add(seen, 0);
    }

    /// <summary>A method that was seen in a stack: learned now if it was not when it appeared. May be given time and again.</summary>
    public void LearnSeen(MethodCode method)
    {
        if (!Learned.Has(method))
            Learn(CodeToLearn.Of(method));
    }

    /// <summary>
    /// Looks whether the agent has dropped all rules, which it does not tell of otherwise: all is learned again then. To be
    /// called before samples are judged that have been held for longer than since the last call.
    /// </summary>
    public void LookForDrop()
    {
        if (channel.Epoch != epoch)
            queue.Wake();
    }

    /// <summary>Learns nothing more. What has been learned stays.</summary>
    public void Stop()
    {
        stopping = true;
        code.Appeared -= OnAppeared;
        queue.CompleteAdding();
        thread?.Join();
        if (channel.Epoch != epoch)
            Learned.Drop();
    }

    public void Dispose() => Stop();

    private void OnAppeared(MethodCode method)
    {
        if (method.Size > 0 && method.Unloaded == MethodCode.Never && channel.Published < MostUnseen)
            Learn(CodeToLearn.Of(method));
    }

    private void Run()
    {
        try
        {
            LearnWhatComes();
        }
        catch (Exception e)
        {
            /* Out of memory, say: one target's, where others are profiled too. */
            Failure = e.Message;
        }
        /* From here on frames are stepped by what the agent knows. */
        queue.CompleteAdding();
        Forget();
    }

    private void LearnWhatComes()
    {
        for (TimeSpan patience = s_quiet; !stopping; patience = s_quiet)
        {
            while (!stopping && !TakeBatch(patience))
            {
                Forget();
                patience = Timeout.InfiniteTimeSpan;
            }
            if (stopping)
                return;
            if (!RoundOrPutBack())
            {
                if (stopping || !isServed())
                    return;
                /* A hostile target could fail every round at once. */
                Thread.Sleep(s_afterFailure);
            }
            if (batchBytes > LargeRound)
                Forget();
        }
    }

    /// <summary>Until the next round, which may be hours away: what was read and made of it is more than what is kept.</summary>
    private void Forget()
    {
        batch.Clear();
        pieces.Clear();
        analyses.Clear();
        proposals.Clear();
        channel.Forget();
    }

    private bool TakeBatch(TimeSpan patience)
    {
        batch.Clear();
        taken.Clear();
        if (channel.Epoch is var current && current != epoch)
        {
            epoch = current;
            Learned.Drop().ForEach(Learn);
        }
        batchBytes = 0;
        while (batch.Count < RegionLayout.Asks && batchBytes < RegionLayout.CodeBytes - LargestPiece && queue.TryTake(out (CodeToLearn Code, int Attempt) next, batch.Count == 0 ? patience : TimeSpan.Zero))
        {
            if (!IsToLearn(next.Code) || !taken.Add(next.Code))
                continue;
            batch.Add(next);
            batchBytes += next.Code.Size;
            if (patience != TimeSpan.Zero && batch.Count == 1 && queue.Count < RegionLayout.Asks && !stopping)
                Thread.Sleep(s_burst);
        }
        return batch.Count > 0;
    }

    /// <summary>What was put here may have been learned since, or be gone, and its place another's.</summary>
    private bool IsToLearn(in CodeToLearn piece)
    {
        if (piece.Method is { } method)
        {
            if (method.Unloaded != MethodCode.Never || Learned.Has(method))
                return false;
            if (piece.Size <= LargestPiece)
                return true;
            NotUnderstood++;
            Learned.Add(new LearnedCode(piece, null, MethodCode.Never));
            return false;
        }
        /* A stack can lead through a method before we are told of it; it was taken for a stub or an image's function then. */
        if (code.Find(new InstructionPointer(piece.Start), new MonotonicNanos(RegionInterop.MonotonicNow())) is not { Size: > 0 } around || around.Unloaded != MethodCode.Never)
            return true;
        LearnSeen(around);
        return false;
    }

    private bool RoundOrPutBack()
    {
        if (Round())
            return true;
        batch.ForEach(piece => queue.Add(piece.Code, piece.Attempt));
        return false;
    }

    /// <returns>False when the agent does not answer.</returns>
    private bool Round()
    {
        pieces.Clear();
        analyses.Clear();
        proposals.Clear();
        foreach ((CodeToLearn next, _) in batch)
            pieces.Add(next);
        if (!channel.Ask(pieces))
            return false;
        for (int i = 0; i < pieces.Count; i++)
        {
            ReadOnlySpan<byte> bytes = channel.CodeOf(i);
            KnownFrames? known = bytes.IsEmpty ? null : FramesOf(pieces[i], bytes);
            analyses.Add(known?.Analysis);
            proposals.Add(known is not null && pieces[i].Kind is CodeKind.Method or CodeKind.Stub ? known?.Rules ?? [] : null);
        }
        if (channel.Propose(proposals, judgements.AsSpan(0, pieces.Count)) is not { } inForce)
            return false;
        for (int i = 0; i < pieces.Count; i++)
        {
            if (pieces[i].Kind == CodeKind.NativeCall)
                ConcludeNative(pieces[i], channel.AnswerTo(i), inForce);
            else
                Conclude(batch[i], analyses[i], judgements[i], inForce);
        }
        return true;
    }

    private KnownFrames FramesOf(CodeToLearn piece, ReadOnlySpan<byte> bytes)
    {
        if (piece.Kind == CodeKind.Method)
        {
            /* What the JIT makes has addresses of its process in it. */
            bool isShared = piece.Method is not { Precompiled: false };
            if (!isShared || !precompiled.TryGet(bytes, piece.Start, out KnownFrames known))
            {
                /* A copy: the target can change its bytes at any time. */
                byte[] rented = LargeBuffers.Pool.Rent(bytes.Length);
                var code = new ArraySegment<byte>(rented, 0, bytes.Length);
                bytes.CopyTo(code);
                known = KnownFrames.Of(analyser.Analyse(code, piece.Start), piece.Start, kept, isShared);
                if (isShared)
                    precompiled.Add(code, piece.Start, known);
                LargeBuffers.Pool.Return(rented);
            }
            return known;
        }
        AnalysedCode? stub = StubAnalyser.Analyse(bytes.ToArray(), piece.Start, out int length);
        if (piece.Kind == CodeKind.UnmeasuredStub && stub is not null)
            Learn(piece with { Size = (uint)length, Kind = CodeKind.Stub });
        return KnownFrames.Of(stub, piece.Start, kept, isShared: true);
    }

    private void Conclude((CodeToLearn Code, int Attempt) piece, PackedFrames? analysed, Judgement judgement, MonotonicNanos inForce)
    {
        if (piece.Code.Kind == CodeKind.UnmeasuredStub)
            return;
        /* Refused is also what found no room among a round's rules. */
        if (analysed is not null && judgement is Judgement.Changed or Judgement.Refused && piece.Attempt < MostAttempts)
        {
            queue.Add(piece.Code, piece.Attempt + 1);
            return;
        }
        if (analysed is null && piece.Code.Kind == CodeKind.Method)
            NotUnderstood++;
        Learned.Add(new LearnedCode(piece.Code, analysed, judgement == Judgement.Published ? inForce : MethodCode.Never));
    }

    private void ConcludeNative(CodeToLearn call, AnswerKind answer, MonotonicNanos inForce)
    {
        if (answer == AnswerKind.NewRule)
            Learned.Add(new LearnedCode(call, PackedFrames.OfNativeCall, inForce));
        else if (answer == AnswerKind.NoCall)
            Learned.Add(new LearnedCode(call, PackedFrames.OfNoCall, MethodCode.Beginning));
        else if (answer == AnswerKind.SignalReturn)
            Learned.Add(new LearnedCode(call with { Size = SignalReturnSize }, PackedFrames.OfSignalReturn, MethodCode.Beginning));
    }
}
