using System.Runtime.InteropServices;
using DotnetPprof.Aggregate;
using DotnetPprof.Drain;
using DotnetPprof.Model;
using DotnetPprof.Region;
using DotnetPprof.Session;
using DotnetPprof.Tests.Drain;
using DotnetPprof.Tests.Files;
using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Tests.Fuzz;

/// <summary>
/// The region as bytes: what precedes the chains, the beginning of those, and of the rings. A target can write any of it,
/// at any time: it changes between two drains here too.
/// </summary>
internal static unsafe class FuzzedRegion
{
    private const int ChainBytes = 2048;
    private const int RingBytes = 2048;
    private const uint Rings = 4;
    private const uint RingRecords = 16;

    private static readonly FakeRegion s_region = new();
    private static readonly SafeFileHandle s_file = UnnamedFile.Create();

    /* What a slot of a thread that lives takes; the sections' offsets do not move. */
    private static int HeadBytes => (int)(2 * RegionLayout.Page);

    private static int SlotsBytes => (int)Rings * sizeof(RegionSlot);

    /// <summary>A region of a few threads with samples.</summary>
    internal static byte[] Whole()
    {
        using var region = new FakeRegion();
        region.Control->ClockHz = 1_000_000_000;
        region.PutChain(1, 0x10, 0x20, 0x30);
        region.PutChain(8, 0x40, 0x50);
        for (uint slot = 0; slot < Rings; slot++)
        {
            region.Open(slot, 1, 100 + slot, 1000, $"thread {slot}");
            for (ulong i = 0; i < 6; i++)
                region.Put(slot, RingRecords, (RecordKind)(1 + i % 4), 100 * i, 1000, 0x1000 + i);
            region.Records[slot * RingRecords].Chain = 1;
        }
        byte[] bytes = new byte[HeadBytes + SlotsBytes + ChainBytes + RingBytes];
        Copy(region, bytes, toRegion: false);
        return bytes;
    }

    internal static void Read(byte[] input)
    {
        RandomAccess.SetLength(s_file, input.Length);
        RandomAccess.Write(s_file, input, 0);
        RegionAgentProbe.ReadState(s_file, FakeRegion.Pid, out _, out _);
        Copy(s_region, input, toRegion: true);
        try
        {
            RegionView view = s_region.View;
            RegionControl control = view.Control;
            RegionView.EngineReason(control);
            RegionView.ClockVerdict(control, ClockKind.Auto);
            _ = view.Error;
            view.Anchor(control.AnchorCount);
            var drain = new RegionDrain(view, new KeptChains(view), new Nowhere());
            drain.Drain();
            Array.Reverse(input);
            Copy(s_region, input, toRegion: true);
            drain.Drain();
            drain.Finish();
        }
        catch (RegionFormatException)
        {
            /* The answer to a region that cannot be one. */
        }
    }

    private static void Copy(FakeRegion region, byte[] bytes, bool toRegion)
    {
        int at = 0;
        Copy(region.Memory, HeadBytes);
        Copy((byte*)region.Slot(0), SlotsBytes);
        Copy(region.Chains, ChainBytes);
        Copy((byte*)region.Records, RingBytes);

        void Copy(byte* memory, int length)
        {
            length = Math.Min(length, bytes.Length - at);
            if (toRegion)
                Marshal.Copy(bytes, at, (nint)memory, length);
            else
                Marshal.Copy((nint)memory, bytes, at, length);
            at += length;
        }
    }

    private sealed class Nowhere : ISettledSampleSink
    {
        public void Add(in SettledSample sample)
        {
        }
    }
}
