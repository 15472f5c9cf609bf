using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>The one queue there is in a process: every test leaves it empty.</summary>
public sealed unsafe class EventQueueTests
{
    private const int Cells = 1024;

    [Fact]
    public void EventsComeOutAsTheyWentIn()
    {
        AgentEvent next;
        Assert.Equal(0U, Shim.TakeEvent(&next));
        var named = new AgentEvent { Kind = (uint)AgentEventKind.ThreadNamed, Tid = 7, ManagedId = 8, Sp = 9, Tcb = 10, CpuNs = 11, NameUnits = 2 };
        named.Name[0] = 'a';
        named.Name[1] = 'b';
        named.Name[63] = 'z';
        Shim.PutEvent(&named);
        Assert.Equal(1U, Shim.TakeEvent(&next));
        Assert.True(new ReadOnlySpan<byte>(&named, sizeof(AgentEvent)).SequenceEqual(new ReadOnlySpan<byte>(&next, sizeof(AgentEvent))));
        Assert.Equal(0U, Shim.TakeEvent(&next));
    }

    [Fact]
    public void FullQueueCountsWhatItLoses()
    {
        ulong lost = Shim.EventsLost(), unloads = Shim.UnloadsLost();
        for (ulong i = 0; i < Cells + 5; i++)
            Put(i, 0);
        Assert.Equal(lost + 5, Shim.EventsLost());
        Assert.Equal(unloads, Shim.UnloadsLost());
        foreach (AgentEventKind kind in new[] { AgentEventKind.MethodUnloaded, AgentEventKind.ModuleUnloaded })
        {
            var unloaded = new AgentEvent { Kind = (uint)kind };
            Shim.PutEvent(&unloaded);
        }
        Assert.Equal(lost + 7, Shim.EventsLost());
        Assert.Equal(unloads + 2, Shim.UnloadsLost());
        AgentEvent next;
        for (ulong i = 0; i < Cells; i++)
        {
            Assert.Equal(1U, Shim.TakeEvent(&next));
            Assert.Equal(i, next.ManagedId);
        }
        Assert.Equal(0U, Shim.TakeEvent(&next));
        Put(4711, 0);
        Assert.Equal(1U, Shim.TakeEvent(&next));
        Assert.Equal(4711UL, next.ManagedId);
    }

    [Fact]
    public void EachProducersEventsKeepTheirOrderAndNoneIsLostUncounted()
    {
        const uint Producers = 4;
        const ulong Each = 20_000;
        ulong lost = Shim.EventsLost();
        int running = (int)Producers;
        List<Thread> threads = [.. Enumerable.Range(0, (int)Producers).Select(producer => new Thread(() =>
        {
            for (ulong i = 1; i <= Each; i++)
                Put(i, (uint)producer);
            Interlocked.Decrement(ref running);
        }))];
        threads.ForEach(thread => thread.Start());

        var last = new ulong[Producers];
        ulong taken = 0;
        AgentEvent next;
        while (true)
        {
            bool over = Volatile.Read(ref running) == 0;
            if (Shim.TakeEvent(&next) == 0)
            {
                if (over)
                    break;
                continue;
            }
            taken++;
            Assert.True(next.ManagedId > last[next.Tid], $"{next.ManagedId} after {last[next.Tid]}");
            Assert.Equal(next.ManagedId ^ 0xFFFF, next.Sp);
            last[next.Tid] = next.ManagedId;
        }
        threads.ForEach(thread => thread.Join());
        Assert.Equal(Producers * Each, taken + (Shim.EventsLost() - lost));
        Assert.True(taken >= Cells);
    }

    [Fact]
    public void EveryEventRingsTheDoorbell()
    {
        uint* doorbell = (uint*)System.Runtime.InteropServices.NativeMemory.AllocZeroed(sizeof(uint)); // never freed: it stays set
        *doorbell = uint.MaxValue;
        Shim.SetDoorbell(doorbell);
        Assert.Equal(uint.MaxValue, Shim.Wait(uint.MaxValue, 1));
        Put(1, 0);
        Assert.Equal(0U, Shim.Wait(uint.MaxValue, -1));

        uint heard = 7;
        var waiter = new Thread(() => heard = Shim.Wait(0, -1));
        waiter.Start();
        Put(2, 0);
        waiter.Join();
        Assert.Equal(1U, heard);
        AgentEvent next;
        while (Shim.TakeEvent(&next) != 0)
            continue;
    }

    private static void Put(ulong number, uint producer)
    {
        var next = new AgentEvent { Kind = (uint)AgentEventKind.ThreadStarted, Tid = producer, ManagedId = number, Sp = number ^ 0xFFFF };
        Shim.PutEvent(&next);
    }
}
