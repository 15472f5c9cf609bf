/* From the kernel's rings to the region's: each sample walked, interned, and written to its thread's slot. */
#include "perf.h"

#include <linux/perf_event.h>
#include <string.h>

#define SETTLE_INTERVAL_NS UINT64_C(100000000)
#define SETTLE_SAMPLES 1024u
#define MOST_PENDING_NS UINT64_C(1000000000)

PerfSums perf_sums;

static u8 copy[PERF_RECORD_LIMIT];
static u64 event_period_ns;
static u32 spare; /* slot index */
static u64 next_settle;
static u32 losing; /* a ring was all but full when its head was last read, or says that it has been */

void perf_forward_begin(u64 period_ns, u32 spare_slot)
{
    memset(&perf_sums, 0, sizeof perf_sums);
    event_period_ns = period_ns;
    spare = spare_slot;
    next_settle = 0;
    losing = 0;
}

static void take_stack(const PerfSample *sample, RegionRecord *record)
{
    u64 returns[REGION_MAX_DEPTH];
    if (!sample->registers) {
        record->ip = sample->in_kernel ? 0 : sample->ip;
        record->stop = STOP_UNREADABLE;
        return;
    }
    memcpy(&record->ip, sample->registers + PERF_IP * sizeof(u64), sizeof record->ip);
    u32 depth = perf_walk(sample, returns, &record->stop);
    if (depth == 0)
        return;
    ChainStore *store = __atomic_load_n(&hot.chains, __ATOMIC_ACQUIRE);
    record->chain = chain_intern(store, returns, depth);
    record->generation = store->generation;
    if (record->chain == 0)
        record->stop = STOP_STORE_FULL;
}

/*
 * A sample stands for its period, but the thread has used a little more: what it takes to put it on a CPU and off again is
 * its time, and not the event's; in a busy web service that is more than a quarter. So samples get the advance of the
 * thread's CPU clock, unless that is more than twice their periods: then samples are missing, which is not to be hidden.
 * While the kernel finds its rings full samples stand for their periods, for those that are lost have their time too.
 */
void perf_forward_settle(Slot *slot)
{
    if (slot->unsettled == 0)
        return;
    u64 periods = slot->unsettled * event_period_ns;
    RegionRecord record = {.ticks = slot->seen_ticks, .kind = RECORD_SETTLE, .value = periods};
    i64 cpu = perf_events.kernel_excluded || slot->tid == 0 || losing ? -1 : thread_cpu_ns(slot->tid);
    u64 advance = cpu >= 0 ? (u64)cpu - slot->settled_cpu_ns : periods;
    u64 most = 2 * periods + event_period_ns;
    record.value = (i64)advance < 0 ? 0 : advance < most ? advance : most;
    if (!ring_put(slot, &record))
        return;
    /* Each CPU's event may be short of its period yet: so much is for the samples to come. */
    u64 slack = event_period_ns * perf_events.cpus;
    u64 rest = advance - record.value;
    slot->settled_cpu_ns += advance < most || (i64)advance < 0 ? advance : advance - (rest < slack ? rest : slack);
    slot->seen_cpu_ns += record.value;
    slot->unsettled = 0;
}

/* Where a slot keeps `unsettled`, a sample that found its ring full counts there: the LOST record will have its share. */
static void put_sample(u32 index, const RegionRecord *record)
{
    Slot *slot = &hot.slots[index];
    if (slot->unsettled == 0 || slot->seen_ticks < record->ticks)
        slot->seen_ticks = record->ticks;
    if (record->stop == STOP_STORE_FULL)
        slot->counts[COUNTER_LOST_STORE_FULL]++;
    if (ring_put(slot, record))
        slot->counts[COUNTER_SAMPLES]++;
    else
        ring_lose(slot, record->ticks);
    slot->unsettled++;
    if (slot->unsettled == SETTLE_SAMPLES)
        perf_forward_settle(slot);
}

static void give_to_spare(u32 tid, const RegionRecord *record)
{
    PerfThread *thread = perf_thread_find(tid);
    if (thread)
        thread->spare_ns += event_period_ns;
    perf_sums.slotless++;
    put_sample(spare, record);
}

static void give_to_slot(u32 tid, const RegionRecord *record)
{
    put_sample(perf_thread_find(tid)->slot - 1, record);
}

static void forward_sample(const PerfSample *sample)
{
    PerfThread *thread = perf_thread_find(sample->tid);
    RegionRecord record = {.ticks = sample->time, .kind = RECORD_SHOT, .value = 1};
    perf_sums.sampled_ns += event_period_ns;
    take_stack(sample, &record);
    if (sample->in_kernel)
        record.stop |= RECORD_IN_KERNEL;
    if (thread && thread->slot != 0)
        put_sample(thread->slot - 1, &record);
    else if (thread && (thread->inherited || thread->cover != 0))
        perf_pending_add(sample->tid, &record, give_to_spare);
    else
        give_to_spare(sample->tid, &record);
}

