using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ThreadParade;

/// <summary>
/// On each line of standard input: "parade COUNT" runs COUNT threads one after another, each for 20 ms of CPU time and
/// named after its number; "dash COUNT MICROS" the same with short ones without a name, and "crowd COUNT MICROS" with all at
/// once; "muster COUNT MICROS" starts such a crowd and has it wait, which is answered by "mustered", until a line more has
/// them burn one after another; "rename" has a thread burn under two names, one after the other; "early" one that was named
/// long before its start. Every command is answered by "done", with the CPU time of its threads. Ends with the input.
/// </summary>
internal static unsafe partial class Program
{
    private const long LifeNanos = 20_000_000;
    private const long LongLifeNanos = 400_000_000;
    private const int ClockThreadCpu = 3;
    private static double s_sink;

    private static void Main()
    {
        var early = new Thread(BurnLong) { Name = "named before start" };
        Console.WriteLine("ready");
        while (Console.ReadLine() is { } command)
        {
            string[] words = command.Split(' ');
            long cpu = words[0] switch
            {
                "parade" => Parade(Number(words[1])),
                "dash" => Dash(Number(words[1]), Number(words[2]) * 1000L),
                "crowd" => Crowd(Number(words[1]), Number(words[2]) * 1000L),
                "muster" => Muster(Number(words[1]), Number(words[2]) * 1000L),
                "rename" => RunToEnd(new Thread(BurnUnderTwoNames) { Name = "first name" }),
                "early" => RunToEnd(early),
                _ => throw new InvalidOperationException(command),
            };
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"done {cpu}"));
        }
    }

    private static long Parade(int count)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
            sum += RunToEnd(new Thread(BurnShort) { Name = $"parade {i}" });
        return sum;
    }

    private static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);

    private static long Dash(int count, long nanos)
    {
        long sum = 0;
        for (int i = 0; i < count; i++)
            sum += RunToEnd(new Thread(() => Burn(nanos)));
        return sum;
    }

    private static long Crowd(int count, long nanos)
    {
        long before = s_ended;
        JoinAll(StartAll(count, () => Burn(nanos)));
        return s_ended - before;
    }

    private static long Muster(int count, long nanos)
    {
        long before = s_ended;
        using var turn = new AutoResetEvent(false);
        Thread[] threads = StartAll(count, () =>
        {
            turn.WaitOne();
            Burn(nanos);
            turn.Set();
        });
        Console.WriteLine("mustered");
        Console.ReadLine();
        turn.Set();
        JoinAll(threads);
        return s_ended - before;
    }

    private static Thread[] StartAll(int count, ThreadStart body)
    {
        Thread[] threads = [.. Enumerable.Range(0, count).Select(i => new Thread(body) { Name = $"crowd {i}" })];
        Array.ForEach(threads, thread => thread.Start());
        return threads;
    }

    private static void JoinAll(Thread[] threads) => Array.ForEach(threads, thread => thread.Join());

    private static long RunToEnd(Thread thread)
    {
        long before = s_ended;
        thread.Start();
        thread.Join();
        return s_ended - before;
    }

    private static long s_ended;

    private static void BurnShort() => Burn(LifeNanos);

    private static void BurnLong() => Burn(LongLifeNanos);

    private static void BurnUnderTwoNames()
    {
        Burn(LongLifeNanos);
        Thread.CurrentThread.Name = "second name";
        Burn(LongLifeNanos);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Burn(long nanos)
    {
        long start = ThreadCpu();
        double x = 0;
        long now;
        do
        {
            for (int i = 0; i < 5_000; i++)
                x = (x * 0.99) + 1;
            now = ThreadCpu();
        }
        while (now - start < nanos);
        s_sink = x;
        Interlocked.Add(ref s_ended, now - start);
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
