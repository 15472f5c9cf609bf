#include "events.h"

#include "syscalls.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <time.h>

/*
 * A bounded queue with many producers (application threads in runtime callbacks) and one consumer (the agent's thread),
 * after D. Vyukov's bounded MPMC queue. Each cell's `turn` says whose it is: position n may be written when turn == n,
 * read when turn == n + 1. A producer claims a position by compare-and-swap on `write_at`, fills the cell, and hands it
 * over by a release store of `turn`, which pairs with the consumer's acquire load; the consumer gives the cell back by
 * a release store of turn = n + CELLS.
 */
#define CELLS 1024u

static struct {
    u64 turn;
    AgentEvent event;
} cells[CELLS];

static u64 write_at;
static u64 read_at; /* the consumer's */
static u64 lost;
static u64 unloads_lost;

static u32 no_region;
static u32 *doorbell = &no_region;

static void __attribute__((constructor)) number_cells(void)
{
    for (u64 i = 0; i < CELLS; i++)
        cells[i].turn = i;
}

void futex_wake_all(u32 *word)
{
    /* Not FUTEX_PRIVATE_FLAG: the other side is another process. */
    syscall6(SYS_futex, (long)word, FUTEX_WAKE, INT_MAX, 0, 0, 0);
}

void events_ring(void)
{
    u32 *word = __atomic_load_n(&doorbell, __ATOMIC_ACQUIRE);
    __atomic_fetch_add(word, 1, __ATOMIC_RELEASE);
    futex_wake_all(word);
}

void events_put(const AgentEvent *event)
{
    u64 at = __atomic_load_n(&write_at, __ATOMIC_RELAXED);
    for (;;) {
        u64 turn = __atomic_load_n(&cells[at % CELLS].turn, __ATOMIC_ACQUIRE);
        if (turn == at) {
            if (__atomic_compare_exchange_n(&write_at, &at, at + 1, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                break;
        } else if (turn < at) {
            __atomic_fetch_add(&lost, 1, __ATOMIC_RELAXED);
            if (event->kind == EVENT_METHOD_UNLOADED || event->kind == EVENT_MODULE_UNLOADED)
                __atomic_fetch_add(&unloads_lost, 1, __ATOMIC_RELAXED);
            return;
        } else {
            at = __atomic_load_n(&write_at, __ATOMIC_RELAXED);
        }
    }
    cells[at % CELLS].event = *event;
    __atomic_store_n(&cells[at % CELLS].turn, at + 1, __ATOMIC_RELEASE);
    events_ring();
}

u32 events_take(AgentEvent *event)
{
    if (__atomic_load_n(&cells[read_at % CELLS].turn, __ATOMIC_ACQUIRE) != read_at + 1)
        return 0;
    *event = cells[read_at % CELLS].event;
    __atomic_store_n(&cells[read_at % CELLS].turn, read_at + CELLS, __ATOMIC_RELEASE);
    read_at++;
    return 1;
}

u64 events_lost(void)
{
    return __atomic_load_n(&lost, __ATOMIC_RELAXED);
}

u64 events_unloads_lost(void)
{
    return __atomic_load_n(&unloads_lost, __ATOMIC_RELAXED);
}

/* A forked child has neither the region nor the agent's thread, and may go on without exec. */
static void leave_region(void)
{
    __atomic_store_n(&doorbell, &no_region, __ATOMIC_RELEASE);
}

void events_set_doorbell(u32 *word)
{
    static u32 registered;
    if (!registered)
        pthread_atfork(0, 0, leave_region);
    registered = 1;
    __atomic_store_n(&doorbell, word, __ATOMIC_RELEASE);
}

u32 events_wait(u32 seen, i64 timeout_ms)
{
    u32 *word = __atomic_load_n(&doorbell, __ATOMIC_ACQUIRE);
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000};
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == seen)
        syscall6(SYS_futex, (long)word, FUTEX_WAIT, seen, timeout_ms < 0 ? 0 : (long)&timeout, 0, 0);
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
