using System.Runtime.InteropServices;

namespace DotnetPprof.HarmPrograms;

/// <summary>
/// Waits: threads that are idle but for a little work between two waits, one that waits for good, and one busy thread.
/// Ends at a line from standard input and prints, for each kind, how many waits there were and how many were interrupted.
/// </summary>
internal static unsafe partial class Program
{
    private const int Interrupted = 4;

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollFile
    {
        public int File;
        public short Events;
        public short Returned;
    }

    private static volatile bool s_stop;
    private static volatile int s_sink;

    private sealed class Tally
    {
        public long Waits;
        public long Interruptions;

        public void Count(long result)
        {
            int error = result < 0 ? Marshal.GetLastPInvokeError() : 0;
            Waits++;
            if (error == Interrupted)
                Interruptions++;
        }
    }

    private static int Main()
    {
        int* slow = stackalloc int[2], silent = stackalloc int[2];
        if (Pipe(slow) != 0 || Pipe(silent) != 0)
            return 1;
        int slowRead = slow[0], slowWrite = slow[1], silentRead = silent[0], silentWrite = silent[1];
        Tally sleep = new(), poll = new(), read = new(), blocked = new();
        Thread[] threads =
        [
            new(() => Loop(() => Sleep(sleep))),
            new(() => Loop(() => Poll(poll, silentRead, 1))),
            new(() => Loop(() => Read(read, slowRead))),
            new(() => Loop(() => Feed(slowWrite))),
            new(() => Loop(Work)),
            new(() => Poll(blocked, silentRead, -1)) { Name = "blocked" },
        ];
        Array.ForEach(threads, thread => thread.Start());
        Console.WriteLine("ready");
        Console.ReadLine();
        s_stop = true;
        Feed(silentWrite);
        for (int i = 0; i < threads.Length; i++)
        {
            if (i == 2)
                Feed(slowWrite);
            threads[i].Join();
        }
        Console.WriteLine($"sleep {sleep.Waits} {sleep.Interruptions}");
        Console.WriteLine($"poll {poll.Waits} {poll.Interruptions}");
        Console.WriteLine($"read {read.Waits} {read.Interruptions}");
        Console.WriteLine($"blocked {blocked.Waits} {blocked.Interruptions}");
        return 0;
    }

    private static void Loop(Action step)
    {
        while (!s_stop)
            step();
    }

    private static void Work()
    {
        for (int i = 0; i < 20_000; i++)
            s_sink = s_sink * 31 + i;
    }

    private static void Sleep(Tally tally)
    {
        var time = new TimeSpec { Nanoseconds = 1_000_000 };
        tally.Count(NanoSleep(&time, null));
        Work();
    }

    private static void Poll(Tally tally, int file, int milliseconds)
    {
        var wanted = new PollFile { File = file, Events = 1 };
        tally.Count(Poll(&wanted, 1, milliseconds));
        Work();
    }

    private static void Read(Tally tally, int file)
    {
        byte one;
        tally.Count(Read(file, &one, 1));
    }

    private static void Feed(int file)
    {
        Thread.Sleep(2);
        byte one = 1;
        Write(file, &one, 1);
    }

    [LibraryImport("libc", EntryPoint = "pipe")]
    private static partial int Pipe(int* files);

    [LibraryImport("libc", EntryPoint = "nanosleep", SetLastError = true)]
    private static partial int NanoSleep(TimeSpec* time, TimeSpec* left);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollFile* files, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int file, byte* at, nuint bytes);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int file, byte* at, nuint bytes);
}
