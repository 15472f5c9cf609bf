namespace DotnetPprof.HarmPrograms;

/// <summary>
/// Storm THREADS COLLECTORS: threads that dereference null and catch what comes of it, as fast as they can, beside
/// threads that allocate and collect. Ends at a line from standard input and prints what each thread has done.
/// </summary>
internal static class Program
{
    private sealed class Node
    {
        public Node? Next;
        public int Value;
    }

    private static volatile bool s_stop;

    private static int Main(string[] args)
    {
        int throwers = int.Parse(args[0]), collectors = int.Parse(args[1]);
        long[] counts = new long[throwers];
        var threads = new List<Thread>();
        for (int i = 0; i < throwers; i++)
        {
            int index = i;
            threads.Add(new Thread(() => Throw(ref counts[index])) { Name = $"storm-{i}" });
        }
        for (int i = 0; i < collectors; i++)
            threads.Add(new Thread(Collect) { Name = $"collect-{i}" });
        threads.ForEach(thread => thread.Start());
        Console.WriteLine("ready");
        Console.ReadLine();
        s_stop = true;
        threads.ForEach(thread => thread.Join());
        Console.WriteLine("thrown " + string.Join(' ', counts));
        Console.WriteLine($"collected {GC.CollectionCount(0)}");
        return 0;
    }

    private static void Throw(ref long count)
    {
        Node? nothing = null;
        int sum = 0;
        while (!s_stop)
        {
            try
            {
                sum += Dereference(nothing, (int)count & 7);
            }
            catch (NullReferenceException)
            {
                count++;
            }
        }
        if (sum != 0)
            throw new InvalidOperationException("a null reference gave a value");
    }

    private static int Dereference(Node? node, int depth) => depth == 0 ? node!.Value : Dereference(node, depth - 1) + 1;

    private static void Collect()
    {
        var random = new Random(1);
        while (!s_stop)
        {
            var list = new Node { Value = 0 };
            for (int i = 1; i < 2000; i++)
                list = new Node { Next = list, Value = i };
            if (random.Next(8) == 0)
                GC.Collect(random.Next(2));
            int expected = 1999;
            for (Node? at = list; at is not null; at = at.Next)
            {
                if (at.Value != expected--)
                    throw new InvalidOperationException("the heap is damaged");
            }
        }
    }
}
