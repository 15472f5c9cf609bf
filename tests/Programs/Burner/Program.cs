using System.Globalization;
using System.Runtime.CompilerServices;

namespace Burner;

/// <summary>
/// THREADS named threads burn CPU in Heavy and Light, three parts to one, until standard input ends. Then it prints how
/// many rounds each function made; a round costs the same in both. Nothing in it has a rhythm, and nothing in it enters
/// the kernel: either would fall into step with the scheduler's tick, and so with the samples, on a busy machine.
/// </summary>
internal static class Program
{
    private static volatile bool s_stop;
    private static long s_heavy;
    private static long s_light;
    private static double s_sink;

    private static int Main(string[] args)
    {
        int count = int.Parse(args[0], CultureInfo.InvariantCulture);
        var threads = new Thread[count];
        for (int i = 0; i < count; i++)
        {
            int seed = i + 1;
            threads[i] = new Thread(() => Burn(seed)) { Name = $"burner {i}" };
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

    private static void Burn(int seed)
    {
        var random = new Random(seed);
        long heavy = 0;
        long light = 0;
        double sum = 0;
        while (!s_stop)
        {
            int rounds = random.Next(20_000, 500_000);
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
