namespace DotnetPprof.Symbolize.Lines;

/// <summary>Where in a body a stretch of native code starts, and what of the method's IL it was made from.</summary>
/// <param name="Native">Bytes from the body's start.</param>
/// <param name="Inlinee">Which method: an index into the inline tree, 0 for the body's own.</param>
/// <param name="Il">Offset in that method's IL, or one of the special values of <see cref="NativeToIl"/>.</param>
internal readonly record struct IlMapping(uint Native, uint Inlinee, uint Il);

/// <summary>The IL that native code of one body stands for, in the order of the native code.</summary>
internal sealed class NativeToIl
{
    /// <summary>Code that stands for no IL (ICorDebugInfo::NO_MAPPING).</summary>
    public const uint NoMapping = uint.MaxValue;

    /// <summary>ICorDebugInfo::PROLOG.</summary>
    public const uint Prolog = uint.MaxValue - 1;

    /// <summary>ICorDebugInfo::EPILOG.</summary>
    public const uint Epilog = uint.MaxValue - 2;

    private readonly IlMapping[] mappings;

    /// <param name="mappings">In any order.</param>
    public NativeToIl(IEnumerable<IlMapping> mappings)
    {
        this.mappings = [.. mappings];
        Order(this.mappings);
    }

    /// <summary>How many mappings there are.</summary>
    public int Count => mappings.Length;

    /// <summary>Of several that start at one place the last is meant, the others are empty: so these stay as they come.</summary>
    internal static void Order(Span<IlMapping> mappings)
    {
        int sorted = 1;
        while (sorted < mappings.Length && mappings[sorted - 1].Native <= mappings[sorted].Native) sorted++;
        if (sorted >= mappings.Length) return;
        ulong[] rented = Scratch.Rent<ulong>(mappings.Length);
        Span<ulong> places = rented.AsSpan(0, mappings.Length);
        for (int i = 0; i < places.Length; i++) places[i] = ((ulong)mappings[i].Native << 32) | (uint)i;
        places.Sort(mappings);
        Scratch.Return(rented);
    }

    /// <summary>
    /// What an instruction was made from: the last mapping before or at it that stands for IL. A prologue stands for the
    /// method's first IL; an epilogue, and code without IL, for what comes before it.
    /// </summary>
    public (uint Inlinee, uint Il)? Find(uint native)
    {
        int low = 0, high = mappings.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (mappings[middle].Native <= native) low = middle + 1;
            else high = middle;
        }

        for (int i = low - 1; i >= 0; i--)
        {
            IlMapping mapping = mappings[i];
            if (mapping.Il == Prolog) return (mapping.Inlinee, 0);
            if (mapping.Il is not (NoMapping or Epilog)) return (mapping.Inlinee, mapping.Il);
        }

        return low > 0 ? (0, 0) : null;
    }
}
