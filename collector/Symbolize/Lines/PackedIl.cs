using System.Numerics;
using DotnetPprof.Model;

namespace DotnetPprof.Symbolize.Lines;

/// <summary>
/// What the runtime told of one body's IL, in as few bytes as it goes: every body has it, and only those that samples lie in
/// are ever asked. It is made here, from what was checked, and so is believed when it is read.
/// <para>
/// How many mappings there are, and each in the order of the native code: native offset less the one before, inlinee,
/// IL offset. Then, where the runtime tells what it inlines, the time (8 bytes), how many nodes, and each: method id less
/// the one before, IL offset of the call less the unknown one, parent and 1. Numbers are those of
/// <see cref="PackedNumbers"/>. Two are equal only if they were told at once.
/// </para>
/// </summary>
/// <param name="Block">Where it is; null for nothing known.</param>
/// <param name="At">Its place there.</param>
internal readonly record struct PackedIl(IlBlock? Block, int At)
{
    /* The special IL offsets come first, so that they take a byte: what they are less than nothing by is added. */
    private const uint SpecialOffsets = unchecked(0 - NativeToIl.Epilog);

    /* Method ids are aligned: bits that are always 0 are turned to the top, where they cost nothing. */
    private const int IdAlignmentBits = 3;

    /// <summary>Whether the runtime told.</summary>
    public bool IsKnown => Block is not null;

    /// <param name="mappings">In any order; they are put into that of the native code.</param>
    /// <param name="inlined">Nothing where the runtime does not tell.</param>
    /// <param name="time">When the runtime told what was inlined.</param>
    /// <param name="blocks">Where others are that it is kept with; null for by itself.</param>
    public static PackedIl Of(Span<IlMapping> mappings, ReadOnlySpan<InlineNode> inlined = default, MonotonicNanos time = default, IlBlocks? blocks = null)
    {
        NativeToIl.Order(mappings);
        var packer = new PackedNumbers.Packer(64 + ((mappings.Length + inlined.Length) * 4));
        packer.Add((uint)mappings.Length);
        uint native = 0;
        foreach (IlMapping mapping in mappings)
        {
            packer.Add(mapping.Native - native);
            packer.Add(mapping.Inlinee);
            packer.Add(unchecked(mapping.Il + SpecialOffsets));
            native = mapping.Native;
        }

        if (!inlined.IsEmpty) AddTree(ref packer, inlined, time);
        PackedIl packed = In(blocks, packer.Packed);
        packer.Release();
        return packed;
    }

    /// <summary>The same, together with others' in place of by itself.</summary>
    public PackedIl MovedTo(IlBlocks blocks) => Block is null ? this : In(blocks, Block.Read(At));

    /// <summary>What the native code stands for, and what was inlined, null where that was not told; null for nothing known.</summary>
    public (NativeToIl Map, InlineTree? Inlined)? Unpack()
    {
        if (Block is null) return null;
        var rest = new PackedNumbers.Unpacker(Block.Read(At));
        var mappings = new IlMapping[(int)rest.Next()];
        uint native = 0;
        for (int i = 0; i < mappings.Length; i++)
        {
            native += (uint)rest.Next();
            mappings[i] = new IlMapping(native, (uint)rest.Next(), unchecked((uint)rest.Next() - SpecialOffsets));
        }

        return (new NativeToIl(mappings), rest.IsAtEnd ? null : Tree(ref rest));
    }

    private static PackedIl In(IlBlocks? blocks, ReadOnlySpan<byte> record)
    {
        (IlBlock block, int at) = blocks is null ? IlBlocks.Alone(record) : blocks.Add(record);
        return new PackedIl(block, at);
    }

    private static void AddTree(ref PackedNumbers.Packer packer, ReadOnlySpan<InlineNode> nodes, MonotonicNanos time)
    {
        packer.AddWhole(time.Value);
        packer.Add((uint)nodes.Length);
        ulong last = 0;
        foreach (InlineNode node in nodes)
        {
            ulong id = BitOperations.RotateRight(node.MethodId, IdAlignmentBits);
            long step = unchecked((long)(id - last));
            packer.AddSigned(step);
            packer.Add(unchecked(node.CallIl - InlineNode.UnknownCall));
            packer.Add((uint)(node.Parent + 1));
            last = id;
        }
    }

    private static InlineTree Tree(ref PackedNumbers.Unpacker rest)
    {
        var time = new MonotonicNanos(rest.NextWholeLong());
        var nodes = new InlineNode[(int)rest.Next()];
        ulong id = 0;
        for (int i = 0; i < nodes.Length; i++)
        {
            id = unchecked(id + (ulong)rest.NextSignedLong());
            nodes[i] = new InlineNode(BitOperations.RotateLeft(id, IdAlignmentBits), unchecked((uint)rest.Next() + InlineNode.UnknownCall), (int)rest.Next() - 1);
        }

        return new InlineTree(nodes, time);
    }
}
