using System.Diagnostics.CodeAnalysis;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Entries that are forgotten when nobody has asked for them for one to two generations. A generation ends with
/// time, or when it is full. Not thread-safe.
/// </summary>
/// <param name="most">Entries of one generation; twice as many are kept.</param>
/// <param name="comparer">Null for the default.</param>
internal sealed class TwoGenerations<TKey, TValue>(int most, IEqualityComparer<TKey>? comparer = null)
    where TKey : notnull
{
    private Dictionary<TKey, TValue> young = new(comparer);
    private Dictionary<TKey, TValue> old = new(comparer);
    private long began;

    public int Count => young.Count + old.Count;

    /// <summary>What is asked for belongs to this generation from now on.</summary>
    public bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (young.TryGetValue(key, out value)) return true;
        if (!old.Remove(key, out value)) return false;
        Add(key, value);
        return true;
    }

    /// <summary>By what the comparer can tell a key from, such as the text of one that is no string yet.</summary>
    public bool TryGetValue<TLike>(TLike key, [MaybeNullWhen(false)] out TValue value)
        where TLike : notnull, allows ref struct
    {
        if (young.GetAlternateLookup<TLike>().TryGetValue(key, out value)) return true;
        if (!old.GetAlternateLookup<TLike>().Remove(key, out TKey? known, out value)) return false;
        Add(known, value);
        return true;
    }

    public void Set(TKey key, TValue value)
    {
        old.Remove(key);
        Add(key, value);
    }

    public bool Remove(TKey key, [MaybeNullWhen(false)] out TValue value) => young.Remove(key, out value) || old.Remove(key, out value);

    /// <summary>Ends a generation that has lasted long enough.</summary>
    /// <param name="now">On any clock, always the same; it may go back.</param>
    /// <param name="length">How long one is, on that clock.</param>
    public void TurnAt(long now, long length)
    {
        long passed = unchecked(now - began);
        if (passed > -length && passed < length) return;
        began = now;
        Turn();
    }

    private void Turn()
    {
        if (Count == 0) return;
        old = young;
        young = new Dictionary<TKey, TValue>(comparer);
    }

    private void Add(TKey key, TValue value)
    {
        young[key] = value;
        if (young.Count >= most) Turn();
    }
}
