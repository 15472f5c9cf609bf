using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DotnetPprof.HarmPrograms;

/// <summary>
/// Spin THREADS: threads that count loops. Obeys lines from standard input: "count" prints the loops so far, "files"
/// uses up the file descriptors and "free" gives them back, "collect" collects garbage a hundred times, "load PATH" loads
/// a native library and calls its "setup", "stop" ends with code 3.
/// </summary>
internal static unsafe partial class Program
{
    private const int LimitFiles = 7;

    private static volatile bool s_stop;

    private static int Main(string[] args)
    {
        long[] counts = new long[int.Parse(args[0]) * 16]; /* a cache line each */
        var threads = new List<Thread>();
        for (int i = 0; i < counts.Length; i += 16)
        {
            int index = i;
            threads.Add(new Thread(() => Spin(ref counts[index])) { Name = $"spin-{i / 16}" });
        }
        threads.ForEach(thread => thread.Start());
        var held = new List<FileStream>();
        Console.WriteLine("ready");
        while (Console.ReadLine() is { } line && line != "stop")
        {
            if (line == "count")
                Console.WriteLine(counts.Sum(count => Volatile.Read(ref count)));
            else if (line == "files")
                Console.WriteLine(UseUpFiles(held));
            else if (line == "free")
                held.ForEach(file => file.Dispose());
            else if (line == "collect")
                Console.WriteLine(Collect());
            else if (line.StartsWith("load ", StringComparison.Ordinal))
                Console.WriteLine(((delegate* unmanaged<int>)NativeLibrary.GetExport(NativeLibrary.Load(line[5..]), "setup"))());
        }
        s_stop = true;
        threads.ForEach(thread => thread.Join());
        return 3;
    }

    private static string Collect()
    {
        for (int i = 0; i < 100; i++)
            GC.Collect(0);
        return "collected";
    }

    private static int UseUpFiles(List<FileStream> held)
    {
        var limit = (Soft: 300UL, Hard: 300UL);
        if (SetLimit(LimitFiles, &limit) != 0)
            return -1;
        try
        {
            while (true)
                held.Add(new FileStream("/dev/null", FileMode.Open, FileAccess.Read));
        }
        catch (IOException)
        {
            return held.Count;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Spin(ref long count)
    {
        uint state = 1;
        while (!s_stop)
        {
            for (int i = 0; i < 1000; i++)
                state = Mix(state);
            Volatile.Write(ref count, count + 1);
        }
        if (state == 0)
            throw new InvalidOperationException("a wrong result");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint Mix(uint state)
    {
        state ^= state << 13;
        state ^= state >> 17;
        return state ^ state << 5;
    }

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, void* limit);
}
