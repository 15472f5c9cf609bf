using System.Diagnostics.CodeAnalysis;

namespace DotnetPprof.Symbolize;

/// <summary>Something that holds what it is found by.</summary>
internal interface IKeyed
{
    /// <summary>An id or address of the target's; 0 for nothing.</summary>
    ulong Key { get; }
}

/// <summary>
/// Rows by an id or address, in one array of little more than them: a dictionary takes two thirds more, and `serve` has
/// some of these for each of its targets. Not thread-safe.
/// </summary>
/// <typeparam name="T">Its default is no row.</typeparam>
internal sealed class DenseTable<T>
    where T : struct, IKeyed
{
    private const int Least = 16;

    /* Ids come from targets: nobody can know which ones meet. */
    private static readonly ulong s_factor = (ulong)Random.Shared.NextInt64() << 1 | 1;

    private T[] slots = [];

    public int Count { get; private set; }

    public IEnumerable<T> Rows => slots.Where(row => row.Key != 0);

    public bool TryGet(ulong key, [MaybeNullWhen(false)] out T row)
    {
        int slot = SlotOf(key);
        row = slot >= 0 ? slots[slot] : default;
        return slot >= 0;
    }

    /// <summary>In the place of one with the same key; one with the key 0 is not taken.</summary>
    public void Set(T row)
    {
        if (row.Key == 0) return;
        if (SlotOf(row.Key) is >= 0 and var slot)
        {
            slots[slot] = row;
            return;
        }

        if (Count >= slots.Length - (slots.Length / 8)) Grow();
        Place(row);
        Count++;
    }

    public bool Remove(ulong key, [MaybeNullWhen(false)] out T row)
    {
        int hole = SlotOf(key);
        row = hole >= 0 ? slots[hole] : default;
        if (hole < 0) return false;
        Count--;

        // Those behind it that were put there because this place was taken move up, so that they are found.
        int at = hole;
        while (true)
        {
            slots[hole] = default;
            do
            {
                at = Next(at);
                if (slots[at].Key == 0) return true;
            }
            while (Distance(First(slots[at].Key), at) < Distance(hole, at));
            slots[hole] = slots[at];
            hole = at;
        }
    }

    private int SlotOf(ulong key)
    {
        if (key == 0 || Count == 0) return -1;
        for (int slot = First(key); slots[slot].Key is not 0 and var found; slot = Next(slot))
        {
            if (found == key) return slot;
        }

        return -1;
    }

    private void Place(T row)
    {
        int slot = First(row.Key);
        while (slots[slot].Key != 0) slot = Next(slot);
        slots[slot] = row;
    }

    private void Grow()
    {
        T[] old = slots;
        slots = new T[Math.Max(Least, old.Length + (old.Length / 2))];
        foreach (T row in old)
        {
            if (row.Key != 0) Place(row);
        }
    }

    private int First(ulong key) => (int)Math.BigMul(unchecked(key * s_factor), (ulong)slots.Length, out _);

    private int Next(int slot) => slot + 1 < slots.Length ? slot + 1 : 0;

    private int Distance(int from, int to) => to >= from ? to - from : to - from + slots.Length;
}
