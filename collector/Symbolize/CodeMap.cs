using System.Runtime.InteropServices;
using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Which managed code was at an address at a time: ranges [start, end) x [loaded, unloaded). The event thread writes,
/// the drain reads; both may be late and out of step, because the stream and the rundowns arrive on threads of their own.
/// </summary>
internal sealed class CodeMap
{
    /// <summary>No method is larger; what claims to be is refused, so that a corrupt event cannot fill the memory.</summary>
    public const uint MaxMethodSize = 32 << 20;

    /// <summary>
    /// The runtime publishes code shortly before it reports it, and a sample's clock reading is converted: code seen
    /// running outside its own time by less than this is still believed to be it, when nothing else was there.
    /// </summary>
    public const long SlackNanos = 1_000_000_000;

    private readonly Lock gate = new();
    private readonly CodePages pages = new();
    private readonly DenseTable<EntryRow> entryPoints = new();

    /* Most of the methods that are precompiled are never asked for: only those that are have an object. */
    private readonly Dictionary<ulong, MethodCode> entriesAsked = [];
    private readonly List<long> reuses = [];

    /* Replaced as a whole: the drain asks for every sample, nearly always later than this, and takes no lock for it. */
    private volatile LatestReuse latest = new(long.MinValue, 0);

    /// <summary>Code was heard of for the first time, or its size was. Called on whatever thread brought it.</summary>
    public event Action<MethodCode>? Appeared;

    /// <summary>Ranges known, dead ones included.</summary>
    public int Count { get; private set; }

    /// <summary>Dead ranges that had to be forgotten.</summary>
    public long Forgotten => pages.Forgotten;

    /// <summary>Code was published at <paramref name="time"/>: what the runtime reports when it happens.</summary>
    /// <returns>What is known of it from now on: the same, or what was known before.</returns>
    public MethodCode Load(MethodCode code, MonotonicNanos time)
    {
        if (!IsPlausible(code)) return code;
        lock (gate)
        {
            if (pages.Living(code.Key) is { } known && known.IsSameBodyAs(code))
            {
                // A rundown told of it first, later than it happened: now its time is known.
                if (known.IsLoadTold || known.Size != code.Size) return known;
                Begin(known, time);
                MonotonicNanos end = known.Unloaded;
                known.Unloaded = MethodCode.Never;
                if (end != MethodCode.Never) End(known, end);
                return known;
            }

            Begin(code, time);
            Add(code);
            return code;
        }
    }

    /// <summary>The living body of a key and a name; null for none.</summary>
    public MethodCode? Living(MethodCodeKey key, Function function)
    {
        lock (gate)
        {
            return pages.Living(key) is { } known && known.Function.SystemName == function.SystemName ? known : null;
        }
    }

    /// <summary>Code exists at <paramref name="time"/>: what a rundown reports.</summary>
    /// <returns>What is known of it from now on: the same, or what was known before.</returns>
    public MethodCode Exists(MethodCode code, MonotonicNanos time)
    {
        if (!IsPlausible(code)) return code;
        lock (gate)
        {
            if (pages.Living(code.Key) is { } known && known.IsSameBodyAs(code)) return known;
            if (entryPoints.Remove(EntryRow.KeyOf(code.Start), out EntryRow row))
            {
                // The same precompiled method, of which the entry point was known: keep the instance, complete it.
                if (!entriesAsked.Remove(code.Start, out MethodCode? entry)) entry = row.ToCode();
                entry.Size = code.Size;
                entry.ModuleId = code.ModuleId;
                entry.Mapping ??= code.Mapping;
                entry.Token = code.Token;
                pages.Insert(entry);
                Appeared?.Invoke(entry);
                return entry;
            }

            foreach (MethodCode other in pages.Overlapping(code, time))
            {
                bool same = other.IsSameBodyAs(code) || (other.Precompiled && code.Precompiled && other.Start == code.Start);
                if (same && other.LivesAt(time)) return other;
                if (other.IsSameBodyAs(code) && other.Unloaded.CompareTo(time) <= 0 && LivingAt(code, time) is null)
                {
                    // Told gone, and yet it is there: a process that exits unloads its modules in name only.
                    Revive(other);
                    return other;
                }

                if (other.Loaded.CompareTo(time) > 0)
                {
                    if (other.Loaded.CompareTo(code.Unloaded) < 0) code.Unloaded = other.Loaded;
                }
                else if (other.Unloaded.CompareTo(time) <= 0)
                {
                    if (other.Unloaded.CompareTo(code.Loaded) > 0) code.Loaded = other.Unloaded;
                    Reused(other.Unloaded);
                }
                else
                {
                    // It cannot still be there, and nothing told when it went.
                    End(other, time);
                    code.Loaded = time;
                    Reused(time);
                }
            }

            if (code.Unloaded != MethodCode.Never) Reused(code.Unloaded);
            Add(code);
            return code;
        }
    }

