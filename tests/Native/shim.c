/* The hot path's units for tests that call them from C#: what is hidden in the agent, exported, over plain memory. */
#include "assembly.h"
#include "events.h"
#include "hot.h"
#include "perf.h"
#include "slots.h"
#include "vdso.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

DPP_API Slot *shim_slot_new(RegionSlot *shared, RegionRecord *ring, u64 records);
DPP_API void shim_slot_free(Slot *slot);
DPP_API u64 shim_slot_lost(const Slot *slot);
DPP_API u64 shim_slot_count(const Slot *slot, u32 counter);
DPP_API i32 shim_ring_put(Slot *slot, const RegionRecord *record);
DPP_API void shim_ring_lose(Slot *slot, u64 ticks);
DPP_API void shim_ring_report_lost(Slot *slot);
DPP_API ChainStore *shim_store_new(u64 table_entries, u8 *arena, u64 arena_bytes);
DPP_API void shim_store_free(ChainStore *store);
DPP_API u64 shim_store_used(const ChainStore *store);
DPP_API u32 shim_chain_intern(ChainStore *store, const u64 *returns, u32 depth);
DPP_API void shim_set_roots(u64 thread_root, u64 main_root);
DPP_API u32 shim_rules_begin(void);
DPP_API void shim_rules_end(void);
DPP_API u32 shim_rules_publish(u64 start, const RegionRule *rules, u32 count);
DPP_API void shim_rules_clear(u64 start, u64 end);
DPP_API i32 shim_assembly_epilogue(const u8 *code, u32 size, u16 *saved_rbp);
DPP_API u32 shim_assembly_returns_into_own(const u8 *code, u32 size);
DPP_API u32 shim_walk_from(u64 low, u64 high, u64 ip, u64 sp, u64 fp, u64 *out, u16 *stop);
DPP_API u32 shim_walk(u64 low, u64 high, u64 sp, u64 fp, u64 *out, u16 *stop, u64 *wanted_sp);
DPP_API i32 shim_interrupted_syscall(u64 ip, i64 rax);
DPP_API void shim_events_put(const AgentEvent *event);
DPP_API i32 shim_perf_next(const u8 *data, u64 bytes, u64 head, u64 *tail, u64 *fields);
DPP_API u32 shim_perf_merge(const u8 *data, u32 rings, u64 bytes, const u64 *heads, u64 *tails, u64 horizon, u64 *times);
DPP_API u32 shim_perf_walk(const u64 *registers, const u8 *stack, u64 bytes, u64 *out, u16 *stop);
DPP_API u64 shim_signal_return(void);
DPP_API u32 shim_perf_threads(const u32 *tids, u32 count, u32 removed);
DPP_API void *shim_vdso_symbol(const u8 *image, const char *name);

/* The ring begins where `shared` says it does, as in slot_arm. */
Slot *shim_slot_new(RegionSlot *shared, RegionRecord *ring, u64 records)
{
    Slot *slot = aligned_alloc(64, sizeof(Slot));
    memset(slot, 0, sizeof *slot);
    slot->shared = shared;
    slot->ring = ring;
    slot->mask = records - 1;
    slot->head = shared->head;
    return slot;
}

void shim_slot_free(Slot *slot)
{
    free(slot);
}

u64 shim_slot_lost(const Slot *slot)
{
    return slot->lost;
}

u64 shim_slot_count(const Slot *slot, u32 counter)
{
    return slot->counts[counter];
}

i32 shim_ring_put(Slot *slot, const RegionRecord *record)
{
    return ring_put(slot, record);
}

void shim_ring_lose(Slot *slot, u64 ticks)
{
    ring_lose(slot, ticks);
}

void shim_ring_report_lost(Slot *slot)
{
    ring_report_lost(slot);
}

ChainStore *shim_store_new(u64 table_entries, u8 *arena, u64 arena_bytes)
{
    ChainStore *store = calloc(1, sizeof *store);
    store->table = calloc(table_entries, sizeof(u64));
    store->table_mask = table_entries - 1;
    store->arena = arena;
    store->arena_bytes = arena_bytes;
    store->arena_used = REGION_CHAIN_UNIT;
    return store;
}

void shim_store_free(ChainStore *store)
{
    free(store->table);
    free(store);
}

u64 shim_store_used(const ChainStore *store)
{
    return store->arena_used;
}

u32 shim_chain_intern(ChainStore *store, const u64 *returns, u32 depth)
{
    return chain_intern(store, returns, depth);
}

void shim_set_roots(u64 thread_root, u64 main_root)
{
    hot.thread_root_return = thread_root;
    hot.main_root_return = main_root;
}

/* The table of rules, empty; false without memory. */
u32 shim_rules_begin(void)
{
    return rules_begin() == 0;
}

void shim_rules_end(void)
{
    rules_end();
}

u32 shim_rules_publish(u64 start, const RegionRule *rules, u32 count)
{
    return rules_publish(start, rules, count);
}

void shim_rules_clear(u64 start, u64 end)
{
    rules_clear(start, end);
}

/* The bytes from rsp to the caller's stack pointer, and how far below that its rbp is; 0 for no epilogue. */
i32 shim_assembly_epilogue(const u8 *code, u32 size, u16 *saved_rbp)
{
    StepRule rule;
    if (!assembly_epilogue(code, size, &rule))
        return 0;
    *saved_rbp = rule.saved_rbp;
    return rule.cfa;
}

