/* Threads by id: open addressing with linear probing, entries moved up when one is removed. */
#include "perf.h"

#include <string.h>

#define ENTRIES 32768u
#define MOST_USED PERF_MOST_THREADS /* three quarters */

static PerfThread threads[ENTRIES];
static u32 used;

static u32 home(u32 tid)
{
    return tid * 2654435761u >> 17; /* Knuth's multiplicative hash; 15 bits */
}

void perf_threads_clear(void)
{
    memset(threads, 0, sizeof threads);
    used = 0;
}

static PerfThread *place(u32 tid)
{
    u32 at = home(tid);
    while (threads[at].tid != 0 && threads[at].tid != tid)
        at = (at + 1) % ENTRIES;
    return &threads[at];
}

PerfThread *perf_thread_find(u32 tid)
{
    PerfThread *thread = place(tid);
    return thread->tid != 0 ? thread : 0;
}

PerfThread *perf_thread_add(u32 tid)
{
    PerfThread *thread = place(tid);
    if (thread->tid == tid)
        return thread;
    if (used == MOST_USED || tid == 0)
        return 0;
    used++;
    thread->tid = tid;
    return thread;
}

void perf_thread_remove(u32 tid)
{
    PerfThread *thread = place(tid);
    if (thread->tid == 0)
        return;
    used--;
    u32 hole = (u32)(thread - threads);
    for (u32 at = (hole + 1) % ENTRIES; threads[at].tid != 0; at = (at + 1) % ENTRIES) {
        /* An entry may move up unless its home lies between the hole and itself. */
        if ((at - home(threads[at].tid)) % ENTRIES >= (at - hole) % ENTRIES) {
            threads[hole] = threads[at];
            hole = at;
        }
    }
    memset(&threads[hole], 0, sizeof threads[hole]);
}

u32 perf_threads_list(u32 *tids)
{
    u32 count = 0;
    for (u32 i = 0; i < ENTRIES; i++)
        if (threads[i].tid != 0)
            tids[count++] = threads[i].tid;
    return count;
}
