using System.Runtime.CompilerServices;

namespace Maze;

/// <summary>
/// Recursion through methods of which each calls certain others only: room N leads to rooms N + 1 and N + 3, to the second
/// through a door that does nothing else. Prologues and epilogues are most of the work. Now and then something is thrown
/// and caught further out, and garbage is collected all the while. Runs until standard input ends.
/// </summary>
internal static class Program
{
    private const int Threads = 2;
    private const int Depth = 9;
    private static volatile bool s_stop;
    private static long s_sink;

    private static void Main()
    {
        var threads = new Thread[Threads];
        for (int i = 0; i < Threads; i++)
        {
            threads[i] = new Thread(Wander) { Name = "wandering" };
            threads[i].Start(i);
        }
        var collecting = new Thread(Collect) { Name = "collecting" };
        collecting.Start();
        Console.WriteLine("ready");
        Console.In.ReadToEnd();
        s_stop = true;
        foreach (Thread thread in threads)
            thread.Join();
        collecting.Join();
        Console.WriteLine("done");
    }

    private static void Collect()
    {
        while (!s_stop)
        {
            GC.Collect(0);
            Thread.Sleep(2);
        }
    }

    private static void Wander(object? seed)
    {
        long x = (int)seed! + 1;
        while (!s_stop)
        {
            try
            {
                x = Room0(Depth, x, 1, 2, 3, 4);
            }
            catch (InvalidOperationException)
            {
                x++;
            }
        }
        Interlocked.Add(ref s_sink, x);
    }

    /* With five values alive over two calls, each room saves all registers it can. */

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Room0(int depth, long a, long b, long c, long d, long e)
    {
        if (depth == 0)
            return End(a, b, c, d, e);
        long x = Room1(depth - 1, a + e, b, c, d, e) + a;
        return Door0(depth - 1, x, b + c) + x + a + b + c + d + e;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Room1(int depth, long a, long b, long c, long d, long e)
    {
        if (depth == 0)
            return End(a, b, c, d, e);
        long x = Room2(depth - 1, b, a + e, c, d, e) + a;
        return Door1(depth - 1, x, b + c) + x + a + b + c + d + e;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Room2(int depth, long a, long b, long c, long d, long e)
    {
        if (depth == 0)
            return End(a, b, c, d, e);
        long x;
        try
        {
            x = Room3(depth - 1, c, b, a + e, d, e) + a;
        }
        catch (InvalidOperationException) when (a % 3 != 1)
        {
            x = a;
        }
        return Door2(depth - 1, x, b + c) + x + a + b + c + d + e;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Room3(int depth, long a, long b, long c, long d, long e)
    {
        if (depth == 0)
            return End(a, b, c, d, e);
        long x = Room4(depth - 1, d, b, c, a + e, e) + a;
        return Door3(depth - 1, x, b + c) + x + a + b + c + d + e;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Room4(int depth, long a, long b, long c, long d, long e)
    {
        if (depth == 0)
            return End(a, b, c, d, e);
        long x = Room0(depth - 1, e, b, c, d, a) + a;
        return Door4(depth - 1, x, b + c) + x + a + b + c + d + e;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Door0(int depth, long a, long b) => Room3(depth, a, b, 5, 6, 7) + 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Door1(int depth, long a, long b) => Room4(depth, a, b, 5, 6, 7) + 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Door2(int depth, long a, long b) => Room0(depth, a, b, 5, 6, 7) + 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Door3(int depth, long a, long b) => Room1(depth, a, b, 5, 6, 7) + 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Door4(int depth, long a, long b) => Room2(depth, a, b, 5, 6, 7) + 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long End(long a, long b, long c, long d, long e)
    {
        if ((a & 0xFFF) == 0x123)
            throw new InvalidOperationException();
        if ((a & 0x3F) == 0)
            return new object().GetHashCode() + a;
        return a ^ b ^ c ^ d ^ e;
    }
}