u32 shim_assembly_returns_into_own(const u8 *code, u32 size)
{
    return assembly_returns_into_own(code, size);
}

/* From an interrupted instruction on. */
u32 shim_walk_from(u64 low, u64 high, u64 ip, u64 sp, u64 fp, u64 *out, u16 *stop)
{
    Slot *slot = aligned_alloc(64, sizeof(Slot));
    memset(slot, 0, sizeof *slot);
    slot->stack_low = low;
    slot->stack_high = high;
    hot.pid = (u32)getpid();
    CfiFrame frame = cfi_caller(ip, sp, fp, 1);
    frame.is_caller = 0;
    u32 depth = walk_frame(slot, &frame, out, stop);
    free(slot);
    return depth;
}

u32 shim_walk(u64 low, u64 high, u64 sp, u64 fp, u64 *out, u16 *stop, u64 *wanted_sp)
{
    Slot *slot = aligned_alloc(64, sizeof(Slot));
    memset(slot, 0, sizeof *slot);
    slot->stack_low = low;
    slot->stack_high = high;
    hot.pid = (u32)getpid();
    CfiFrame frame = cfi_caller(0, sp, fp, 1);
    u32 depth = walk_frame(slot, &frame, out, stop);
    *wanted_sp = slot->stack_wanted ? slot->seen_sp : 0;
    free(slot);
    return depth;
}

i32 shim_interrupted_syscall(u64 ip, i64 rax)
{
    ucontext_t context;
    memset(&context, 0, sizeof context);
    context.uc_mcontext.gregs[REG_RIP] = (greg_t)ip;
    context.uc_mcontext.gregs[REG_RAX] = rax;
    return lease_interrupted_syscall(&context);
}

void shim_events_put(const AgentEvent *event)
{
    events_put(event);
}

void *shim_vdso_symbol(const u8 *image, const char *name)
{
    return vdso_symbol(image, name);
}

/* type, ip, tid, in_kernel, time, period, last register, bytes of stack, its first word, tid of fork or exit, parent, time, lost */
i32 shim_perf_next(const u8 *data, u64 bytes, u64 head, u64 *tail, u64 *fields)
{
    static u8 copy[PERF_RECORD_LIMIT];
    PerfRing ring = {data, bytes - 1, head, *tail};
    PerfRecord record;
    if (!perf_next(&ring, copy, &record))
        return 0;
    *tail = ring.tail;
    const PerfSample *sample = &record.sample;
    u64 last = 0, word = 0;
    if (sample->registers)
        memcpy(&last, sample->registers + (PERF_REGISTERS - 1) * sizeof last, sizeof last);
    if (sample->stack_bytes >= sizeof word)
        memcpy(&word, sample->stack, sizeof word);
    u64 all[] = {record.type, sample->ip, sample->tid, sample->in_kernel, sample->time, sample->period, last,
                 sample->stack_bytes, word, record.tid, record.parent, record.time, record.lost};
    memcpy(fields, all, sizeof all);
    return 1;
}

static u64 *merged;
static u32 merged_count;

static void keep_merged(const PerfRecord *record)
{
    merged[merged_count++] = record->type == 0 ? 0 : record->time;
}

/* Rings of `bytes` each behind one another; gives how many records were taken, and their times (of FORK and EXIT). */
u32 shim_perf_merge(const u8 *data, u32 rings, u64 bytes, const u64 *heads, u64 *tails, u64 horizon, u64 *times)
{
    static u8 copy[PERF_RECORD_LIMIT];
    PerfCursor cursors[8];
    for (u32 i = 0; i < rings; i++)
        cursors[i] = (PerfCursor){.ring = {data + i * bytes, bytes - 1, heads[i], tails[i]}, .read = &tails[i]};
    merged = times;
    merged_count = 0;
    perf_merge(cursors, rings, horizon, copy, keep_merged);
    return merged_count;
}

u32 shim_perf_walk(const u64 *registers, const u8 *stack, u64 bytes, u64 *out, u16 *stop)
{
    PerfSample sample = {.registers = (const u8 *)registers, .stack = stack, .stack_bytes = bytes};
    *stop = 0;
    return perf_walk(&sample, out, stop);
}

/* What the kernel has a handler return to, by its own struct sigaction; 0 where no signal has a handler. */
u64 shim_signal_return(void)
{
    u64 action[4] = {0}; /* handler, flags, restorer, mask */
    for (int number = 1; number < 64 && action[2] == 0; number++)
        syscall(SYS_rt_sigaction, number, 0, action, sizeof(u64));
    return action[2];
}

/* Adds all, removes every `removed`th, and gives how many answers are wrong then. */
u32 shim_perf_threads(const u32 *tids, u32 count, u32 removed)
{
    u32 wrong = 0;
    perf_threads_clear();
    for (u32 i = 0; i < count; i++)
        wrong += perf_thread_add(tids[i])->tid != tids[i];
    for (u32 i = 0; i < count; i += removed)
        perf_thread_remove(tids[i]);
    for (u32 i = 0; i < count; i++) {
        PerfThread *found = perf_thread_find(tids[i]);
        wrong += i % removed == 0 ? found != 0 : !found || found->tid != tids[i];
    }
    perf_threads_clear();
    return wrong;
}
