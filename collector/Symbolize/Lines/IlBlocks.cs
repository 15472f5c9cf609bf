namespace DotnetPprof.Symbolize.Lines;

/// <summary>The block that is being filled with what one thread is told. The full ones belong to the bodies they tell of.</summary>
internal sealed class IlBlocks
{
    private IlBlock open = new();

    public (IlBlock Block, int At) Add(ReadOnlySpan<byte> record)
    {
        if (!open.TryAdd(record, out int at))
        {
            open.Close();
            open = new IlBlock();
            open.TryAdd(record, out at);
        }

        return (open, at);
    }
}
