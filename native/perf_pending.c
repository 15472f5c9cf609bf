/* Samples that wait for their thread to get a slot, in the order they came. */
#include "perf.h"

#define CAPACITY 8192u

typedef struct Waiting {
    RegionRecord record;
    u32 tid; /* 0: was taken */
} Waiting;

static Waiting waiting[CAPACITY];
static u64 first;
static u64 end;

static void give_one(Waiting *entry, PerfGive give)
{
    PerfThread *thread = perf_thread_find(entry->tid);
    if (thread && thread->pending != 0)
        thread->pending--;
    if (entry->tid != 0)
        give(entry->tid, &entry->record);
    entry->tid = 0;
}

void perf_pending_add(u32 tid, const RegionRecord *record, PerfGive give)
{
    if (end - first == CAPACITY)
        give_one(&waiting[first++ % CAPACITY], give);
    waiting[end++ % CAPACITY] = (Waiting){*record, tid};
    PerfThread *thread = perf_thread_find(tid);
    if (thread)
        thread->pending++;
}

void perf_pending_take(u32 tid, PerfGive give)
{
    PerfThread *thread = perf_thread_find(tid);
    if (!thread || thread->pending == 0)
        return;
    for (u64 i = first; i < end; i++)
        if (waiting[i % CAPACITY].tid == tid)
            give_one(&waiting[i % CAPACITY], give);
}

void perf_pending_flush(u64 before, PerfGive give)
{
    for (; first < end && waiting[first % CAPACITY].record.ticks < before; first++)
        give_one(&waiting[first % CAPACITY], give);
}

void perf_pending_forget(void)
{
    first = end;
}
