/*
 * Sampling in bursts: between two of them, and while a dump may be under way (quiet.h), no timer runs, and nothing
 * interrupts the thread. A slot that is paused and has no handler at work is the agent's whole, ring included, so that
 * it is the agent that writes what the thread used meanwhile.
 */
#include "slots.h"

u32 slot_pause(u32 index, u32 is_new, u32 gap_kind)
{
    Slot *slot = &hot.slots[index];
    if (slot->paused == PAUSED) {
        if (slot->gap_kind != gap_kind)
            slot_put_gap(slot, thread_cpu_ns(slot->tid));
        slot->gap_kind = gap_kind;
        return 1;
    }
    slot->gap_kind = gap_kind;
    __atomic_store_n(&slot->paused, PAUSE_ASKED, __ATOMIC_SEQ_CST);
    timer_set(slot->tick_timer, 0, 0);
    timer_set(slot->shot_timer, 0, 0);
    if (!slot_quiet(index))
        return 0;
    slot->shots_left = 0;
    slot->paused = PAUSED;
    i64 cpu = thread_cpu_ns(slot->tid);
    if (is_new || cpu < 0)
        return 1;
    slot->paused_cpu_ns = slot->seen_cpu_ns = (u64)cpu;
    slot->seen_ticks = hot.clock();
    __atomic_store_n(&slot->shared->cpu_ns, (u64)cpu, __ATOMIC_RELAXED);
    /* Without samples there is nothing to settle: the next one stands for this too. */
    RegionRecord record = {.ticks = slot->seen_ticks, .kind = RECORD_SETTLE, .value = (u64)cpu - slot->settled_cpu_ns};
    if (slot->unsettled != 0 && ring_put(slot, &record)) {
        slot->settled_cpu_ns = (u64)cpu;
        slot->unsettled = 0;
    }
    return 1;
}

u64 slot_put_gap(Slot *slot, i64 cpu_ns)
{
    u64 gap = (u64)cpu_ns - slot->paused_cpu_ns;
    RegionRecord record = {.ticks = hot.clock(), .kind = (u8)slot->gap_kind, .value = gap};
    if (slot->paused != PAUSED || cpu_ns < 0 || gap == 0 || gap >> 63 || !ring_put(slot, &record))
        return 0;
    slot->paused_cpu_ns = (u64)cpu_ns;
    slot->settled_cpu_ns += gap;
    return gap;
}

/* Whether the thread ran for most of the time since its CPU clock was last read. */
static u32 is_busy(const Slot *slot, u64 ticks, u64 cpu)
{
    u64 span = ticks - slot->seen_ticks;
    if (slot->seen_ticks == 0 || span >> 40) /* minutes: beyond the rate's arithmetic */
        return 0;
    return 2 * (cpu - slot->seen_cpu_ns) > span * hot.ns_per_tick >> RATE_SHIFT;
}

void slot_resume(u32 index, u64 tick_first_ns)
{
    Slot *slot = &hot.slots[index];
    if (slot->paused == PAUSED) {
        i64 cpu = thread_cpu_ns(slot->tid);
        u64 ticks = hot.clock();
        slot_put_gap(slot, cpu);
        if (cpu >= 0)
            __atomic_store_n(&slot->shared->cpu_ns, (u64)cpu, __ATOMIC_RELAXED);
        /* A busy thread need not wait for its tick, which may be half a short burst away. */
        if (slot->shot_period_ns != 0 && cpu >= 0 && is_busy(slot, ticks, (u64)cpu)) {
            slot->seen_ticks = ticks;
            slot->seen_cpu_ns = (u64)cpu;
            lease_grant(slot, ticks);
        }
    }
    __atomic_store_n(&slot->paused, 0, __ATOMIC_SEQ_CST);
    timer_arm(slot->tick_timer, tick_first_ns, slot->tick_period_ns);
}

void slot_end_pause(u32 index, i64 cpu_ns)
{
    Slot *slot = &hot.slots[index];
    slot_put_gap(slot, cpu_ns);
    slot->paused = 0;
}
