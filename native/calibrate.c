/*
 * What one sample costs its thread on this machine: interrupt, signal, handler, return. Measured by being sampled: the
 * calling thread reads the clock in a loop, and the gap around each sample is the cost.
 */
#include "slots.h"

#include "syscalls.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_SHOTS 256u
#define SPACING_NS 300000
#define PATIENCE_NS UINT64_C(1000000000)

static u64 median(u64 *values, u32 count)
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

static u32 measure(Slot *slot, u32 shots, u64 *gaps)
{
    u64 taken = 0;
    u32 count = 0;
    u64 before = clock_stopwatch();
    u64 deadline = before + PATIENCE_NS;
    while (count < shots && before < deadline) {
        u64 now = clock_stopwatch();
        u64 samples = __atomic_load_n(&slot->counts[COUNTER_SAMPLES], __ATOMIC_RELAXED);
        if (samples != taken) {
            /* The sample may have come after `now` was read: a further read has it in its gap in either case. */
            now = clock_stopwatch();
            taken = samples;
            gaps[count++] = now - before;
            __atomic_store_n(&slot->shared->tail, slot->shared->head, __ATOMIC_RELEASE);
        }
        before = now;
    }
    return count;
}

u64 calibrate_sample_cost(u32 shots)
{
    static RegionSlot shared;
    static RegionRecord ring[64];
    static u32 generation;
    Slot *slot = &hot.slots[REGION_SLOTS];
    u64 gaps[MAX_SHOTS];
    if (shots > MAX_SHOTS)
        shots = MAX_SHOTS;

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
    struct itimerspec when = {.it_value = {.tv_nsec = SPACING_NS}, .it_interval = {.tv_nsec = SPACING_NS}};
    syscall4(SYS_timer_settime, (long)slot->shot_timer, 0, (long)&when, 0);
    u32 count = measure(slot, shots, gaps);
    slot_disarm(REGION_SLOTS);
    return count < shots / 2 + 1 ? 0 : median(gaps, count);
}
