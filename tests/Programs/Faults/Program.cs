using System.Runtime.CompilerServices;

namespace Faults;

/// <summary>
/// Faults THREADS: of every two threads one has a method without a frame read through null at its first instruction, the
/// other has one divide by zero; the caller's caller catches that. Ends at a line from standard input.
/// </summary>
internal static class Program
{
    private sealed class Node(int value)
    {
        public readonly int Value = value;
    }

    private static Node? s_nothing = new(1);
    private static int s_zero = 1;
    private static volatile bool s_stop;

    private static void Main(string[] args)
    {
        (s_nothing, s_zero) = (null, 0);
        Thread[] threads = [.. Enumerable.Range(0, int.Parse(args[0])).Select(i => i % 2 == 0 ? new Thread(CatchNull) { Name = "null" } : new Thread(CatchZero) { Name = "zero" })];
        Array.ForEach(threads, thread => thread.Start());
        Console.WriteLine("ready");
        Console.ReadLine();
        s_stop = true;
        Array.ForEach(threads, thread => thread.Join());
    }

    private static void CatchNull()
    {
        int sum = 0;
        while (!s_stop)
        {
            try
            {
                sum += Ask();
            }
            catch (NullReferenceException)
            {
            }
        }
        GC.KeepAlive(sum);
    }

    /* Its frame is made with rsp alone. */
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Ask() => Read(s_nothing!) + 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Read(Node node) => node.Value;

    private static void CatchZero()
    {
        int sum = 0;
        while (!s_stop)
        {
            try
            {
                sum += Share();
            }
            catch (DivideByZeroException)
            {
            }
        }
        GC.KeepAlive(sum);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Share() => Divide(s_zero) + 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Divide(int by) => 1000 / by;
}
