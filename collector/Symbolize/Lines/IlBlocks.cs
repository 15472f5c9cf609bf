namespace DotnetPprof.Symbolize.Lines;

/// <summary>The block that is being filled with what one thread is told. The full ones belong to the bodies they tell of.</summary>
internal sealed class IlBlocks
{
    private readonly byte[] room = new byte[IlBlock.MostBytes];
    private IlBlock? open;

    public (IlBlock Block, int At) Add(ReadOnlySpan<byte> record)
    {
        open ??= new IlBlock(room);
        if (!open.TryAdd(record, out int at))
        {
            open.Close();
            open = new IlBlock(room);
            open.TryAdd(record, out at);
        }

        return (open, at);
    }

    /// <summary>Where it stands by itself.</summary>
    public static (IlBlock Block, int At) Alone(ReadOnlySpan<byte> record)
    {
        var block = new IlBlock();
        block.TryAdd(record, out int at);
        return (block, at);
    }
}
