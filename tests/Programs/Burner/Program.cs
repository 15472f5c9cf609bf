using System.Globalization;
using System.Runtime.InteropServices;

namespace Burner;

/// <summary>
/// THREADS named threads burn CPU in Heavy and Light, three units to one, until standard input ends. Then it prints what
/// each function used by the threads' own CPU clocks.
/// </summary>
internal static unsafe partial class Program
{
    private const int ClockThreadCpu = 3;
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
            threads[i] = new Thread(Burn) { Name = $"burner {i}" };
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

    private static void Burn()
    {
        long heavy = 0;
        long light = 0;
        double sum = 0;
        long before = ThreadCpu();
        while (!s_stop)
        {
            for (int i = 0; i < 3; i++)
                sum += Heavy(sum);
            long between = ThreadCpu();
            sum += Light(sum);
            long after = ThreadCpu();
            heavy += between - before;
            light += after - between;
            before = after;
        }
        Interlocked.Add(ref s_heavy, heavy);
        Interlocked.Add(ref s_light, light);
        s_sink = sum;
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static double Heavy(double x)
    {
        for (int i = 0; i < 200_000; i++)
            x = (x * 1.000001) + 0.5;
        return x > 1e9 ? 0 : x;
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static double Light(double x)
    {
        for (int i = 0; i < 200_000; i++)
            x = (x * 0.999999) + 0.5;
        return x > 1e9 ? 0 : x;
    }

    private static long ThreadCpu()
    {
        long* time = stackalloc long[2];
        ClockGetTime(ClockThreadCpu, time);
        return (time[0] * 1_000_000_000) + time[1];
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, long* time);
}
