/* The handler under real timers, on threads that work, block, and do both. */
#include "check_bench.h"

#include "syscalls.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define SENTINEL 4711
#define TICK UINT64_C(3000000)

typedef struct Worker {
    Bench bench;
    atomic_uint tid;
    atomic_uint stop;
    atomic_uint interrupted; /* calls that saw EINTR */
    atomic_uint blocking;
    int pipe[2];
    u64 root;
    u64 errno_changed;
} Worker;

/* Volatile on purpose: errno is read anew after every piece of work, wherever a signal fell. */
static __attribute__((noinline)) void spin(Worker *worker)
{
    volatile int *own_errno = &errno;
    *own_errno = SENTINEL;
    while (!worker->stop)
        if (*own_errno != SENTINEL)
            worker->errno_changed++;
}

static __attribute__((noinline)) void *busy(void *argument)
{
    Worker *worker = argument;
    worker->root = (u64)__builtin_return_address(0);
    bench_own_stack(worker->bench.index);
    worker->tid = (u32)gettid();
    spin(worker);
    __asm__ volatile("");
    return 0;
}

static void start(Worker *worker, pthread_t *thread, void *(*body)(void *))
{
    CHECK(pthread_create(thread, 0, body, worker) == 0, "no thread");
    AWAIT(worker->tid);
    worker->bench.tid = worker->tid;
}

/* slot_arm forgets the stack: the agent passes its bounds in, this bench sets them again. */
static void arm_with_stack(Worker *worker)
{
    u64 low = hot.slots[worker->bench.index].stack_low, high = hot.slots[worker->bench.index].stack_high;
    bench_arm(&worker->bench);
    slot_set_stack(worker->bench.index, low, high);
}

static void check_chain(u32 id, u64 root)
{
    CHECK(id != 0, "a busy thread's sample has no callers");
    u64 offset = (u64)id * REGION_CHAIN_UNIT;
    CHECK(offset < slots_chains_used(), "chain %u lies outside the store", id);
    const RegionChain *chain = (const RegionChain *)(hot.chains->arena + offset);
    CHECK(chain->depth >= 1 && chain->depth <= REGION_MAX_DEPTH, "depth %u", chain->depth);
    const u64 *returns = (const u64 *)(chain + 1);
    CHECK(returns[chain->depth - 1] == root, "the outermost caller is not the thread's root");
}

int scenario_samples(void)
{
    enum { THREADS = 2, WANTED = 60 };
    static Worker workers[THREADS];
    pthread_t threads[THREADS];
    bench_start(clock_stopwatch);
    for (u32 i = 0; i < THREADS; i++) {
        workers[i].bench = (Bench){.index = i, .ring_records = 4096, .tick_period_ns = TICK, .shot_period_ns = 200000};
        start(&workers[i], &threads[i], busy);
        hot.thread_root_return = workers[i].root;
    }
    u64 before = clock_stopwatch();
    for (u32 i = 0; i < THREADS; i++)
        arm_with_stack(&workers[i]);
    for (u32 i = 0; i < THREADS; i++)
        AWAIT(bench_count(i, COUNTER_SAMPLES) >= WANTED);
    for (u32 i = 0; i < THREADS; i++)
        bench_disarm(&workers[i].bench);
    u64 after = clock_stopwatch();

    for (u32 i = 0; i < THREADS; i++) {
        u64 last = before, stacks = 0, settled = 0, head = bench_slot(i)->head < 4096 ? bench_slot(i)->head : 4096;
        for (u64 at = 0; at < head; at++) {
            const RegionRecord *record = bench_record(&workers[i].bench, at);
            CHECK(record->kind >= RECORD_SHOT && record->kind <= RECORD_SETTLE, "kind %u", record->kind);
            CHECK(record->ticks >= last && record->ticks <= after, "time went backwards");
            last = record->ticks;
            settled += record->kind == RECORD_SHOT ? 0 : record->value;
            if (record->kind == RECORD_SETTLE)
                continue;
            stacks++;
            CHECK(record->stop == STOP_ROOT, "stop %u", record->stop);
            check_chain(record->chain, workers[i].root);
        }
        CHECK(stacks >= WANTED, "%lu stacks", stacks);
        CHECK(settled > 0 && settled <= (u64)thread_cpu_ns(workers[i].bench.tid), "settled %lu ns", settled);
        CHECK(workers[i].errno_changed == 0, "errno changed under the thread");
        workers[i].stop = 1;
        pthread_join(threads[i], 0);
    }
    return 0;
}

static u32 timers_of_process(void)
{
    FILE *file = fopen("/proc/self/timers", "r");
    if (!file)
        return 0; /* a kernel without CONFIG_CHECKPOINT_RESTORE does not tell */
    char line[256];
    u32 count = 0;
    while (fgets(line, sizeof line, file))
        count += strncmp(line, "ID:", 3) == 0;
    fclose(file);
    return count;
}

int scenario_restart(void)
{
    static Worker worker = {.bench = {.index = 7, .ring_records = 64, .tick_period_ns = TICK, .shot_period_ns = 100000}};
    pthread_t thread;
    bench_start(clock_stopwatch);
    start(&worker, &thread, busy);
    u64 head = 0;
    for (int session = 0; session < 100; session++) {
        slots_reset_chains();
        CHECK(slots_install((u32)SIGRTMIN) == (u32)SIGRTMIN, "session %d", session);
        arm_with_stack(&worker);
        /* Every tenth session is stopped before it has sampled anything. */
        if (session % 10 != 0)
            AWAIT(bench_count(7, COUNTER_SAMPLES) >= 1);
        bench_disarm(&worker.bench);
        CHECK(timers_of_process() == 0, "%u timers are left", timers_of_process());
        CHECK(bench_slot(7)->head >= head, "session %d took records back", session);
        head = bench_slot(7)->head;
        bench_slot(7)->tail = head;
        usleep(200);
        CHECK(bench_slot(7)->head == head, "session %d samples after its end", session);
    }
    CHECK(worker.errno_changed == 0 && seen.calls == 0, "a trace was left");
    worker.stop = 1;
    pthread_join(thread, 0);
    return 0;
}

