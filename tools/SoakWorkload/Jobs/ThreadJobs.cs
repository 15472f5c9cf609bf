using System.Runtime.InteropServices;

namespace DotnetPprof.SoakWorkload.Jobs;

/// <summary>Threads by the dozen that live for a moment, with a lock that all of them want.</summary>
internal sealed class ThreadJob : Job
{
    private readonly Lock gate = new();

    internal override string Name => "threads";

    internal override void Round(Random random)
    {
        int count = 0, work = random.Next(20_000);
        Thread[] threads = new Thread[random.Next(1, 40)];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(() =>
            {
                Thread.SpinWait(work);
                for (int j = 0; j < 100; j++)
                {
                    lock (gate)
                        count++;
                }
            })
            { Name = $"brief-{i}" };
            threads[i].Start();
        }
        foreach (Thread thread in threads)
            thread.Join();
        Check(count == 100 * threads.Length, $"threads counted to {count} instead of {100 * threads.Length}");
    }
}

/// <summary>A pool that has to grow, tasks that wait for each other, and continuations on other threads.</summary>
internal sealed class PoolJob : Job
{
    internal override string Name => "pool";

    internal override void Round(Random random)
    {
        int width = random.Next(2, 24);
        using var all = new CountdownEvent(width);
        Task[] blockers = [.. Enumerable.Range(0, width).Select(_ => Task.Factory.StartNew(
            () =>
            {
                all.Signal();
                all.Wait();
            },
            CancellationToken.None,
            random.Next(2) == 0 ? TaskCreationOptions.None : TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];
        Task.WaitAll(blockers);
        Check(SumAsync(200).GetAwaiter().GetResult() == 200 * 199 / 2, "tasks gave a wrong sum");
        long sum = 0;
        Parallel.For(0, 10_000, i => Interlocked.Add(ref sum, i));
        Check(sum == 10_000L * 9_999 / 2, "a parallel loop gave a wrong sum");
    }

    private static async Task<int> SumAsync(int count)
    {
        int sum = 0;
        for (int i = 0; i < count; i++)
        {
            await Task.Yield();
            sum += await Task.Run(() => i);
        }
        return sum;
    }
}

/// <summary>Timers of every kind: each fires, and never early.</summary>
internal sealed class TimerJob : Job
{
    internal override string Name => "timers";

    internal override void Round(Random random)
    {
        int wait = random.Next(5, 30), fired = 0;
        long start = Environment.TickCount64;
        using (var done = new ManualResetEventSlim())
        using (new Timer(_ =>
        {
            if (Interlocked.Increment(ref fired) == 3)
                done.Set();
        }, null, wait, wait))
        {
            done.Wait();
        }
        /* The pool's own clock ticks coarsely. */
        Check(Environment.TickCount64 - start >= 3 * wait - 20, "a timer fired early");
        start = Environment.TickCount64;
        Task.Delay(wait).Wait();
        Check(Environment.TickCount64 - start >= wait - 20, "a delay ended early");
        using var cancellation = new CancellationTokenSource(wait);
        Check(cancellation.Token.WaitHandle.WaitOne(100_000), "a cancellation never came");
    }
}

/// <summary>Threads that the runtime did not make: some never run managed code, some only for a while.</summary>
internal sealed unsafe class NativeThreadJob : Job
{
    private readonly delegate* unmanaged<nint, nint> native =
        (delegate* unmanaged<nint, nint>)NativeLibrary.GetExport(NativeLibrary.Load("libc.so.6"), "labs");

    internal override string Name => "native";

    internal override void Round(Random random)
    {
        const int count = 16;
        nint* threads = stackalloc nint[count];
        for (int i = 0; i < count; i++)
        {
            int error = Libc.CreateThread(&threads[i], null, i % 2 == 0 ? native : &Sum, i % 2 == 0 ? -i : 10_000 + i);
            Check(error == 0, $"pthread_create: error {error}");
        }
        for (nint i = 0; i < count; i++)
        {
            nint result;
            int error = Libc.JoinThread(threads[i], &result);
            nint limit = 10_000 + i;
            Check(error == 0 && result == (i % 2 == 0 ? i : limit * (limit + 1) / 2), $"a native thread gave {result}, error {error}");
        }
    }

    [UnmanagedCallersOnly]
    private static nint Sum(nint limit)
    {
        nint sum = 0;
        for (nint i = 1; i <= limit; i++)
            sum += i;
        return sum;
    }
}
