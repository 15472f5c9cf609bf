/*
 * What one sample costs its thread on this machine: interrupt, signal, handler, return. Measured by being sampled: the
 * calling thread reads the clock in a loop, and the gap around each sample is the cost.
 */
#include "slots.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define SPACING_NS 300000
#define PATIENCE_NS UINT64_C(1000000000)

/* A thread that gets no core sees nothing come: on a crowded machine it waits longer, until it has run for so long. */
#define RAN_ENOUGH_NS UINT64_C(100000000)
#define LONGEST_NS (4 * PATIENCE_NS) /* two of these are less than a collector waits */

u64 median(u64 *values, u32 count)
{
    for (u32 i = 1; i < count; i++) {
        u64 value = values[i];
        u32 at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
    return values[count / 2];
}

u32 measure_gaps(u64 (*taken)(void *context), void *context, u32 shots, u64 *gaps)
{
    u64 seen = taken(context);
    u32 count = 0;
    u64 ran = clock_own_thread_cpu();
    u64 began = clock_stopwatch();
    u64 before = began;
    u64 deadline = began + PATIENCE_NS;
    while (count < shots) {
        if (before >= deadline) {
            if (before - began >= LONGEST_NS || clock_own_thread_cpu() - ran >= RAN_ENOUGH_NS)
                break;
            deadline = before + PATIENCE_NS;
        }
        u64 now = clock_stopwatch();
        u64 samples = taken(context);
        if (samples == NO_MORE)
            break;
        if (samples != seen) {
            /* The sample may have come after `now` was read: a further read has it in its gap in either case. */
            now = clock_stopwatch();
            seen = samples;
            gaps[count++] = now - before;
        }
        before = now;
    }
    return count;
}

static u64 taken_by_handler(void *context)
{
    Slot *slot = context;
    if (is_quiet())
        return NO_MORE;
    __atomic_store_n(&slot->shared->tail, slot->shared->head, __ATOMIC_RELEASE);
    return __atomic_load_n(&slot->counts[COUNTER_SAMPLES], __ATOMIC_RELAXED);
}

u64 calibrate_sample_cost(u32 shots)
{
    static RegionSlot shared;
    static RegionRecord ring[64];
    static u32 generation;
    Slot *slot = &hot.slots[REGION_SLOTS];
    u64 gaps[MOST_GAPS];
    if (shots > MOST_GAPS)
        shots = MOST_GAPS;

    memset(&shared, 0, sizeof shared);
    u64 cookie = cookie_make(REGION_SLOTS, ++generation);
    slot->shared = &shared;
    slot->ring = ring;
    slot->mask = sizeof ring / sizeof *ring - 1;
    slot->head = slot->lost = 0;
    slot->shots_left = shots + 2;
    slot->shot_period_ns = SPACING_NS;
    slot->due = UINT64_MAX / 2 + hot.clock(); /* never late */
    slot->stack_low = (u64)__builtin_frame_address(0) - (64u << 10);
    slot->stack_high = (u64)__builtin_thread_pointer();
    memset(slot->counts, 0, sizeof slot->counts);
    slot->shot_timer = create_timer(CLOCK_MONOTONIC, (u32)gettid(), cookie | COOKIE_SHOT);
    if (slot->shot_timer < 0)
        return 0;
    __atomic_store_n(&slot->cookie, cookie, __ATOMIC_SEQ_CST);
    timer_arm(slot->shot_timer, SPACING_NS, SPACING_NS);
    u32 count = measure_gaps(taken_by_handler, slot, shots, gaps);
    slot_disarm(REGION_SLOTS);
    return count < shots / 2 + 1 ? 0 : median(gaps, count);
}
