using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>
/// Lets a session of days intern new stacks for ever: when one half of the chain section is nearly full, handlers go over
/// to the other, and the full one is cleared once nothing can refer to it any more.
/// </summary>
internal sealed unsafe class ChainRetirement(SharedRegion region)
{
    private const ulong Half = RegionLayout.ChainsBytes / 2;
    private const ulong NearlyFull = Half / 4 * 3;

    /* Memory is given to a half in steps, ahead of what the handler uses: it must not fault for it. */
    private const ulong Step = 4u << 20;

    /* Slots whose handlers may still be using the half that was left, and then those whose records may still name it. */
    private readonly List<uint> _busy = [];
    private readonly List<(uint Slot, uint Generation, ulong Head)> _undrained = [];
    private readonly ulong[] _room = new ulong[2];
    private uint _half;
    private State _state;

    private enum State
    {
        /// <summary>The other half is clean.</summary>
        Ready,

        /// <summary>Handlers that began before the switch may be at work.</summary>
        Leaving,

        /// <summary>Records that name the other half's chains wait in rings.</summary>
        Draining,
    }

    /// <summary>All slots are quiet, and all chains forgotten.</summary>
    /// <returns>False when there is no memory for any.</returns>
    internal bool Begin()
    {
        _state = State.Ready;
        _half = 0;
        Array.Clear(_room);
        return Grow(0);
    }

    /// <summary>Nothing more is written: the memory is about to go.</summary>
    internal void End()
    {
        Array.Clear(_room);
        HotPath.SetChainsRoom(0, 0);
        HotPath.SetChainsRoom(1, 0);
    }

    /// <summary>One step; called often.</summary>
    /// <param name="slots">No slot from this one on has been used.</param>
    internal void Tend(uint slots)
    {
        if (_room[_half] < Half && HotPath.ChainsUsed() > _room[_half] - Step / 2)
            Grow(_half);
        switch (_state)
        {
            case State.Ready when HotPath.ChainsUsed() > NearlyFull && (_room[_half ^ 1] > 0 || Grow(_half ^ 1)):
                HotPath.SwitchChains();
                _half ^= 1;
                _busy.Clear();
                for (uint slot = 0; slot < slots; slot++)
                    _busy.Add(slot);
                _state = State.Leaving;
                break;
            case State.Leaving:
                _busy.RemoveAll(slot => HotPath.Quiet(slot) != 0);
                if (_busy.Count > 0)
                    break;
                HotPath.PerfFlush();
                _undrained.Clear();
                for (uint slot = 0; slot < slots; slot++)
                    _undrained.Add((slot, region.Slot(slot)->Generation, Volatile.Read(ref region.Slot(slot)->Head)));
                _state = State.Draining;
                break;
            case State.Draining:
                _undrained.RemoveAll(IsDrained);
                if (_undrained.Count > 0)
                    break;
                HotPath.ClearRetiredChains();
                _state = State.Ready;
                break;
        }
    }

    private bool Grow(uint half)
    {
        bool grown = region.PopulateChains(half * Half + _room[half], Step);
        if (grown)
            _room[half] += Step;
        HotPath.SetChainsRoom(half, _room[half]);
        return grown;
    }

    /// <summary>A slot that was free, or given to another thread since, had been drained before that.</summary>
    private bool IsDrained((uint Slot, uint Generation, ulong Head) ring)
    {
        RegionSlot* slot = region.Slot(ring.Slot);
        return Volatile.Read(ref slot->State) == (uint)SlotState.Free || slot->Generation != ring.Generation ||
            Volatile.Read(ref slot->Tail) - ring.Head <= long.MaxValue;
    }
}
