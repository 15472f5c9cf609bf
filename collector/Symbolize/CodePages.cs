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

    /* Nearly all code lives as long as its target: of what died, few pages have any. */
    private readonly DenseTable<LivingRow> living = new();
    private readonly Dictionary<ulong, List<MethodCode>> dead = [];

    /// <summary>Dead ranges that had to be forgotten.</summary>
    public long Forgotten { get; private set; }

    /// <summary>A range comes once for each page it touches.</summary>
    public IEnumerable<MethodCode> All => AllLiving.Concat(dead.Values.SelectMany(codes => codes));

    /// <summary>Likewise.</summary>
    public IEnumerable<MethodCode> AllLiving => living.Rows.SelectMany(row => row.Codes);

    /// <summary>What is known of the page an address lies in.</summary>
    public Page At(ulong address) => Numbered(address >> PageShift);

    /// <summary>The body of a key that lives; null for none.</summary>
    public MethodCode? Living(MethodCodeKey key)
    {
        foreach (MethodCode code in At(key.Start).Living)
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
            Page page = Numbered(number);
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
            if (code.Unloaded == MethodCode.Never) AddLiving(number, code);
            else AddDead(number, code);
        }
    }

    /// <summary>Moves code from the living to the dead.</summary>
    public void Bury(MethodCode code)
    {
        for (ulong number = First(code); number <= Last(code); number++)
        {
            RemoveLiving(number, code);
            AddDead(number, code);
        }
    }

    /// <summary>Moves code from the dead back to the living.</summary>
    public void Exhume(MethodCode code)
    {
        for (ulong number = First(code); number <= Last(code); number++)
        {
            Numbered(number).Dead?.Remove(code);
            AddLiving(number, code);
        }
    }

    private static ulong First(MethodCode code) => code.Start >> PageShift;

    private static ulong Last(MethodCode code) => (code.End - 1) >> PageShift;

    private Page Numbered(ulong number) =>
        new(living.TryGet(LivingRow.KeyOf(number), out LivingRow row) ? row.Codes : [], dead.Count > 0 ? dead.GetValueOrDefault(number) : null);

    private void AddLiving(ulong number, MethodCode code)
    {
        MethodCode[] codes = Numbered(number).Living;
        Array.Resize(ref codes, codes.Length + 1);
        codes[^1] = code;
        living.Set(new LivingRow(LivingRow.KeyOf(number), codes));
    }

    private void RemoveLiving(ulong number, MethodCode code)
    {
        MethodCode[] codes = Numbered(number).Living;
        int index = Array.IndexOf(codes, code);
        if (index < 0) return;
        if (codes.Length == 1) living.Remove(LivingRow.KeyOf(number), out _);
        else living.Set(new LivingRow(LivingRow.KeyOf(number), [.. codes[..index], .. codes[(index + 1)..]]));
    }

    private void AddDead(ulong number, MethodCode code)
    {
        if (!dead.TryGetValue(number, out List<MethodCode>? codes)) dead.Add(number, codes = []);
        if (codes.Count >= MaxDeadPerPage)
        {
            Forgotten += MaxDeadPerPage / 2;
            codes.RemoveRange(0, MaxDeadPerPage / 2);
        }

        codes.Add(code);
    }

    /// <param name="Living">In the order they came.</param>
    /// <param name="Dead">Null for none yet.</param>
    internal readonly record struct Page(MethodCode[] Living, List<MethodCode>? Dead);

    /// <summary>There is one for each 4 KiB of compiled code, and most have a few bodies that live as long as the target.</summary>
    private readonly record struct LivingRow(ulong Key, MethodCode[] Codes) : IKeyed
    {
        /// <summary>The first page's number is 0, which no key may be.</summary>
        public static ulong KeyOf(ulong number) => number + 1;
    }
}
