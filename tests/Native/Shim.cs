using System.Runtime.InteropServices;
using DotnetPprof.Region;

namespace DotnetPprof.Tests.Native;

/// <summary>The hot path's units over plain memory; see shim.c.</summary>
internal static unsafe partial class Shim
{
    internal const string Library = "shim";

    [LibraryImport(Library, EntryPoint = "shim_slot_new")]
    internal static partial void* NewSlot(RegionSlot* shared, RegionRecord* ring, ulong records);

    [LibraryImport(Library, EntryPoint = "shim_slot_free")]
    internal static partial void FreeSlot(void* slot);

    [LibraryImport(Library, EntryPoint = "shim_slot_lost")]
    internal static partial ulong Lost(void* slot);

    [LibraryImport(Library, EntryPoint = "shim_slot_count")]
    internal static partial ulong Count(void* slot, uint counter);

    [LibraryImport(Library, EntryPoint = "shim_ring_put")]
    internal static partial int Put(void* slot, RegionRecord* record);

    [LibraryImport(Library, EntryPoint = "shim_ring_lose")]
    internal static partial void Lose(void* slot, ulong ticks);

    [LibraryImport(Library, EntryPoint = "shim_ring_report_lost")]
    internal static partial void ReportLost(void* slot);

    [LibraryImport(Library, EntryPoint = "shim_store_new")]
    internal static partial void* NewStore(ulong tableEntries, byte* arena, ulong arenaBytes);

    [LibraryImport(Library, EntryPoint = "shim_store_free")]
    internal static partial void FreeStore(void* store);

    [LibraryImport(Library, EntryPoint = "shim_store_used")]
    internal static partial ulong StoreUsed(void* store);

    [LibraryImport(Library, EntryPoint = "shim_chain_intern")]
    internal static partial uint Intern(void* store, ulong* returns, uint depth);

    [LibraryImport(Library, EntryPoint = "shim_set_roots")]
    internal static partial void SetRoots(ulong threadRoot, ulong mainRoot);

    [LibraryImport(Library, EntryPoint = "shim_rules_begin")]
    internal static partial uint BeginRules();

    [LibraryImport(Library, EntryPoint = "shim_rules_end")]
    internal static partial void EndRules();

    [LibraryImport(Library, EntryPoint = "shim_rules_publish")]
    internal static partial uint PublishRules(ulong start, RegionRule* rules, uint count);

    [LibraryImport(Library, EntryPoint = "shim_rules_clear")]
    internal static partial void ClearRules(ulong start, ulong end);

    [LibraryImport(Library, EntryPoint = "shim_assembly_epilogue")]
    internal static partial int Epilogue(byte* code, uint size, ushort* savedRbp);

    [LibraryImport(Library, EntryPoint = "shim_assembly_returns_into_own")]
    internal static partial uint ReturnsIntoOwn(byte* code, uint size);

    [LibraryImport(Library, EntryPoint = "shim_walk_from")]
    internal static partial uint WalkFrom(ulong low, ulong high, ulong ip, ulong sp, ulong fp, ulong* returns, ushort* stop);

    [LibraryImport(Library, EntryPoint = "shim_walk")]
    internal static partial uint Walk(ulong low, ulong high, ulong sp, ulong fp, ulong* returns, ushort* stop, ulong* wantedSp);

    [LibraryImport(Library, EntryPoint = "shim_interrupted_syscall")]
    internal static partial int InterruptedSyscall(ulong ip, long rax);

    [LibraryImport(Library, EntryPoint = "shim_vdso_symbol", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial byte* VdsoSymbol(byte* image, string name);

    [LibraryImport(Library, EntryPoint = "shim_events_put")]
    internal static partial void PutEvent(AgentEvent* next);

    [LibraryImport(Library, EntryPoint = "shim_perf_next")]
    internal static partial int PerfNext(byte* data, ulong bytes, ulong head, ulong* tail, ulong* fields);

    [LibraryImport(Library, EntryPoint = "shim_perf_merge")]
    internal static partial uint PerfMerge(byte* data, uint rings, ulong bytes, ulong* heads, ulong* tails, ulong horizon, ulong* times);

    [LibraryImport(Library, EntryPoint = "shim_perf_walk")]
    internal static partial uint PerfWalk(ulong* registers, byte* stack, ulong bytes, ulong* returns, ushort* stop);

    [LibraryImport(Library, EntryPoint = "shim_signal_return")]
    internal static partial ulong SignalReturn();

    [LibraryImport(Library, EntryPoint = "shim_perf_threads")]
    internal static partial uint PerfThreads(uint* tids, uint count, uint removed);

    [LibraryImport(Library, EntryPoint = "events_take")]
    internal static partial uint TakeEvent(AgentEvent* next);

    [LibraryImport(Library, EntryPoint = "events_lost")]
    internal static partial ulong EventsLost();

    [LibraryImport(Library, EntryPoint = "events_unloads_lost")]
    internal static partial ulong UnloadsLost();

    [LibraryImport(Library, EntryPoint = "events_set_doorbell")]
    internal static partial void SetDoorbell(uint* word);

    [LibraryImport(Library, EntryPoint = "events_wait")]
    internal static partial uint Wait(uint seen, long timeoutMs);
}
