using System.Runtime.CompilerServices;

namespace Lines;

/// <summary>
/// A program built to know: each method inlines or calls the next, and the line where it does is marked. Tests read the
/// marks from this file. Runs for the CPU time, in seconds, that its argument says; "ready" means that all of it is compiled.
/// </summary>
internal static class Program
{
    private static double s_result;
    private static double s_calls;

    private static async Task Main(string[] arguments)
    {
        /* By the process's own CPU time: so there is as much to see on a busy machine. */
        TimeSpan time = TimeSpan.FromSeconds(double.Parse(arguments[0], System.Globalization.CultureInfo.InvariantCulture));
        for (bool isFirst = true; Environment.CpuUsage.TotalTime < time; isFirst = false)
        {
            s_result += Outer(100);
            s_result += await SumAsync(100);
            s_result += Captured(100)(1);
            if (isFirst)
                Console.WriteLine("ready");
        }

        Console.WriteLine(s_result > 0 ? "done" : "nothing");
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static double Outer(int count)
    {
        double sum = 0;
        for (int i = 1; i < count; i++)
            sum += Middle(i); // mark: Outer inlines Middle
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Middle(int value)
    {
        double half = value / 2.0;
        half += Inner(value); // mark: Middle inlines Inner
        return half;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Inner(int value)
    {
        double sum = 0;
        for (int i = 1; i < 300; i++)
            sum += Math.Sqrt(value * (double)i) / (i + sum); // mark: Inner works
        Called(value); // mark: Inner calls Called
        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Called(int value)
    {
        double sum = value;
        for (int i = 1; i < 300; i++)
            sum += Math.Sqrt(sum) / i; // mark: Called works
        s_calls += sum;
    }

    private static async Task<double> SumAsync(int count)
    {
        double sum = 0;
        for (int i = 0; i < count; i++)
            sum += Local(i);
        await Task.Yield();
        return sum + Twice<int>(count);

        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        static double Local(int value)
        {
            double sum = value;
            for (int i = 1; i < 300; i++)
                sum += Math.Sqrt(sum) / i; // mark: Local works
            return sum;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static double Twice<T>(double value) => value * 2;

    private static Func<int, double> Captured(int count) =>
        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)] (value) =>
        {
            double sum = value;
            for (int i = 1; i < 300 * count; i++)
                sum += Math.Sqrt(sum) / i; // mark: lambda works
            return sum;
        };
}
