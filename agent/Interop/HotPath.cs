using System.Runtime.InteropServices;
using DotnetPprof.Region;

namespace DotnetPprof.Agent.Interop;

/// <summary>The agent's C half; see native/slots.h and native/events.h for what each call promises.</summary>
internal static unsafe partial class HotPath
{
    private const string Library = "hotpath";

    [LibraryImport(Library, EntryPoint = "sandbox_deadly_calls")]
    internal static partial uint DeadlyCalls();

    [LibraryImport(Library, EntryPoint = "slots_initialize")]
    internal static partial long Initialize(byte* region, void* clock);

    [LibraryImport(Library, EntryPoint = "slots_install")]
    internal static partial uint Install(uint signal);

    [LibraryImport(Library, EntryPoint = "slots_installed")]
    internal static partial uint Installed();

    [LibraryImport(Library, EntryPoint = "slots_set_rates")]
    internal static partial void SetRates(ulong ticksPerNs, ulong nsPerTick, ulong lateToleranceNs);

    [LibraryImport(Library, EntryPoint = "slots_reset_chains")]
    internal static partial void ResetChains();

    [LibraryImport(Library, EntryPoint = "slots_switch_chains")]
    internal static partial void SwitchChains();

    [LibraryImport(Library, EntryPoint = "slots_clear_retired_chains")]
    internal static partial void ClearRetiredChains();

    [LibraryImport(Library, EntryPoint = "slots_set_chains_room")]
    internal static partial void SetChainsRoom(uint half, ulong bytes);

    [LibraryImport(Library, EntryPoint = "slots_chains_used")]
    internal static partial ulong ChainsUsed();

    [LibraryImport(Library, EntryPoint = "slots_chained_signals")]
    internal static partial ulong ChainedSignals();

    [LibraryImport(Library, EntryPoint = "slots_late_signals")]
    internal static partial ulong LateSignals();

    [LibraryImport(Library, EntryPoint = "slot_arm")]
    internal static partial long Arm(SlotSetup* setup);

    [LibraryImport(Library, EntryPoint = "slot_disarm")]
    internal static partial void Disarm(uint index);

    [LibraryImport(Library, EntryPoint = "slot_quiet")]
    internal static partial uint Quiet(uint index);

    [LibraryImport(Library, EntryPoint = "slot_report_lost")]
    internal static partial void ReportLost(uint index);

    [LibraryImport(Library, EntryPoint = "slot_stack_wanted")]
    internal static partial uint StackWanted(uint index, out ulong sp, out ulong tcb);

    [LibraryImport(Library, EntryPoint = "slot_set_stack")]
    internal static partial void SetStack(uint index, ulong low, ulong high);

    [LibraryImport(Library, EntryPoint = "slot_set_shot_period")]
    internal static partial void SetShotPeriod(uint index, ulong periodNs, uint shotsPerTick);

    [LibraryImport(Library, EntryPoint = "slot_counts")]
    internal static partial uint Counts(uint index, ulong* counts);

    [LibraryImport(Library, EntryPoint = "thread_cpu_ns")]
    internal static partial long ThreadCpuNs(uint tid);

    [LibraryImport(Library, EntryPoint = "calibrate_sample_cost")]
    internal static partial ulong CalibrateSampleCost(uint shots);

    [LibraryImport(Library, EntryPoint = "slots_set_clock")]
    internal static partial void SetClock(void* clock);

    [LibraryImport(Library, EntryPoint = "perf_probe")]
    internal static partial long PerfProbe(uint shots, out ulong costNs);

    [LibraryImport(Library, EntryPoint = "perf_start")]
    internal static partial long PerfStart(PerfSetup* setup, SlotSetup* spare);

    [LibraryImport(Library, EntryPoint = "perf_open")]
    internal static partial long PerfOpen(SlotSetup* setup);

    [LibraryImport(Library, EntryPoint = "perf_cover_all")]
    internal static partial void PerfCoverAll(uint* tids, uint count);

    [LibraryImport(Library, EntryPoint = "perf_cover")]
    internal static partial long PerfCover(uint tid);

