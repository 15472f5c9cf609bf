using System.Runtime.InteropServices;

namespace DotnetPprof.HarmPrograms;

/// <summary>
/// Signals LIBRARY: sends itself SIGUSR1 (a handler of its own, in the library), SIGHUP and SIGWINCH (handlers through
/// the class library), each only when the one before was handled, while another thread collects garbage and two
/// compute. At a line from standard input it prints how many were sent and handled: "count" lets it go on, others end it.
/// </summary>
internal static unsafe partial class Program
{
    private const int SigHup = 1;
    private const int SigUsr1 = 10;
    private const int SigWinch = 28;

    private static volatile bool s_stop;
    private static long s_hups;
    private static long s_winches;

    private static int Main(string[] args)
    {
        nint library = NativeLibrary.Load(args[0]);
        if (((delegate* unmanaged<int>)NativeLibrary.GetExport(library, "setup"))() != 0)
            return 1;
        long* handled = (long*)NativeLibrary.GetExport(library, "handled");
        using var hup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            Interlocked.Increment(ref s_hups);
        });
        using var winch = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Interlocked.Increment(ref s_winches));
        long collections = 0, sent = 0;
        Thread[] threads =
        [
            new(() =>
            {
                for (; !s_stop; collections++)
                {
                    GC.Collect(0);
                    /* Without a pause, collections alone would keep all other threads from running. */
                    if (collections % 4 == 0)
                        Thread.Sleep(1);
                }
            }),
            new(Compute),
            new(Compute),
            new(() =>
            {
                for (; !s_stop; sent++)
                {
                    Send(SigUsr1, () => Volatile.Read(ref *handled), sent);
                    Send(SigHup, () => Volatile.Read(ref s_hups), sent);
                    Send(SigWinch, () => Volatile.Read(ref s_winches), sent);
                }
            }),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Console.WriteLine("ready");
        while (Console.ReadLine() == "count")
            Report();
        s_stop = true;
        Array.ForEach(threads, thread => thread.Join());
        Report();
        return 0;

        void Report() => Console.WriteLine(
            $"sent {Volatile.Read(ref sent)} usr1 {Volatile.Read(ref *handled)} hup {s_hups} winch {s_winches} collections {Volatile.Read(ref collections)}");
    }

    /* Waits without a bound: a handler that is lost shows as a hang. */
    private static void Send(int signal, Func<long> handled, long before)
    {
        Kill(Environment.ProcessId, signal);
        while (handled() == before)
            Thread.Yield();
    }

    private static void Compute()
    {
        var words = new Dictionary<int, string>();
        for (int i = 0; !s_stop; i++)
        {
            words[i % 1000] = i.ToString();
            if (words.TryGetValue(i % 1000, out string? word) && word != i.ToString())
                throw new InvalidOperationException("a wrong result");
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
