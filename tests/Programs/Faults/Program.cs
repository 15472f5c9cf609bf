using System.Runtime.CompilerServices;

namespace Faults;

/// <summary>Faults THREADS: a method without a frame reads through null at its first instruction, and its caller's caller catches that.</summary>
internal static class Program
{
    private sealed class Node(int value)
    {
        public readonly int Value = value;
    }

    private static Node? s_nothing = new(1);
    private static volatile bool s_stop;

    private static void Main(string[] args)
    {
        s_nothing = null;
        Thread[] threads = [.. Enumerable.Range(0, int.Parse(args[0])).Select(i => new Thread(Catch) { Name = $"faults-{i}" })];
        Array.ForEach(threads, thread => thread.Start());
        Console.WriteLine("ready");
        Console.ReadLine();
        s_stop = true;
        Array.ForEach(threads, thread => thread.Join());
    }

    private static void Catch()
    {
        int read = 0;
        while (!s_stop)
        {
            try
            {
                read += Ask();
            }
            catch (NullReferenceException)
            {
            }
        }
        GC.KeepAlive(read);
    }

    /* Its frame is made with rsp alone. */
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Ask() => Read(s_nothing!) + 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Read(Node node) => node.Value;
}
