using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/* When no samples are taken: between two bursts, and while a dump may be under way. */
internal sealed unsafe partial class SlotTable
{
    /* Slots whose handler was at work when they were to be paused. */
    private readonly List<uint> _pausing = [];
    private bool _isPaused;
    private bool _isQuiet;

    /// <summary>What is written of the CPU time that threads use while their timers rest.</summary>
    private uint GapKind => (uint)(_isPaused ? RecordKind.Gap : RecordKind.Unsampled);

    /// <summary>Takes no more samples until <see cref="Resume"/>; threads that come meanwhile get their slots.</summary>
    internal void Pause()
    {
        _isPaused = true;
        if (_timersBeside is not null)
            HotPath.PerfPause();
        PauseTimers();
    }

    /// <summary>Asks again where a handler was at work when its thread was to be paused.</summary>
    internal void SettlePause() => _pausing.RemoveAll(index => _threads[(int)index] is null || HotPath.Pause(index, isNew: 0, GapKind) != 0);

    internal void Resume()
    {
        _isPaused = false;
        if (_timersBeside is not null)
            HotPath.PerfResume();
        RestOrGoOn();
    }

    /// <summary>A fork has stopped all timers. Those set from now on do not run either.</summary>
    internal void BeginQuiet()
    {
        if (_isQuiet)
            return;
        _isQuiet = true;
        PauseTimers();
    }

    /// <summary>Sets the timers again, also where it was over before <see cref="BeginQuiet"/> heard of it.</summary>
    internal void EndQuiet()
    {
        _isQuiet = false;
        RestOrGoOn();
    }

    private void RestOrGoOn()
    {
        if (_isPaused || _isQuiet)
            PauseTimers();
        else
            ResumeTimers();
    }

    private void PauseTimers()
    {
        _pausing.Clear();
        for (int i = 0; i < _threads.Count; i++)
        {
            if (_threads[i] is { IsTimed: true } && HotPath.Pause((uint)i, isNew: 0, GapKind) == 0)
                _pausing.Add((uint)i);
        }
    }

    private void ResumeTimers()
    {
        _pausing.Clear();
        for (int i = 0; i < _threads.Count; i++)
        {
            if (_threads[i] is { IsTimed: true })
                HotPath.Resume((uint)i, FirstTick());
        }
    }
}
