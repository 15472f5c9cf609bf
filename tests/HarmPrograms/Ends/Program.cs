using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DotnetPprof.HarmPrograms;

/// <summary>
/// Ends the way its first argument says, once a line arrives, with two threads busy beside it. What it prints and how it
/// exits is the same every time.
/// </summary>
internal static unsafe partial class Program
{
    private static volatile int s_sink;

    private static void Main(string[] args)
    {
        for (int i = 0; i < 2; i++)
            new Thread(Burn) { IsBackground = true }.Start();
        Console.WriteLine("ready");
        Console.ReadLine();
        End(args[0]);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void End(string how)
    {
        switch (how)
        {
            case "return":
                break;
            case "exit":
                Environment.Exit(7);
                break;
            case "unhandled":
                throw new InvalidOperationException("nobody handles this");
            case "failfast":
                Environment.FailFast("as asked");
                break;
            case "overflow":
                s_sink = Recurse(1);
                break;
            case "overflow-thread":
                var deep = new Thread(() => s_sink = Recurse(1), maxStackSize: 512 * 1024);
                deep.Start();
                deep.Join();
                break;
            case "crash":
                WriteNothing(null, 0, 16);
                break;
            case "abort":
                Abort();
                break;
            case "SIGTERM":
                Signal(15);
                Thread.Sleep(Timeout.Infinite);
                break;
            case "SIGTERM-handled":
                EndInGoodOrder();
                break;
            case "SIGKILL":
                Signal(9);
                break;
            default:
                throw new ArgumentException(how);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Recurse(int depth) => Recurse(depth + 1) + depth;

    /* To the process, as from outside: any of its threads may take it. */
    private static void Signal(int signal) => _ = Kill(Environment.ProcessId, signal);

    /* As services do. */
    private static void EndInGoodOrder()
    {
        using var asked = new ManualResetEventSlim();
        using var registration = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            asked.Set();
        });
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Console.WriteLine("exit");
        Signal(15);
        asked.Wait();
        Console.WriteLine("ends in good order");
    }

    private static void Burn()
    {
        for (int i = 0; ; i++)
            s_sink = i * 31 ^ s_sink;
    }

    [LibraryImport("libc", EntryPoint = "memset")]
    private static partial void* WriteNothing(byte* at, int value, nuint bytes);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "abort")]
    private static partial void Abort();
}
