using System.Buffers;
using System.Runtime.CompilerServices;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Memory for a moment, from the shared pool: thousands of small pieces are needed in a second. Large ones are not: that pool
/// would keep one for each thread.
/// </summary>
internal static class Scratch
{
    private const int LargestBytes = 1 << 16;

    /// <returns>At least so many, not cleared.</returns>
    public static T[] Rent<T>(int length)
        where T : unmanaged => length <= Largest<T>() ? ArrayPool<T>.Shared.Rent(length) : new T[length];

    /// <summary>It is not to be looked at any more.</summary>
    public static void Return<T>(T[] rented)
        where T : unmanaged
    {
        if (rented.Length <= Largest<T>()) ArrayPool<T>.Shared.Return(rented);
    }

    /* The pool's arrays have powers of two. */
    private static int Largest<T>()
        where T : unmanaged => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)(LargestBytes / Unsafe.SizeOf<T>()));
}