static int lease_is_out(u32 index)
{
    struct itimerspec left;
    if (syscall4(SYS_timer_gettime, (long)hot.slots[index].shot_timer, (long)&left, 0, 0) != 0)
        return 0;
    return left.it_interval.tv_nsec != 0 || left.it_interval.tv_sec != 0;
}

/* Asleep in the kernel: it uses no CPU time, so no tick comes to lease it shots again. */
static int is_asleep(u32 tid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%u/stat", tid);
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = 0;
    const char *name_end = strrchr(text, ')');
    return name_end && name_end[1] && name_end[2] == 'S';
}

/* Works until it is leased shots, then waits in poll, which no SA_RESTART restarts. */
static void *busy_then_poll(void *argument)
{
    Worker *worker = argument;
    bench_own_stack(worker->bench.index);
    worker->tid = (u32)gettid();
    while (bench_count(worker->bench.index, COUNTER_SAMPLES) < 5)
        ;
    worker->blocking = 1;
    struct pollfd wait = {.fd = worker->pipe[0], .events = POLLIN};
    while (poll(&wait, 1, -1) != 1)
        worker->interrupted++;
    return 0;
}

int scenario_lease_returned(void)
{
    static Worker worker = {.bench = {.index = 0, .ring_records = 4096, .tick_period_ns = TICK, .shot_period_ns = 100000}};
    pthread_t thread;
    bench_start(clock_stopwatch);
    CHECK(pipe(worker.pipe) == 0, "no pipe");
    start(&worker, &thread, busy_then_poll);
    arm_with_stack(&worker);
    AWAIT(worker.blocking);
    AWAIT(!lease_is_out(0) && is_asleep(worker.tid) && !lease_is_out(0));
    u64 wakeups = bench_count(0, COUNTER_SYSCALL_WAKEUPS);
    u64 head = bench_slot(0)->head;
    usleep(30000);
    CHECK(bench_slot(0)->head == head && bench_count(0, COUNTER_SYSCALL_WAKEUPS) == wakeups, "a blocked thread is sampled");
    CHECK(write(worker.pipe[1], "x", 1) == 1, "pipe");
    pthread_join(thread, 0);
    CHECK(worker.interrupted <= wakeups, "%u calls were interrupted, %lu counted", worker.interrupted, wakeups);
    return 0;
}

/* Works until it has shots to come, then reads: a call that SA_RESTART must carry over the signal. */
static void *busy_then_read(void *argument)
{
    Worker *worker = argument;
    u32 index = worker->bench.index;
    bench_own_stack(index);
    worker->tid = (u32)gettid();
    while (!worker->stop) {
        u64 samples = bench_count(index, COUNTER_SAMPLES);
        while (bench_count(index, COUNTER_SAMPLES) < samples + 3)
            ;
        char byte;
        worker->blocking = 1;
        if (read(worker->pipe[0], &byte, 1) != 1)
            worker->interrupted++;
    }
    return 0;
}

int scenario_restarted_call(void)
{
    static Worker worker = {.bench = {.index = 0, .ring_records = 1024, .tick_period_ns = TICK, .shot_period_ns = 100000}};
    pthread_t thread;
    bench_start(clock_stopwatch);
    CHECK(pipe(worker.pipe) == 0, "no pipe");
    start(&worker, &thread, busy_then_read);
    arm_with_stack(&worker);
    for (int round = 0; round < 100 && bench_count(0, COUNTER_SYSCALL_WAKEUPS) < 5; round++) {
        AWAIT(worker.blocking);
        AWAIT(!lease_is_out(0));
        bench_slot(0)->tail = bench_slot(0)->head;
        worker.blocking = 0;
        if (bench_count(0, COUNTER_SYSCALL_WAKEUPS) >= 5)
            worker.stop = 1;
        CHECK(write(worker.pipe[1], "x", 1) == 1, "pipe");
    }
    worker.stop = 1;
    CHECK(write(worker.pipe[1], "x", 1) == 1, "pipe");
    AWAIT(bench_count(0, COUNTER_SYSCALL_WAKEUPS) > 0);
    slot_disarm(0);
    CHECK(worker.interrupted == 0, "%u reads saw EINTR", worker.interrupted);
    return 0;
}

static u64 taken_late(void *context)
{
    u64 *calls = context;
    if (++*calls <= 2)
        usleep(700000); /* as if others had the core */
    return *calls;
}

static u64 taken_never(void *context)
{
    (void)context;
    return 1;
}

int scenario_calibrate_starved(void)
{
    u64 gaps[8], calls = 0;
    u32 count = measure_gaps(taken_late, &calls, 8, gaps);
    CHECK(count == 8, "%u of 8 were waited for", count);
    CHECK(measure_gaps(taken_never, 0, 8, gaps) == 0, "something came");
    return 0;
}

int scenario_calibrate(void)
{
    bench_start(clock_stopwatch);
    u64 cost = calibrate_sample_cost(32);
    u64 again = calibrate_sample_cost(1000);
    CHECK(cost != 0 && again != 0, "no cost was measured");
    CHECK(timers_of_process() == 0, "a timer is left");
    CHECK(slots_late_signals() <= 2 && seen.calls == 0, "signals went astray");
    return 0;
}
