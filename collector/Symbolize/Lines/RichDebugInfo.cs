using System.Buffers.Binary;

namespace DotnetPprof.Symbolize.Lines;

/// <param name="MethodId">The runtime's MethodDesc.</param>
/// <param name="CallIl">Where in the IL of the method around it the call stood. Not to be trusted: see <see cref="InlineTree"/>.</param>
/// <param name="Parent">Index of the method it was inlined into; -1 for the body's own method.</param>
internal readonly record struct InlineNode(ulong MethodId, uint CallIl, int Parent)
{
    /// <summary>In place of an offset that cannot be right.</summary>
    public const uint UnknownCall = uint.MaxValue;
}

/// <summary>
/// What was inlined where in one body. .NET 10.0.12 leaves garbage for many call sites, so each is checked against the
/// caller's IL before it gives a line.
/// </summary>
/// <param name="Nodes">The body's own method first.</param>
/// <param name="Time">When the runtime told, in its events' time: ids mean what they meant then.</param>
internal sealed record InlineTree(IReadOnlyList<InlineNode> Nodes, Model.MonotonicNanos Time);

/// <summary>
/// Reads what the JIT tells with DOTNET_RichDebugInfo=1, event 189, version 0, of Microsoft-Windows-DotNETRuntimePrivate.
/// Its chunks hold, put together: the numbers of nodes and of mappings, 4 bytes each; nodes of method (8 bytes), IL
/// offset of the call, first child and next sibling (4 each, 0 for none); mappings of IL offset, inlinee, native offset
/// (4 each) and a byte that says what the place is.
/// </summary>
internal static class RichDebugInfo
{
    /// <summary>One body's information is refused beyond this.</summary>
    public const int MaxBytes = 16 << 20;

    /// <summary>No method has more IL than this, and most of the garbage lies beyond.</summary>
    private const uint MostIl = 1 << 24;

    private const int NodeSize = 20;
    private const int MappingSize = 13;

    /// <summary>How many of each there are; null for bytes of another form.</summary>
    public static (int Nodes, int Mappings)? Count(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 8) return null;
        uint nodes = U32(bytes, 0), mappings = U32(bytes, 4);
        if (nodes == 0 || 8 + ((ulong)nodes * NodeSize) + ((ulong)mappings * MappingSize) != (ulong)bytes.Length) return null;
        return ((int)nodes, (int)mappings);
    }

    /// <param name="bytes">Of the right form (<see cref="Count"/>).</param>
    /// <param name="tree">Room for the nodes.</param>
    /// <param name="mappings">Room for these.</param>
    /// <returns>False where one of them names an inlinee that is none.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, Span<InlineNode> tree, Span<IlMapping> mappings)
    {
        ReadOnlySpan<byte> nodes = bytes.Slice(8, tree.Length * NodeSize);
        for (int i = 0; i < tree.Length; i++)
        {
            uint call = U32(nodes, (i * NodeSize) + 8);
            tree[i] = new InlineNode(BinaryPrimitives.ReadUInt64LittleEndian(nodes[(i * NodeSize)..]), call < MostIl ? call : InlineNode.UnknownCall, -1);
        }

        LinkParents(nodes, tree);
        for (int i = 0; i < mappings.Length; i++)
        {
            ReadOnlySpan<byte> one = bytes.Slice(8 + nodes.Length + (i * MappingSize), MappingSize);
            mappings[i] = new IlMapping(Native: U32(one, 8), Inlinee: U32(one, 4), Il: U32(one, 0));
            if (mappings[i].Inlinee >= tree.Length) return false;
        }

        return true;
    }

    /// <summary>Each node has one parent at most, whatever the links say: so no walk up the tree can go in circles.</summary>
    private static void LinkParents(ReadOnlySpan<byte> nodes, Span<InlineNode> tree)
    {
        for (int i = 0; i < tree.Length; i++)
        {
            uint child = U32(nodes, (i * NodeSize) + 12);
            while (child > i && child < tree.Length && tree[(int)child].Parent < 0)
            {
                tree[(int)child] = tree[(int)child] with { Parent = i };
                child = U32(nodes, ((int)child * NodeSize) + 16);
            }
        }
    }

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
