using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Code ranges by the pages of the address space they touch. Of each page the living ranges stand apart from the dead, so
/// that code which comes and goes for hours (dynamic methods) does not slow down what happens now.
/// </summary>
internal sealed class CodePages
{
    /// <summary>Dead ranges remembered per page; beyond it the older half is forgotten.</summary>
    public const int MaxDeadPerPage = 4096;

    private const int PageShift = 12;

    private readonly Dictionary<ulong, Page> pages = [];

    /// <summary>Dead ranges that had to be forgotten.</summary>
    public long Forgotten { get; private set; }

    /// <summary>A range comes once for each page it touches.</summary>
    public IEnumerable<MethodCode> All => pages.Values.SelectMany(page => page.Living.Concat(page.Dead ?? []));

    /// <summary>Likewise.</summary>
    public IEnumerable<MethodCode> AllLiving => pages.Values.SelectMany(page => page.Living);

    public Page? At(ulong address) => pages.GetValueOrDefault(address >> PageShift);

    /// <summary>The body of a key that lives; null for none.</summary>
    public MethodCode? Living(MethodCodeKey key)
    {
        if (At(key.Start) is not { } page) return null;
        foreach (MethodCode code in page.Living)
        {
            if (code.IsOf(key)) return code;
        }

        return null;
    }

    /// <summary>
    /// All living code in a range, and of the dead what may matter at a time: what ended after it, and the last before.
    /// </summary>
    public List<MethodCode> Overlapping(MethodCode code, MonotonicNanos time)
    {
        var found = new List<MethodCode>();
        for (ulong number = First(code); number <= Last(code); number++)
        {
            if (!pages.TryGetValue(number, out Page? page)) continue;
            foreach (MethodCode other in page.Living) Collect(other);

            // The dead lie in the order of their ends, but for what was heard of out of order.
            for (int i = (page.Dead?.Count ?? 0) - 1; i >= 0; i--)
            {
                MethodCode other = page.Dead![i];
                if (Collect(other) && other.Unloaded.CompareTo(time) <= 0) break;
            }
        }

        return found;

        bool Collect(MethodCode other)
        {
            if (!other.Overlaps(code)) return false;
            if (!found.Contains(other)) found.Add(other);
            return true;
        }
    }

    public void Insert(MethodCode code)
    {
        for (ulong number = First(code); number <= Last(code); number++)
        {
            if (!pages.TryGetValue(number, out Page? page)) pages.Add(number, page = new Page());
            if (code.Unloaded == MethodCode.Never) page.AddLiving(code);
            else AddDead(page, code);
        }
    }

    /// <summary>Moves code from the living to the dead.</summary>
    public void Bury(MethodCode code)
    {
        for (ulong number = First(code); number <= Last(code); number++)
        {
            Page page = pages[number];
            page.RemoveLiving(code);
            AddDead(page, code);
        }
    }

    /// <summary>Moves code from the dead back to the living.</summary>
    public void Exhume(MethodCode code)
    {
        for (ulong number = First(code); number <= Last(code); number++)
        {
            Page page = pages[number];
            page.Dead?.Remove(code);
            page.AddLiving(code);
        }
    }

    private static ulong First(MethodCode code) => code.Start >> PageShift;

    private static ulong Last(MethodCode code) => (code.End - 1) >> PageShift;

    private void AddDead(Page page, MethodCode code)
    {
        List<MethodCode> dead = page.Dead ??= [];
        if (dead.Count >= MaxDeadPerPage)
        {
            Forgotten += MaxDeadPerPage / 2;
            dead.RemoveRange(0, MaxDeadPerPage / 2);
        }

        dead.Add(code);
    }

    /// <summary>There is one for each 4 KiB of compiled code, and most have a dozen bodies that live as long as the target.</summary>
    internal sealed class Page
    {
        private MethodCode[] living = [];

        /// <summary>In the order they came.</summary>
        public MethodCode[] Living => living;

        /// <summary>Null for none yet.</summary>
        public List<MethodCode>? Dead { get; set; }

        public void AddLiving(MethodCode code)
        {
            Array.Resize(ref living, living.Length + 1);
            living[^1] = code;
        }

        public void RemoveLiving(MethodCode code)
        {
            int index = Array.IndexOf(living, code);
            if (index >= 0) living = [.. living[..index], .. living[(index + 1)..]];
        }
    }
}
