/* The perf engine's face to the agent's thread, and the pump. */
#include "perf.h"

#include "syscalls.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_NAP_NS UINT64_C(20000000)
#define SHORTEST_NAP_NS UINT64_C(1000000)
#define BUSY_FILL 64u /* of 256 */
#define COUNT_INTERVAL_NS UINT64_C(1000000000)
#define PUMP_STACK (512u << 10)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static u32 running; /* futex: the pump sleeps on it while 0 */
static u32 pump_tid;
static u64 period_ns;
static u64 counted_ns;
static u64 next_count;

/* Under the mutex: with the kernel's time excluded, what the events have counted beyond the samples is that time. */
static void count_now_and_then(void)
{
    u64 now = clock_stopwatch();
    if (!perf_events.kernel_excluded || now < next_count)
        return;
    counted_ns = perf_events_count();
    next_count = now + COUNT_INTERVAL_NS;
}

static void nap(u64 ns)
{
    struct timespec timeout = {.tv_nsec = (long)ns};
    syscall6(SYS_futex, (long)&running, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, ns == 0 ? 0 : 1, ns == 0 ? 0 : (long)&timeout, 0, 0);
}

/*
 * Short turns, which the scheduler lets a thread have sooner (since Linux 6.12; before, it is ignored): among hundreds of
 * busy threads the rings would fill up while the pump waits.
 */
static void ask_for_short_turns(void)
{
    struct {
        u32 size;
        u32 policy;
        u64 flags;
        i32 nice;
        u32 priority;
        u64 runtime_ns;
        u64 deadline_ns;
        u64 period_ns;
    } attributes;
    if (syscall4(SYS_sched_getattr, 0, (long)&attributes, sizeof attributes, 0) != 0)
        return;
    attributes.runtime_ns = 100000;
    syscall4(SYS_sched_setattr, 0, (long)&attributes, 0, 0);
}

static void *pump(void *unused)
{
    (void)unused;
    ask_for_short_turns();
    u64 interval = SHORTEST_NAP_NS;
    __atomic_store_n(&pump_tid, (u32)gettid(), __ATOMIC_RELEASE);
    for (;;) {
        if (!__atomic_load_n(&running, __ATOMIC_ACQUIRE)) {
            nap(0);
            continue;
        }
        pthread_mutex_lock(&mutex);
        u32 fill = 0;
        if (running) {
            fill = perf_forward_round();
            count_now_and_then();
        }
        pthread_mutex_unlock(&mutex);
        interval = fill > BUSY_FILL ? interval / 2 : interval + interval / 8;
        interval = interval < SHORTEST_NAP_NS ? SHORTEST_NAP_NS : interval > LONGEST_NAP_NS ? LONGEST_NAP_NS : interval;
        nap(interval);
    }
    return 0;
}

/* Once, and for ever: a library of ours is never unloaded, and an idle pump costs nothing. */
static i64 start_pump(void)
{
    static u32 started;
    if (started)
        return 0;
    sigset_t blocked, before;
    pthread_attr_t attributes;
    pthread_t thread;
    sigfillset(&blocked);
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, PUMP_STACK);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int error = pthread_create(&thread, &attributes, pump, 0);
    pthread_sigmask(SIG_SETMASK, &before, 0);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        return -error;
    started = 1;
    pthread_setname_np(thread, "dotnet-pprof:p");
    while (__atomic_load_n(&pump_tid, __ATOMIC_ACQUIRE) == 0)
        usleep(100);
    return 0;
}

