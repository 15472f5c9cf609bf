using System.Runtime.CompilerServices;

namespace Forest;

/// <summary>
/// Two threads whose stacks hardly ever recur: sixty calls deep, each call from one of two places, picked by chance. The
/// threads, oak and fir, have functions of their own.
/// </summary>
internal static class Program
{
    private const int Depth = 60;
    private static volatile bool s_stop;
    private static double s_sink;

    private static void Main()
    {
        Thread[] threads = [new(Oak) { Name = "oak" }, new(Fir) { Name = "fir" }];
        foreach (Thread thread in threads)
            thread.Start();
        Console.WriteLine("ready");
        Console.In.ReadToEnd();
        s_stop = true;
        foreach (Thread thread in threads)
            thread.Join();
    }

    private static void Oak()
    {
        var random = new Random(1);
        while (!s_stop)
            s_sink += OakBranch(random.NextInt64(), Depth);
    }

    private static void Fir()
    {
        var random = new Random(2);
        while (!s_stop)
            s_sink += FirBranch(random.NextInt64(), Depth);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    private static double OakBranch(long path, int left)
    {
        if (left == 0)
            return Leaf(path);
        return (path & 1) == 0 ? OakBranch(path >> 1, left - 1) + 1 : OakBranch(path >> 1, left - 1) + 2;
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    private static double FirBranch(long path, int left)
    {
        if (left == 0)
            return Leaf(path);
        return (path & 1) == 0 ? FirBranch(path >> 1, left - 1) + 1 : FirBranch(path >> 1, left - 1) + 2;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static double Leaf(double x)
    {
        for (int i = 0; i < 20_000; i++)
            x = (x * 0.999999) + 0.5;
        return x;
    }
}
