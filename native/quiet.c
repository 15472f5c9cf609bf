#include "quiet.h"

#include "events.h"
#include "syscalls.h"

#include <errno.h>
#include <pthread.h>

#define FORKS 16u
#define SPARED 16u
#define NANOS_PER_MS 1000000u
#define TID_BITS 22 /* the kernel's PID_MAX_LIMIT */

static struct {
    u32 number; /* 0: being written */
    u32 tid;
    u64 since_ns;
    u32 is_made; /* the child is there, or could not be made */
    u32 was_armed;
} forks[FORKS];

/* The thread in the low bits, 0 for any; above, the millisecond until which its forks raise none. The first is for all. */
static u64 spared[SPARED];
static u32 next_spared;

/* In a forked child timers of these ids may be its own. */
static u32 is_child;

static u32 is_spared(u32 tid, u64 now_ns)
{
    for (u32 i = 0; i < SPARED; i++) {
        u64 entry = __atomic_load_n(&spared[i], __ATOMIC_RELAXED);
        u32 whose = (u32)entry & ((1u << TID_BITS) - 1);
        if ((whose == 0 || whose == tid) && now_ns / NANOS_PER_MS < entry >> TID_BITS)
            return 1;
    }
    return 0;
}

static u32 stop_timer(const i64 *timer)
{
    i64 id = __atomic_load_n(timer, __ATOMIC_RELAXED);
    if (id < 0)
        return 0;
    timer_set(id, 0, 0);
    return 1;
}

static u32 stop_timers(const Slot *slot)
{
    return stop_timer(&slot->tick_timer) | stop_timer(&slot->shot_timer);
}

/* Perhaps in a signal handler, on its small stack, in a process that is about to crash: no locks, no memory, little stack. */
static void before_fork(void)
{
    int saved_errno = errno;
    u32 tid = (u32)syscall4(SYS_gettid, 0, 0, 0, 0);
    u64 now = clock_stopwatch();
    if (!is_child && !is_spared(tid, now)) {
        u32 number = __atomic_add_fetch(&hot.quiet_raised, 1, __ATOMIC_SEQ_CST);
        u32 at = number % FORKS;
        __atomic_store_n(&forks[at].number, 0, __ATOMIC_SEQ_CST);
        forks[at].tid = tid;
        forks[at].since_ns = now;
        forks[at].is_made = 0;
        u32 used = __atomic_load_n(&hot.slots_armed, __ATOMIC_ACQUIRE);
        u32 armed = stop_timers(&hot.slots[REGION_SLOTS]); /* the agent's own, by which it calibrates */
        for (u32 i = 0; i < used; i++)
            armed |= stop_timers(&hot.slots[i]);
        forks[at].was_armed = armed;
        __atomic_store_n(&forks[at].number, number, __ATOMIC_RELEASE);
    }
    errno = saved_errno;
}

static void after_fork(void)
{
    int saved_errno = errno;
    u32 tid = (u32)syscall4(SYS_gettid, 0, 0, 0, 0);
    u32 wakes = 0;
    for (u32 i = 0; i < FORKS; i++) {
        if (__atomic_load_n(&forks[i].number, __ATOMIC_ACQUIRE) == 0 || forks[i].tid != tid || forks[i].is_made)
            continue;
        wakes |= forks[i].was_armed;
        __atomic_store_n(&forks[i].is_made, 1, __ATOMIC_RELEASE);
    }
    /* Asleep, the agent looks when it is next asked for samples. */
    if (wakes)
        events_ring();
    errno = saved_errno;
}

static void in_child(void)
{
    is_child = 1;
}

void quiet_watch_forks(void)
{
    static u32 registered;
    if (!registered)
        pthread_atfork(before_fork, after_fork, in_child);
    registered = 1;
}

u32 quiet_raised(void)
{
    return __atomic_load_n(&hot.quiet_raised, __ATOMIC_SEQ_CST);
}

u32 quiet_lifted(void)
{
    return __atomic_load_n(&hot.quiet_lifted, __ATOMIC_RELAXED);
}

u32 quiet_fork(u32 number, u32 *tid, u64 *since_ns, u32 *is_made)
{
    u32 at = number % FORKS;
    u32 found = __atomic_load_n(&forks[at].number, __ATOMIC_ACQUIRE);
    *tid = 0;
    *since_ns = 0;
    *is_made = 0;
    if (found == number) {
        *tid = forks[at].tid;
        *since_ns = forks[at].since_ns;
        *is_made = __atomic_load_n(&forks[at].is_made, __ATOMIC_ACQUIRE);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        found = __atomic_load_n(&forks[at].number, __ATOMIC_RELAXED);
        if (found != number)
            *tid = 0;
    }
    return quiet_raised() - number < FORKS;
}

void quiet_lift(u32 number)
{
    __atomic_store_n(&hot.quiet_lifted, number, __ATOMIC_SEQ_CST);
}

void quiet_spare(u32 tid, u64 until_ns)
{
    u64 entry = until_ns / NANOS_PER_MS << TID_BITS | tid;
    u32 at = tid == 0 ? 0 : 1 + next_spared++ % (SPARED - 1);
    __atomic_store_n(&spared[at], entry, __ATOMIC_RELAXED);
}
