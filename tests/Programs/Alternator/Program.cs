using System.Globalization;
using System.Runtime.CompilerServices;

namespace Alternator;

/// <summary>
/// Is in A during even 200 ms of the wall clock and in B during odd ones, until standard input ends. Then it prints when
/// it was where: the two part from the plan when the machine takes the CPU away.
/// </summary>
internal static class Program
{
    private const long HalfTicks = 200 * TimeSpan.TicksPerMillisecond;
    private static readonly List<(char Function, long Entered, long Left)> s_visits = [];
    private static volatile bool s_stop;
    private static double s_sink;

    private static void Main()
    {
        var alternating = new Thread(Alternate) { Name = "alternator" };
        alternating.Start();
        Console.WriteLine("ready");
        Console.In.ReadToEnd();
        s_stop = true;
        alternating.Join();
        foreach ((char function, long entered, long left) in s_visits)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{function} {entered} {left}"));
        Console.WriteLine("done");
    }

    private static void Alternate()
    {
        while (!s_stop)
        {
            long entered = Now();
            long half = entered / HalfTicks;
            bool even = half % 2 == 0;
            if (even)
                A(half);
            else
                B(half);
            s_visits.Add((even ? 'A' : 'B', entered * 100, Now() * 100));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void A(long half)
    {
        while (Now() / HalfTicks == half)
            Spin();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void B(long half)
    {
        while (Now() / HalfTicks == half)
            Spin();
    }

    /// <summary>Some 10 µs.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Spin()
    {
        double x = s_sink;
        for (int i = 0; i < 5_000; i++)
            x = (x * 0.99) + 1;
        s_sink = x;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Now() => DateTime.UtcNow.Ticks - DateTime.UnixEpoch.Ticks;
}
