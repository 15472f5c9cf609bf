using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Crossings;

/// <summary>
/// Threads that go from managed into native code and back, each by a way of its own which its name tells, until standard
/// input ends. The argument is a library with `call_back(f, times)` and `run_thread(f)`; see CrossingTests.
/// </summary>
internal static unsafe class Program
{
    private static volatile bool s_stop;
    private static double s_sink;
    private static delegate* unmanaged<delegate* unmanaged<long, long>, long, long> s_callBack;

    private static void Main(string[] arguments)
    {
        nint library = NativeLibrary.Load(arguments[0]);
        s_callBack = (delegate* unmanaged<delegate* unmanaged<long, long>, long, long>)NativeLibrary.GetExport(library, "call_back");
        var runThread = (delegate* unmanaged<delegate* unmanaged<long, long>, void>)NativeLibrary.GetExport(library, "run_thread");
        (string Name, Action Work)[] ways =
        [
            ("libm", Math), ("memcpy", Copy), ("sha", Hash), ("deflate", Deflate), ("callback", CallBack), ("filter", Filter), ("finalizer", MakeGarbage),
        ];
        var threads = new List<Thread>();
        foreach ((string name, Action work) in ways)
        {
            var thread = new Thread(() =>
            {
                while (!s_stop)
                    work();
            })
            { Name = name };
            thread.Start();
            threads.Add(thread);
        }
        runThread(&CalledIn);
        Console.WriteLine("ready");
        Console.In.ReadToEnd();
        s_stop = true;
        threads.ForEach(thread => thread.Join());
        Console.WriteLine("done");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Math()
    {
        double x = 0.5;
        for (int i = 0; i < 20_000; i++)
            x = System.Math.Pow(System.Math.Sin(x) + 1.5, 0.7);
        s_sink = x;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Copy()
    {
        byte[] from = new byte[1 << 20], to = new byte[1 << 20];
        for (int i = 0; i < 50; i++)
            Buffer.BlockCopy(from, 0, to, 0, from.Length);
        s_sink = to[7];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Hash()
    {
        byte[] data = new byte[1 << 16];
        for (int i = 0; i < 50; i++)
            s_sink = SHA256.HashData(data)[0];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Deflate()
    {
        byte[] data = new byte[1 << 18];
        new Random(5).NextBytes(data.AsSpan(0, data.Length / 2));
        using var deflate = new DeflateStream(Stream.Null, CompressionLevel.Optimal);
        deflate.Write(data);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CallBack() => s_sink = s_callBack(&CalledBack, 2_000) + 1;

    [UnmanagedCallersOnly]
    private static long CalledBack(long x) => Busy(x) + 1;

    [UnmanagedCallersOnly]
    private static long CalledIn(long x) => s_stop ? 0 : Busy(x) | 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Filter()
    {
        try
        {
            throw new InvalidOperationException();
        }
        catch (InvalidOperationException) when (IsExpected())
        {
            s_sink++;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsExpected()
    {
        long x = 1;
        for (int i = 0; i < 500; i++)
            x = Busy(x);
        return x != 77;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void MakeGarbage()
    {
        Drop();
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Drop()
    {
        for (int i = 0; i < 100; i++)
            new Dropped().Touch();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Busy(long x)
    {
        for (int i = 0; i < 200; i++)
            x = (x * 31) ^ i;
        return x;
    }

    private sealed class Dropped
    {
        ~Dropped()
        {
            long x = 1;
            for (int i = 0; i < 200; i++)
                x = Busy(x);
            s_sink = x;
        }

        public void Touch()
        {
        }
    }
}
