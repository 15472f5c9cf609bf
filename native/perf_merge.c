/*
 * The records of all CPUs' rings in the order of their times.
 *
 * A thread that moves has samples in several rings. Were these read one after the other, its later samples could be
 * taken before its earlier ones, and so could a thread's samples before the FORK record that announces it. So what is
 * read in a round ends at a horizon, a time read before the first ring's head: the kernel has written a thread's earlier
 * record before the thread moved on to take the later one, so whatever is earlier than a record of before the horizon is
 * in sight too.
 */
#include "perf.h"

/* Later than the horizon by more than this is no time. */
#define FAR_AHEAD_NS UINT64_C(1000000000)

static int look_ahead(PerfCursor *cursor, u64 horizon)
{
    if (!perf_next_time(&cursor->ring, &cursor->time))
        return 0;
    /* A record that makes no sense must not hold its ring up. */
    if (cursor->time > horizon && cursor->time - horizon > FAR_AHEAD_NS)
        cursor->time = 0;
    return cursor->time < horizon;
}

void perf_merge(PerfCursor *cursors, u32 count, u64 horizon, u8 *copy, PerfTake take)
{
    for (u32 i = 0; i < count; i++)
        cursors[i].open = look_ahead(&cursors[i], horizon);
    for (;;) {
        PerfCursor *earliest = 0;
        u64 next = horizon; /* the earliest of the other rings' */
        for (u32 i = 0; i < count; i++) {
            PerfCursor *cursor = &cursors[i];
            if (!cursor->open)
                continue;
            if (!earliest || cursor->time < earliest->time) {
                next = earliest ? earliest->time : horizon;
                earliest = cursor;
            } else if (cursor->time < next) {
                next = cursor->time;
            }
        }
        if (!earliest)
            return;
        do {
            PerfRecord record;
            perf_next(&earliest->ring, copy, &record);
            take(&record);
            /* Room for the kernel as soon as there is some. */
            __atomic_store_n(earliest->read, earliest->ring.tail, __ATOMIC_RELEASE);
            earliest->open = look_ahead(earliest, horizon);
        } while (earliest->open && earliest->time <= next);
    }
}
