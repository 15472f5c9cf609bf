using System.Runtime.CompilerServices;

namespace DotnetPprof.Bench.Overhead;

/// <summary>Managed arithmetic at the end of stacks of some 15 frames, on many paths; allocates nothing.</summary>
internal sealed class ComputeWork : IWork
{
    private const int Levels = 11;
    private readonly ulong[] table = new ulong[4096];
    private uint path;

    public void Unit()
    {
        path++;
        table[path % 4096] ^= Left(Levels, path, path);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong Left(int levels, uint bits, ulong seed)
    {
        if (levels == 0)
            return Mix(seed);
        ulong inner = (bits & 1) == 0 ? Left(levels - 1, bits >> 1, seed + 1) : Right(levels - 1, bits >> 1, seed ^ 0x55);
        return inner ^ table[inner % 4096];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong Right(int levels, uint bits, ulong seed)
    {
        if (levels == 0)
            return Search(seed);
        ulong inner = (bits & 1) == 0 ? Left(levels - 1, bits >> 1, seed * 3) : Right(levels - 1, bits >> 1, seed - 7);
        return inner + table[(inner >> 12) % 4096];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong Mix(ulong seed)
    {
        for (int i = 0; i < 4000; i++)
            seed = (seed ^ table[i]) * 0x9E37_79B9_7F4A_7C15 + (seed >> 29);
        return seed;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong Search(ulong seed)
    {
        ulong best = seed;
        for (int i = 0; i < 4000; i++)
        {
            ulong candidate = table[(i * 7 + (int)(seed & 3)) % 4096] + seed;
            best = candidate < best ? candidate ^ best : best + candidate;
        }
        return best;
    }
}