    /// <summary>
    /// A precompiled method was used for the first time; the event tells its entry point but not its size. The code
    /// stays as long as its image does.
    /// </summary>
    /// <param name="methodId">The runtime's MethodDesc.</param>
    /// <param name="start">First byte of the code.</param>
    /// <param name="function">Its name.</param>
    public void EntryPoint(ulong methodId, ulong start, Function function)
    {
        lock (gate)
        {
            foreach (MethodCode other in pages.At(start).Living)
            {
                if (other.Contains(start)) return;
            }

            if (entryPoints.TryGet(EntryRow.KeyOf(start), out _)) return;
            int before = entryPoints.Count;
            entryPoints.Set(new EntryRow(EntryRow.KeyOf(start), methodId, function));
            Count += entryPoints.Count - before;
        }
    }

    /// <summary>Code was freed. It is named by this event too, so that code never heard of before has a name.</summary>
    public void Unload(MethodCode code, MonotonicNanos time)
    {
        if (!IsPlausible(code)) return;
        lock (gate)
        {
            if (pages.Living(code.Key) is { } known && known.IsSameBodyAs(code))
            {
                if (known.Loaded.CompareTo(time) <= 0) End(known, time);
                return;
            }

            foreach (MethodCode other in pages.Overlapping(code, time))
            {
                // A rundown ended it first, later than it happened.
                if (other.IsSameBodyAs(code) && other.LivesAt(time)) End(other, time);
                if (other.IsOf(code.Key) || other.LivesAt(time)) return;
                if (other.Unloaded.CompareTo(time) <= 0 && other.Unloaded.CompareTo(code.Loaded) > 0) code.Loaded = other.Unloaded;
            }

            code.Unloaded = time;
            Add(code);
        }
    }

    /// <summary>A module was unloaded with all its code, for which no events are sent one by one.</summary>
    public void UnloadModule(ulong moduleId, MonotonicNanos time)
    {
        if (moduleId == 0) return;
        lock (gate)
        {
            foreach (MethodCode code in pages.AllLiving.Where(code => code.ModuleId == moduleId && code.Loaded.CompareTo(time) <= 0).Distinct().ToList())
                End(code, time);
        }
    }

    /// <summary>The code an instruction belonged to when it was executed.</summary>
    public MethodCode? Find(InstructionPointer ip, MonotonicNanos time)
    {
        lock (gate)
        {
            CodePages.Page page = pages.At(ip.Value);
            MethodCode? nearest = null;
            long nearestDistance = SlackNanos + 1;
            return FindIn(page.Living) ?? (page.Dead is { } dead ? FindIn(CollectionsMarshal.AsSpan(dead)) : null) ?? nearest;

            MethodCode? FindIn(ReadOnlySpan<MethodCode> codes)
            {
                for (int i = codes.Length - 1; i >= 0; i--)
                {
                    MethodCode code = codes[i];
                    if (!code.Contains(ip.Value)) continue;
                    if (code.LivesAt(time)) return code;
                    long distance = code.Loaded.CompareTo(time) > 0 ? code.Loaded.Value - time.Value : time.Value - code.Unloaded.Value;
                    if (distance < 0 || distance >= nearestDistance) continue;
                    nearestDistance = distance;
                    nearest = code;
                }

                return null;
            }
        }
    }

    /// <summary>Whether nothing took a body's place since.</summary>
    public bool IsLastAt(MethodCode code)
    {
        lock (gate)
        {
            return pages.Overlapping(code, MethodCode.Beginning).TrueForAll(other => ReferenceEquals(other, code) || other.Loaded.CompareTo(code.Loaded) < 0);
        }
    }

