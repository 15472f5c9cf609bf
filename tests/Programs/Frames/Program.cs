using System.Runtime.CompilerServices;

namespace Frames;

/// <summary>
/// Calls code without frame pointers, and an OSR body, three times as often from one caller as from another, until
/// standard input ends. Each call takes as long as any other, and long enough that there are not the 32,767 calls in a test
/// after which the runtime would replace the loop by an ordinary method.
/// </summary>
internal static class Program
{
    private static volatile bool s_stop;
    private static long s_sink;

    private static void Main()
    {
        var calling = new Thread(Call) { Name = "calling" };
        calling.Start();
        Console.WriteLine("ready");
        Console.In.ReadToEnd();
        s_stop = true;
        calling.Join();
        Console.WriteLine("done");
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Call()
    {
        while (!s_stop)
        {
            for (int i = 0; i < 3; i++)
            {
                s_sink += LeafOften(60_000);
                s_sink += WrapperOften(3_000);
                s_sink += LoopOften(180_000);
            }
            s_sink += LeafSeldom(60_000);
            s_sink += WrapperSeldom(3_000);
            s_sink += LoopSeldom(180_000);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static long LeafOften(int times)
    {
        long x = times;
        for (int i = 0; i < times; i++)
            x = Leaf(x);
        return x;
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static long LeafSeldom(int times)
    {
        long x = times;
        for (int i = 0; i < times; i++)
            x = Leaf(x);
        return x;
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static long WrapperOften(int times)
    {
        long x = times;
        for (int i = 0; i < times; i++)
            x = Wrapper(x);
        return x;
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static long WrapperSeldom(int times)
    {
        long x = times;
        for (int i = 0; i < times; i++)
            x = Wrapper(x);
        return x;
    }

    /* Without optimization, so that it is no tail call. */
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long LoopOften(int times) => Loop(times) + 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long LoopSeldom(int times) => Loop(times) + 1;

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static long Leaf(long x)
    {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x *= 31;
        return x;
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static long Wrapper(long x) => Busy(x) + 1;

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static long Busy(long x)
    {
        for (int i = 0; i < 60; i++)
            x = (x * 31) ^ i;
        return x;
    }

    /// <summary>Loops long enough to be replaced in the middle of it (OSR), and calls from there.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Loop(int times)
    {
        long x = times;
        for (int i = 0; i < times; i++)
        {
            x = (x * 31) ^ i;
            if (i % 200 == 0)
                x += Busy(x);
        }
        return x;
    }
}