i64 perf_start(const PerfSetup *setup, const SlotSetup *spare)
{
    i64 error = start_pump();
    if (error != 0)
        return error;
    pthread_mutex_lock(&mutex);
    error = perf_events_open(setup->period_ns, setup->descriptors);
    if (error == 0) {
        perf_threads_clear();
        slot_prepare(spare);
        hot.slots[spare->index].by_pump = 1;
        perf_forward_begin(setup->period_ns, spare->index);
        period_ns = setup->period_ns;
        counted_ns = 0;
        next_count = 0;
        __atomic_store_n(&running, 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&mutex);
    if (error == 0)
        syscall6(SYS_futex, (long)&running, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
    return error;
}

static i64 cover(u32 tid, PerfThread **found)
{
    if (!running)
        return -ESRCH;
    /* What the kernel has said so far may be that this thread has inherited. */
    perf_forward_round();
    PerfThread *thread = perf_thread_add(tid);
    if (!thread)
        return -ENOMEM;
    *found = thread;
    if (thread->cover != 0 || thread->inherited)
        return 0;
    i64 opened = perf_events_cover(tid);
    if (opened < 0) {
        if (thread->slot == 0)
            perf_thread_remove(tid);
        return opened;
    }
    thread->cover = (u32)opened;
    thread->since = clock_stopwatch();
    return 0;
}

i64 perf_cover(u32 tid)
{
    PerfThread *thread;
    pthread_mutex_lock(&mutex);
    i64 error = cover(tid, &thread);
    pthread_mutex_unlock(&mutex);
    return error;
}

static void take_slot(const SlotSetup *setup, PerfThread *thread)
{
    slot_prepare(setup);
    hot.slots[setup->index].by_pump = 1;
    /* That much of its CPU time has been accounted for. */
    hot.slots[setup->index].shared->cpu_start_ns += thread->spare_ns;
    hot.slots[setup->index].settled_cpu_ns += thread->spare_ns;
    thread->spare_ns = 0;
    thread->slot = setup->index + 1;
    thread->slot_since = clock_stopwatch();
    perf_forward_slot(thread);
}

i64 perf_open(const SlotSetup *setup)
{
    PerfThread *thread;
    pthread_mutex_lock(&mutex);
    i64 error = cover(setup->tid, &thread);
    if (error == 0)
        take_slot(setup, thread);
    pthread_mutex_unlock(&mutex);
    return error;
}

i64 perf_close(u32 index, u32 tid, i64 cpu_ns)
{
    pthread_mutex_lock(&mutex);
    if (running)
        perf_forward_round();
    PerfThread *thread = perf_thread_find(tid);
    if (thread && thread->slot == index + 1) {
        thread->slot = 0;
        if (thread->cover == 0 && !thread->inherited)
            perf_thread_remove(tid);
    }
    Slot *slot = &hot.slots[index];
    perf_forward_settle(slot);
    slot->by_pump = 0;
    /* Each CPU's event may have been short of its period. Where the kernel is left out, what is left over is its. */
    i64 least = perf_events.kernel_excluded ? 0 : (i64)(period_ns * perf_events.cpus);
    i64 left = cpu_ns - (i64)slot->settled_cpu_ns;
    left = left < 0 ? 0 : left < least ? left : least;
    i64 result = cpu_ns < 0 ? -1 : (i64)(slot->shared->cpu_start_ns + slot->seen_cpu_ns) + left;
    pthread_mutex_unlock(&mutex);
    return result;
}

void perf_flush(void)
{
    pthread_mutex_lock(&mutex);
    if (running)
        perf_forward_end();
    pthread_mutex_unlock(&mutex);
}

void perf_silence(void)
{
    pthread_mutex_lock(&mutex);
    if (running) {
        perf_events_disable();
        perf_forward_round();
        perf_forward_end();
        counted_ns = perf_events_count();
    }
    pthread_mutex_unlock(&mutex);
}

void perf_stop(void)
{
    pthread_mutex_lock(&mutex);
    if (running)
        perf_events_close();
    __atomic_store_n(&running, 0, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&mutex);
}

void perf_status(PerfStatus *status)
{
    pthread_mutex_lock(&mutex);
    *status = (PerfStatus){
        .lost = perf_sums.lost,
        .throttled = perf_sums.throttled,
        .slotless = perf_sums.slotless,
        .damaged = perf_sums.damaged,
        .sampled_ns = perf_sums.sampled_ns,
        .counted_ns = counted_ns,
        .kernel_excluded = perf_events.kernel_excluded,
        .stack_bytes = perf_events.stack_bytes,
        .ring_bytes = perf_events.ring_bytes,
        .cpus = perf_events.cpus,
        .pump_tid = __atomic_load_n(&pump_tid, __ATOMIC_ACQUIRE),
    };
    pthread_mutex_unlock(&mutex);
}
