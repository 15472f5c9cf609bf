using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Burner;

/// <summary>
/// THREADS named threads burn CPU in Heavy and Light, three parts to one, until standard input ends. Then it prints how
/// many rounds each function made; a round costs the same in both. Nothing in it has a rhythm, and nothing in it enters
/// the kernel: either would fall into step with the scheduler's tick, and so with the samples, on a busy machine. With
/// ON and OFF, microseconds, it has one: threads sleep for OFF after each ON that they have burnt.
/// </summary>
internal static partial class Program
{
    private static volatile bool s_stop;
    private static long s_heavy;
    private static long s_light;
    private static double s_sink;

    private static int Main(string[] args)
    {
        int count = int.Parse(args[0], CultureInfo.InvariantCulture);
        (int on, int off) = args.Length > 2 ? (int.Parse(args[1], CultureInfo.InvariantCulture), int.Parse(args[2], CultureInfo.InvariantCulture)) : (0, 0);
        var threads = new Thread[count];
        for (int i = 0; i < count; i++)
        {
            int seed = i + 1;
            threads[i] = new Thread(() => Burn(seed, on, off)) { Name = $"burner {i}" };
            threads[i].Start();
        }
        Console.WriteLine("ready");
        Console.In.ReadToEnd();
        s_stop = true;
        foreach (Thread thread in threads)
            thread.Join();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"heavy {s_heavy} light {s_light}"));
        return 0;
    }

    private static void Burn(int seed, int on, int off)
    {
        var random = new Random(seed);
        long heavy = 0;
        long light = 0;
        double sum = 0;
        long began = Stopwatch.GetTimestamp();
        while (!s_stop)
        {
            int rounds = off == 0 ? random.Next(20_000, 500_000) : random.Next(2_000, 50_000);
            if (off > 0 && Stopwatch.GetElapsedTime(began).TotalMicroseconds >= on)
            {
                Sleep(off);
                began = Stopwatch.GetTimestamp();
            }
            if (random.Next(4) != 0)
            {
                sum += Heavy(sum, rounds);
                heavy += rounds;
            }
            else
            {
                sum += Light(sum, rounds);
                light += rounds;
            }
        }
        Interlocked.Add(ref s_heavy, heavy);
        Interlocked.Add(ref s_light, light);
        s_sink = sum;
    }

    /// <summary>Thread.Sleep knows no microseconds. A sample may end it early, which is as good.</summary>
    private static unsafe void Sleep(int microseconds)
    {
        long* time = stackalloc long[] { 0, microseconds * 1000L };
        _ = NanoSleep(time, null);
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static unsafe partial int NanoSleep(long* time, long* left);

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static double Heavy(double x, int rounds)
    {
        for (int i = 0; i < rounds; i++)
            x = (x * 0.75) + 0.5;
        return x;
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static double Light(double x, int rounds)
    {
        for (int i = 0; i < rounds; i++)
            x = (x * 0.75) + 0.25;
        return x;
    }
}
