namespace DotnetPprof.Symbolize;

/// <summary>
/// What targets have in common, each thing there once and let go with its last user. Making one may take long and is
/// done outside the lock: where two targets are at it, one of them has done it in vain. Any thread may ask.
/// </summary>
internal sealed class Counted<TKey, TValue>
    where TKey : notnull
    where TValue : class, IDisposable
{
    private readonly Lock gate = new();
    private readonly Dictionary<TKey, Entry> entries = [];

    /// <summary>How many are in use.</summary>
    public int Count
    {
        get
        {
            lock (gate)
            {
                return entries.Count;
            }
        }
    }

    /// <summary>Null where nobody uses it; else to be given back by <see cref="Release"/>.</summary>
    public TValue? Find(TKey key)
    {
        lock (gate)
        {
            return Use(key);
        }
    }

    /// <param name="key">Of which.</param>
    /// <param name="made">Owned from here on.</param>
    /// <returns>It, or what another user has made meanwhile; to be given back by <see cref="Release"/>.</returns>
    public TValue Add(TKey key, TValue made)
    {
        TValue? quicker;
        lock (gate)
        {
            quicker = Use(key);
            if (quicker is null) entries.Add(key, new Entry(made) { Users = 1 });
        }

        if (quicker is null) return made;
        made.Dispose();
        return quicker;
    }

    public void Release(TKey key)
    {
        Entry last;
        lock (gate)
        {
            last = entries[key];
            if (--last.Users > 0) return;
            entries.Remove(key);
        }

        last.Value.Dispose();
    }

    private TValue? Use(TKey key)
    {
        if (!entries.TryGetValue(key, out Entry? entry)) return null;
        entry.Users++;
        return entry.Value;
    }

    private sealed class Entry(TValue value)
    {
        public TValue Value { get; } = value;

        public int Users { get; set; }
    }
}