void perf_forward_slot(PerfThread *thread)
{
    perf_pending_take(thread->tid, give_to_slot);
}

void perf_forward_end(void)
{
    perf_pending_flush(~UINT64_C(0), give_to_spare);
    perf_forward_settle(&hot.slots[spare]);
}

static void settle_all(u64 now)
{
    if (now < next_settle)
        return;
    next_settle = now + SETTLE_INTERVAL_NS;
    for (u32 i = 0; i < REGION_SLOTS; i++)
        if (hot.slots[i].by_pump && hot.slots[i].unsettled != 0)
            perf_forward_settle(&hot.slots[i]);
}

/* Nobody knows whose they were. */
static void forward_lost(u64 lost, u64 time)
{
    RegionRecord record = {.ticks = time != 0 ? time : hot.clock(), .kind = RECORD_LOST, .value = lost};
    Slot *slot = &hot.slots[spare];
    losing = 1;
    perf_sums.lost += lost;
    perf_sums.sampled_ns += event_period_ns * lost;
    if (ring_put(slot, &record))
        slot->unsettled += lost;
}

static void forward_fork(const PerfRecord *record)
{
    PerfThread *thread = perf_thread_add(record->tid);
    if (!thread)
        return; /* its samples go to the spare slot, unless the agent gives it events of its own */
    if (thread->cover != 0 && record->time <= thread->since) {
        /* Its events were opened after it had inherited its parent's: it would be sampled twice. */
        perf_events_uncover(thread->cover);
        thread->cover = 0;
        thread->inherited = 1;
        return;
    }
    /* A new thread under the id of one that has ended. */
    if (record->time > thread->slot_since)
        thread->slot = 0;
    thread->pending = 0;
    thread->cover = 0;
    thread->inherited = 1;
    thread->since = record->time;
    thread->spare_ns = 0;
}

static void forward_exit(const PerfRecord *record)
{
    PerfThread *thread = perf_thread_find(record->tid);
    if (!thread || record->time < thread->since)
        return;
    thread->inherited = 0;
    /* Its events stay open: its children have them from it. */
    thread->cover = 0;
    if (thread->slot == 0)
        perf_thread_remove(record->tid);
}

static void forward(const PerfRecord *record)
{
    switch (record->type) {
    case 0:
        perf_sums.damaged++;
        break;
    case PERF_RECORD_SAMPLE:
        forward_sample(&record->sample);
        break;
    case PERF_RECORD_LOST:
    case PERF_RECORD_LOST_SAMPLES:
        forward_lost(record->lost, record->time);
        break;
    case PERF_RECORD_THROTTLE:
        perf_sums.throttled++;
        break;
    case PERF_RECORD_FORK:
        forward_fork(record);
        break;
    case PERF_RECORD_EXIT:
        forward_exit(record);
        break;
    }
}

void perf_forward_period(u64 period_ns)
{
    for (u32 i = 0; i < REGION_SLOTS; i++) {
        Slot *slot = &hot.slots[i];
        if (!slot->by_pump || slot->unsettled == 0)
            continue;
        perf_forward_settle(slot);
        /* A ring that is full takes no settlement yet: what waits for it keeps its time. */
        slot->unsettled = slot->unsettled * event_period_ns / period_ns;
    }
    event_period_ns = period_ns;
}

/* Gives how full the fullest ring was. */
static u32 take_rings(u64 horizon)
{
    static PerfCursor cursors[PERF_MOST_CPUS];
    u64 fullest = 0;
    for (u32 i = 0; i < perf_events.cpus; i++) {
        struct perf_event_mmap_page *page = perf_events.buffers[i].map;
        PerfRing ring = {(const u8 *)page + REGION_PAGE, perf_events.ring_bytes - 1, 0, page->data_tail};
        ring.head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
        u64 waiting = ring.head - ring.tail;
        fullest = waiting > fullest ? waiting : fullest;
        cursors[i] = (PerfCursor){.ring = ring, .read = (u64 *)&page->data_tail};
    }
    u32 fill = perf_events.ring_bytes == 0 ? 0 : (u32)(fullest * 256 / perf_events.ring_bytes);
    losing = fill >= PERF_ALL_BUT_FULL;
    perf_merge(cursors, perf_events.cpus, horizon, copy, forward);
    return fill;
}

u32 perf_forward_round(void)
{
    u64 now = hot.clock(); /* before the rings' heads are read: see perf_merge.c */
    u32 fill = take_rings(now);
    perf_pending_flush(now - MOST_PENDING_NS, give_to_spare);
    settle_all(now);
    return fill;
}

void perf_forward_rest(void)
{
    take_rings(~UINT64_C(0));
    perf_forward_end();
}
