using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DotnetPprof.HarmPrograms;

/// <summary>
/// Forks LIBRARY: two busy threads, beside which lines from standard input are obeyed. "exec N" starts N programs one
/// after another and prints how many ended with 0. "fork MS" has the library make a child that computes for a while and
/// goes on without exec, prints the child's pid, and at its end its wait status. "forks MS" has it fork all the time, and
/// prints how often. "run PATH" has it fork and exec a program, and prints its wait status. "stop" ends.
/// </summary>
internal static unsafe class Program
{
    private static volatile bool s_stop;
    private static volatile int s_sink;

    private static int Main(string[] args)
    {
        nint library = NativeLibrary.Load(args[0]);
        var fork = (delegate* unmanaged<int, int>)NativeLibrary.GetExport(library, "fork_and_compute");
        var forkFor = (delegate* unmanaged<int, int>)NativeLibrary.GetExport(library, "fork_for");
        var run = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "fork_and_run");
        var wait = (delegate* unmanaged<int, int>)NativeLibrary.GetExport(library, "wait_for");
        Thread[] threads = [new(Burn), new(Burn)];
        Array.ForEach(threads, thread => thread.Start());
        Console.WriteLine("ready");
        while (Console.ReadLine() is { } line && line != "stop")
        {
            string[] words = line.Split(' ');
            if (words[0] == "exec")
            {
                Console.WriteLine(Enumerable.Range(0, int.Parse(words[1])).Count(_ => RunTrue()));
            }
            else if (words[0] == "forks")
            {
                Console.WriteLine(forkFor(int.Parse(words[1])));
            }
            else if (words[0] == "run")
            {
                Console.WriteLine(wait(run(Marshal.StringToCoTaskMemUTF8(words[1]))));
            }
            else if (words[0] == "fork")
            {
                int child = fork(int.Parse(words[1]));
                Console.WriteLine(child);
                Console.WriteLine(wait(child));
            }
        }
        s_stop = true;
        Array.ForEach(threads, thread => thread.Join());
        return 0;
    }

    private static bool RunTrue()
    {
        using var child = Process.Start(new ProcessStartInfo("true") { UseShellExecute = false })!;
        child.WaitForExit();
        return child.ExitCode == 0;
    }

    private static void Burn()
    {
        while (!s_stop)
            s_sink = s_sink * 31 + 1;
    }
}
