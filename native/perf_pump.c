/* The pump: the thread that reads the kernel's rings, and runs errands for the agent's thread. */
#include "perf.h"

#include "sandbox.h"
#include "syscalls.h"

#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_NAP_NS UINT64_C(20000000)
#define SHORTEST_NAP_NS UINT64_C(1000000)
#define LATE_NAP_NS UINT64_C(999999999) /* for tests: the rings fill up meanwhile */
#define BUSY_FILL 64u /* of 256 */
#define PUMP_STACK (512u << 10)

/*
 * What the pump does for the agent's thread, which waits: all that takes, uses or gives back a file descriptor. Events'
 * descriptors are in a table of the pump's own. The application's has room for its own files then, its children get
 * none of ours, and the limit of descriptors is ours to use up.
 */
typedef struct Errand {
    i64 (*run)(const void *argument);
    const void *argument;
    i64 result;
    u32 done; /* futex: the pump stores 1 with release after the result */
} Errand;

static Errand *errand; /* the agent stores one with release, the pump takes it away with acquire */
static u32 bell;       /* futex: the pump sleeps on it */
static u32 pump_tid;
static i64 own_table; /* 0, or why the pump has no table of its own: a negative errno */

/* `forever`: until the bell rings. */
static void nap(u32 heard, u64 ns, int forever)
{
    struct timespec timeout = {.tv_nsec = (long)ns};
    syscall6(SYS_futex, (long)&bell, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, heard, forever ? 0 : (long)&timeout, 0, 0);
}

static void run_errand(void)
{
    Errand *given = __atomic_exchange_n(&errand, 0, __ATOMIC_ACQUIRE);
    if (!given)
        return;
    given->result = given->run(given->argument);
    __atomic_store_n(&given->done, 1, __ATOMIC_RELEASE);
    /* Gone by now, perhaps: its address is all that is used. */
    syscall6(SYS_futex, (long)&given->done, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
}

i64 perf_pump_run(i64 (*run)(const void *argument), const void *argument)
{
    Errand mine = {.run = run, .argument = argument};
    __atomic_store_n(&errand, &mine, __ATOMIC_RELEASE);
    __atomic_fetch_add(&bell, 1, __ATOMIC_RELEASE);
    syscall6(SYS_futex, (long)&bell, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
    while (!__atomic_load_n(&mine.done, __ATOMIC_ACQUIRE))
        syscall6(SYS_futex, (long)&mine.done, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, 0, 0, 0);
    return mine.result;
}

/*
 * Short turns, which the scheduler lets a thread have sooner (since Linux 6.12; before, it is ignored): among hundreds of
 * busy threads the rings would fill up while the pump waits.
 */
void perf_short_turns(void)
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
    if (sandbox_kills(SANDBOX_CALL_SCHED_SETATTR) || syscall4(SYS_sched_getattr, 0, (long)&attributes, sizeof attributes, 0) != 0)
        return;
    attributes.runtime_ns = 100000;
    syscall4(SYS_sched_setattr, 0, (long)&attributes, 0, 0);
}

static void *pump(void *unused)
{
    (void)unused;
    perf_short_turns();
    /* A table of its own, with nothing of the application's in it: a socket that the application closes is to be closed. */
    own_table = sandbox_kills(SANDBOX_CALL_CLOSE_RANGE) ? -SANDBOX_ERRNO : syscall4(SYS_close_range, 0, UINT_MAX, CLOSE_RANGE_UNSHARE, 0);
    u64 interval = SHORTEST_NAP_NS;
    __atomic_store_n(&pump_tid, (u32)gettid(), __ATOMIC_RELEASE);
    for (;;) {
        u32 heard = __atomic_load_n(&bell, __ATOMIC_ACQUIRE);
        run_errand();
        PerfTurn turn = perf_turn();
        interval = turn.fill > BUSY_FILL ? interval / 2 : interval + interval / 8;
        interval = interval < SHORTEST_NAP_NS ? SHORTEST_NAP_NS : interval > LONGEST_NAP_NS ? LONGEST_NAP_NS : interval;
        nap(heard, turn.is_late ? LATE_NAP_NS : interval, !turn.is_running);
    }
    return 0;
}

/* Once, and for ever: a library of ours is never unloaded, and an idle pump costs nothing. */
i64 perf_pump_start(void)
{
    static u32 started;
    if (started)
        return own_table;
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
    return own_table;
}

u32 perf_pump_tid(void)
{
    return __atomic_load_n(&pump_tid, __ATOMIC_ACQUIRE);
}
