using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Shares;

/// <summary>
/// THREADS threads divide their CPU time between six functions, by the threads' own CPU clocks: the one that is furthest
/// behind its share is next, for a random while of some milliseconds, as long for one as for any other, so that any second
/// has the same shares and nothing has a rhythm. For each line of input it prints what each function has used so far. Ends when standard input does.
/// </summary>
internal static partial class Program
{
    private const int ClockThreadCpu = 3;
    private static volatile bool s_stop;

    private static void Main(string[] arguments)
    {
        var sharers = new Sharer[int.Parse(arguments[0], CultureInfo.InvariantCulture)];
        var threads = new Thread[sharers.Length];
        for (int i = 0; i < sharers.Length; i++)
        {
            Sharer sharer = sharers[i] = new Sharer(i + 1);
            threads[i] = new Thread(sharer.Share) { Name = "sharing" };
            threads[i].Start();
        }
        Console.WriteLine("ready");
        while (Console.ReadLine() is not null)
            Console.WriteLine($"cpu {string.Join(' ', Enumerable.Range(0, Sharer.Functions).Select(i => Used(sharers, i)))}");
        s_stop = true;
        foreach (Thread thread in threads)
            thread.Join();
        Console.WriteLine("done");
    }

    private static string Used(Sharer[] sharers, int function) =>
        string.Create(CultureInfo.InvariantCulture, $"{Sharer.Names[function]}={sharers.Sum(sharer => Volatile.Read(ref sharer.Used[function]))}");

    private static unsafe long ThreadCpuNanos()
    {
        long* time = stackalloc long[2];
        return ClockGetTime(ClockThreadCpu, time) == 0 ? (time[0] * 1_000_000_000) + time[1] : throw new InvalidOperationException("no thread CPU clock");
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static unsafe partial int ClockGetTime(int clock, long* time);

    /// <summary>One thread's work.</summary>
    private sealed class Sharer(int seed)
    {
        public const int Functions = 6;
        public static readonly string[] Names = ["Compute", "Sort", "Hash", "Format", "Find", "Power"];
        private static readonly int[] s_percent = [40, 20, 15, 12, 8, 5];

        private readonly Random random = new(seed);
        private readonly int[] numbers = new int[2_000];
        private readonly byte[] bytes = new byte[4_096];
        private readonly StringBuilder text = new();
        private readonly Dictionary<string, int> table = Enumerable.Range(0, 5_000).ToDictionary(i => $"key {i}");
        private readonly string[] keys = [.. Enumerable.Range(0, 10_000).Select(i => $"key {i}")];
        private readonly double[] unitNanos = [1e6, 1e6, 1e6, 1e6, 1e6, 1e6];
        private double sink;

        /// <summary>Nanoseconds of this thread's CPU time, by function.</summary>
        public long[] Used { get; } = new long[Functions];

        public void Share()
        {
            while (!s_stop)
            {
                int next = 0;
                for (int i = 1; i < Functions; i++)
                {
                    if (Used[i] * s_percent[next] < Used[next] * s_percent[i])
                        next = i;
                }
                int times = 1 + (int)(random.Next(1_000_000, 9_000_000) / unitNanos[next]);
                long began = ThreadCpuNanos();
                Run(next, times);
                long used = ThreadCpuNanos() - began;
                unitNanos[next] = (double)used / times;
                Volatile.Write(ref Used[next], Used[next] + used);
            }
        }

        /* A unit of work takes some 50 to 100 microseconds. */
        private void Run(int function, int times)
        {
            for (int i = 0; i < times; i++)
            {
                switch (function)
                {
                    case 0: Compute(); break;
                    case 1: Sort(); break;
                    case 2: Hash(); break;
                    case 3: Format(); break;
                    case 4: Find(); break;
                    default: Power(); break;
                }
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Compute()
        {
            double x = sink;
            for (int i = 0; i < 30_000; i++)
                x = (x * 0.75) + 0.5;
            sink = x;
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Sort()
        {
            for (int i = 0; i < numbers.Length; i++)
                numbers[i] = i * 7919 % 2003;
            Array.Sort(numbers);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Hash()
        {
            for (int i = 0; i < 20; i++)
                bytes[i] += SHA256.HashData(bytes)[0];
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Format()
        {
            text.Clear();
            for (int i = 0; i < 300; i++)
                text.Append(CultureInfo.InvariantCulture, $"item {i:D4} {sink + i:N2};");
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Find()
        {
            foreach (string key in keys.AsSpan(random.Next(8_000), 2_000))
                sink += table.GetValueOrDefault(key);
            sink = 0;
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Power()
        {
            double x = 0.5;
            for (int i = 0; i < 2_000; i++)
                x = Math.Pow(Math.Sin(x) + 1.5, 0.7);
            sink = x;
        }
    }
}
