namespace DotnetPprof.Agent.Clock;

/// <summary>Which anchors are worth publishing, by the width of their brackets.</summary>
/// <param name="clockHz">The sampling clock's ticks a second, roughly.</param>
internal struct AnchorGate(ulong clockHz)
{
    /// <summary>A bracket this many times wider than the narrowest seen was interrupted.</summary>
    internal const ulong LooseFactor = 4;

    /// <summary>Anchors passed over in a row before a loose one is better than none: two seconds' worth.</summary>
    internal const int Patience = 8;

    /// <summary>20 µs: what the collector keeps without asking how good the others are.</summary>
    private const ulong CapsPerSecond = 50_000;

    private readonly ulong _cap = Math.Max(clockHz / CapsPerSecond, 1);
    private ulong _narrowest = ulong.MaxValue;
    private int _passedOver;

    /// <summary>Whether this one is tight, or none has been for long.</summary>
    /// <param name="width">Ticks between the reads before and after.</param>
    internal bool Takes(ulong width)
    {
        bool tight = width <= _cap && width / LooseFactor <= _narrowest;
        if (!tight && ++_passedOver < Patience)
            return false;
        Took(width);
        return true;
    }

    /// <summary>One is published in any case.</summary>
    internal void Took(ulong width)
    {
        _narrowest = Math.Min(_narrowest, width);
        _passedOver = 0;
    }
}