    [LibraryImport(Library, EntryPoint = "perf_close")]
    internal static partial long PerfClose(uint index, uint tid, long cpuNs);

    [LibraryImport(Library, EntryPoint = "slot_pause")]
    internal static partial uint Pause(uint index, uint isNew, uint gapKind);

    [LibraryImport(Library, EntryPoint = "quiet_raised")]
    internal static partial uint QuietRaised();

    [LibraryImport(Library, EntryPoint = "quiet_lifted")]
    internal static partial uint QuietLifted();

    [LibraryImport(Library, EntryPoint = "quiet_fork")]
    internal static partial uint QuietFork(uint number, out uint tid, out ulong sinceNs, out uint isMade);

    [LibraryImport(Library, EntryPoint = "quiet_lift")]
    internal static partial void LiftQuiet(uint number);

    [LibraryImport(Library, EntryPoint = "quiet_spare")]
    internal static partial void SpareFromQuiet(uint tid, ulong untilNs);

    [LibraryImport(Library, EntryPoint = "slot_resume")]
    internal static partial void Resume(uint index, ulong tickFirstNs);

    [LibraryImport(Library, EntryPoint = "slot_end_pause")]
    internal static partial void EndPause(uint index, long cpuNs);

    [LibraryImport(Library, EntryPoint = "perf_pause")]
    internal static partial void PerfPause();

    [LibraryImport(Library, EntryPoint = "perf_resume")]
    internal static partial void PerfResume();

    [LibraryImport(Library, EntryPoint = "perf_flush")]
    internal static partial void PerfFlush();

    [LibraryImport(Library, EntryPoint = "perf_renew")]
    internal static partial void PerfRenew(ulong periodNs);

    [LibraryImport(Library, EntryPoint = "perf_covers")]
    internal static partial uint PerfCovers(uint tid);

    [LibraryImport(Library, EntryPoint = "perf_silence")]
    internal static partial void PerfSilence();

    [LibraryImport(Library, EntryPoint = "perf_stop")]
    internal static partial void PerfStop();

    [LibraryImport(Library, EntryPoint = "perf_status")]
    internal static partial void PerfStatus(PerfStatus* status);

    [LibraryImport(Library, EntryPoint = "rules_begin")]
    internal static partial long BeginRules();

    [LibraryImport(Library, EntryPoint = "rules_end")]
    internal static partial void EndRules();

    [LibraryImport(Library, EntryPoint = "rules_publish")]
    internal static partial uint PublishRules(ulong start, RegionRule* rules, uint count);

    [LibraryImport(Library, EntryPoint = "rules_publish_native")]
    internal static partial uint PublishNativeRule(ulong ret);

    [LibraryImport(Library, EntryPoint = "rules_clear")]
    internal static partial void ClearRules(ulong start, ulong end);

    [LibraryImport(Library, EntryPoint = "rules_used")]
    internal static partial uint RulesUsed();

    [LibraryImport(Library, EntryPoint = "code_read")]
    internal static partial uint ReadCode(ulong address, void* into, uint bytes);

    [LibraryImport(Library, EntryPoint = "cfi_find_modules")]
    internal static partial void FindModules();

    [LibraryImport(Library, EntryPoint = "events_take")]
    internal static partial uint TakeEvent(AgentEvent* next);

    [LibraryImport(Library, EntryPoint = "events_lost")]
    internal static partial ulong EventsLost();

    /// <summary>Of those, the ones that told of code that went.</summary>
    [LibraryImport(Library, EntryPoint = "events_unloads_lost")]
    internal static partial ulong UnloadsLost();

    [LibraryImport(Library, EntryPoint = "events_set_doorbell")]
    internal static partial void SetDoorbell(uint* word);

    [LibraryImport(Library, EntryPoint = "events_wait")]
    internal static partial uint Wait(uint seen, long timeoutMs);

    [LibraryImport(Library, EntryPoint = "futex_wake_all")]
    internal static partial void WakeAll(uint* word);

    [LibraryImport(Library, EntryPoint = "agent_ready")]
    internal static partial void Ready(int result);
}
