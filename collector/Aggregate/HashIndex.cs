using System.Numerics;
using System.Runtime.CompilerServices;

namespace DotnetPprof.Aggregate;

/// <summary>
/// Finds numbered entries by their hash: open addressing over 8-byte slots. The entries themselves are their owner's,
/// which compares them; so a lookup of what a sample names costs one or two cache lines and no allocation.
/// </summary>
internal sealed class HashIndex
{
    private const int Smallest = 256;

    private Slot[] slots = new Slot[Smallest];
    private int count;

    /// <summary>Spreads 64 bits that are anything but random, such as addresses; the upper 32 of a product.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Hash(ulong value)
    {
        value ^= value >> 32;
        value *= 0x9E37_79B9_7F4A_7C15;
        value ^= value >> 29;
        value *= 0xBF58_476D_1CE4_E5B9;
        return (uint)(value >> 32);
    }

    /// <summary>Begins the search for an entry.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Search Find(uint hash) => new(slots, hash);

    /// <summary>Adds an entry that is not there.</summary>
    public void Add(uint hash, int entry)
    {
        // At most half full: a search then ends after one or two steps.
        if (++count * 2L > slots.Length)
            Grow();
        Insert(slots, new Slot(hash, entry + 1));
    }

    private void Grow()
    {
        var larger = new Slot[checked((int)BitOperations.RoundUpToPowerOf2((uint)slots.Length * 2))];
        foreach (Slot slot in slots)
        {
            if (slot.EntryPlusOne != 0)
                Insert(larger, slot);
        }
        slots = larger;
    }

    private static void Insert(Slot[] slots, Slot slot)
    {
        uint mask = (uint)slots.Length - 1;
        uint at = slot.Hash & mask;
        while (slots[at].EntryPlusOne != 0)
            at = (at + 1) & mask;
        slots[at] = slot;
    }

    /// <param name="Hash">Of the entry.</param>
    /// <param name="EntryPlusOne">0: nothing is here.</param>
    internal readonly record struct Slot(uint Hash, int EntryPlusOne);

    /// <summary>The entries of one hash, one after another.</summary>
    internal ref struct Search(Slot[] slots, uint hash)
    {
        private readonly Slot[] slots = slots;
        private uint at = hash & ((uint)slots.Length - 1);

        /// <returns>The next entry to compare, or -1 when there is none.</returns>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int Next()
        {
            while (true)
            {
                Slot slot = slots[at];
                at = (at + 1) & ((uint)slots.Length - 1);
                if (slot.EntryPlusOne == 0)
                    return -1;
                if (slot.Hash == hash)
                    return slot.EntryPlusOne - 1;
            }
        }
    }
}