    /// <summary>The precompiled method that starts at an address, where only its entry point is known.</summary>
    public MethodCode? FindEntryPoint(ulong start)
    {
        lock (gate)
        {
            if (entriesAsked.TryGetValue(start, out MethodCode? known)) return known;
            if (!entryPoints.TryGet(EntryRow.KeyOf(start), out EntryRow row)) return null;
            entriesAsked.Add(start, known = row.ToCode());
            return known;
        }
    }

    /// <summary>All bodies known now; of a precompiled method whose entry point alone is known there is none.</summary>
    public IReadOnlyList<MethodCode> Bodies()
    {
        lock (gate)
        {
            return [.. pages.All.Distinct()];
        }
    }

    /// <summary>All that is known now, entry points without a size included; for tests.</summary>
    public IReadOnlyList<MethodCode> Snapshot()
    {
        lock (gate)
        {
            return [.. pages.All.Distinct(), .. entryPoints.Rows.Select(row => entriesAsked.GetValueOrDefault(row.Start) ?? row.ToCode())];
        }
    }

    /// <summary>
    /// How often, up to and including <paramref name="time"/>, code took an address that other code had before. Between
    /// two of these an address means one thing only. A number stays true once events up to its time were seen.
    /// </summary>
    public int GenerationAt(MonotonicNanos time)
    {
        LatestReuse newest = latest;
        if (time.Value >= newest.Time) return newest.Count;
        lock (gate)
        {
            int index = reuses.BinarySearch(time.Value);
            return index >= 0 ? index + 1 : ~index;
        }
    }

    private static bool IsPlausible(MethodCode code) =>
        code.Size is > 0 and <= MaxMethodSize && code.Start <= ulong.MaxValue - MaxMethodSize;

    /// <summary>Lets code begin at a time that is known, and ends what was there before.</summary>
    private void Begin(MethodCode code, MonotonicNanos time)
    {
        code.Loaded = time;
        code.IsLoadTold = true;
        bool reused = false;
        foreach (MethodCode other in pages.Overlapping(code, time))
        {
            if (ReferenceEquals(other, code)) continue;
            if (other.Loaded.CompareTo(time) <= 0)
            {
                reused = true;
                if (time.CompareTo(other.Unloaded) < 0) End(other, time);
            }
            else if (other.Loaded.CompareTo(code.Unloaded) < 0)
            {
                // Heard of out of order: what came later ends this.
                code.Unloaded = other.Loaded;
                Reused(other.Loaded);
            }
        }

        if (reused) Reused(time);
    }

    private void Add(MethodCode code)
    {
        Count++;
        pages.Insert(code);
        Appeared?.Invoke(code);
    }

    private void End(MethodCode code, MonotonicNanos time)
    {
        bool lived = code.Unloaded == MethodCode.Never;
        code.Unloaded = time;
        if (!lived) return;
        pages.Bury(code);
    }

    private MethodCode? LivingAt(MethodCode code, MonotonicNanos time) =>
        pages.Overlapping(code, time).Find(other => other.Unloaded == MethodCode.Never && other.Loaded.CompareTo(time) <= 0);

    private void Revive(MethodCode code)
    {
        code.Unloaded = MethodCode.Never;
        pages.Exhume(code);
    }

    private void Reused(MonotonicNanos time)
    {
        int index = reuses.BinarySearch(time.Value);
        if (index >= 0) return;
        reuses.Insert(~index, time.Value);
        latest = new LatestReuse(reuses[^1], reuses.Count);
    }

    private sealed record LatestReuse(long Time, int Count);

    private readonly record struct EntryRow(ulong Key, ulong MethodId, Function Function) : IKeyed
    {
        public ulong Start => Key - 1;

        /// <summary>The runtime also tells of methods without an entry point, and no key may be 0.</summary>
        public static ulong KeyOf(ulong start) => unchecked(start + 1);

        public MethodCode ToCode() => new(new MethodCodeKey(MethodId, 0, Start), 0, 0, null, Function, precompiled: true);
    }
}
