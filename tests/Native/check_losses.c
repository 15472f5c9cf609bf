/* Expiries that are no samples of their own: what becomes of them, under real timers. */
#include "check_bench.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define TICK UINT64_C(3000000)
#define SHOT UINT64_C(200000)
#define RECORDS 65536u

typedef struct Sampled {
    Bench bench;
    atomic_uint tid;
    atomic_uint masked; /* its stretch without signals is over */
    atomic_uint stop;
} Sampled;

/* Samples, the periods they stand for, and settled CPU time, by the records. */
typedef struct Sums {
    u64 stacks;
    u64 shots;
    u64 periods;
    u64 most_periods;
    u64 settled;
} Sums;

static Sums sum_records(const Bench *bench)
{
    Sums sums = {0};
    u64 head = bench_slot(bench->index)->head;
    CHECK(head <= RECORDS, "the ring went round");
    for (u64 at = 0; at < head; at++) {
        const RegionRecord *record = bench_record(bench, at);
        sums.stacks += record->kind != RECORD_SETTLE;
        sums.settled += record->kind == RECORD_SHOT ? 0 : record->value;
        if (record->kind != RECORD_SHOT)
            continue;
        sums.shots++;
        sums.periods += record->value;
        sums.most_periods = record->value > sums.most_periods ? record->value : sums.most_periods;
    }
    return sums;
}

static u64 own_cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (u64)now.tv_sec * SECOND + (u64)now.tv_nsec;
}

/* Burns 60 ms of its CPU time with the signal masked: no shot gets through, and each counts as an overrun of the first. */
static void *masked_for_long(void *argument)
{
    Sampled *thread = argument;
    u32 index = thread->bench.index;
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGRTMIN);
    bench_own_stack(index);
    thread->tid = (u32)gettid();
    while (bench_count(index, COUNTER_SAMPLES) < 20)
        ;
    pthread_sigmask(SIG_BLOCK, &ours, 0);
    for (u64 start = own_cpu(); own_cpu() - start < 60000000;)
        ;
    pthread_sigmask(SIG_UNBLOCK, &ours, 0);
    u64 samples = bench_count(index, COUNTER_SAMPLES);
    while (bench_count(index, COUNTER_SAMPLES) < samples + 20)
        ;
    thread->masked = 1;
    while (!thread->stop)
        ;
    return 0;
}

static void begin(Sampled *sampled, pthread_t *thread, void *(*body)(void *))
{
    CHECK(pthread_create(thread, 0, body, sampled) == 0, "no thread");
    AWAIT(sampled->tid);
    sampled->bench.tid = sampled->tid;
    bench_arm(&sampled->bench);
}

int scenario_overruns(void)
{
    static Sampled sampled = {.bench = {.index = 0, .ring_records = RECORDS, .tick_period_ns = TICK, .shot_period_ns = SHOT}};
    pthread_t thread;
    bench_start(clock_stopwatch);
    begin(&sampled, &thread, masked_for_long);
    AWAIT(sampled.masked);
    bench_disarm(&sampled.bench);
    Sums sums = sum_records(&sampled.bench);
    u64 cpu = (u64)thread_cpu_ns(sampled.bench.tid);
    sampled.stop = 1;
    pthread_join(thread, 0);

    CHECK(sums.stacks == bench_count(0, COUNTER_SAMPLES) && bench_count(0, COUNTER_LOST_RING_FULL) == 0, "%lu stacks of %lu taken", sums.stacks, bench_count(0, COUNTER_SAMPLES));
    /* One sample for the stretch, with its periods: as many as the CPU clock says, whatever the timer missed. */
    CHECK(sums.most_periods >= 200 && sums.most_periods <= 60000000 / SHOT * 3 / 2, "%lu periods at most", sums.most_periods);
    CHECK(sums.periods * SHOT <= cpu + SHOT * sums.shots, "%lu periods in %lu ns", sums.periods, cpu);
    CHECK(sums.settled >= 60000000 && sums.settled <= cpu, "%lu of %lu ns are settled", sums.settled, cpu);
    return 0;
}

static void *spin(void *argument)
{
    Sampled *thread = argument;
    bench_own_stack(thread->bench.index);
    thread->tid = (u32)gettid();
    while (!thread->stop)
        ;
    return 0;
}

/* Threads that share a core: shots come due while another is running, and are counted, not taken. */
int scenario_off_cpu(void)
{
    enum { THREADS = 3 };
    static Sampled sampled[THREADS];
    pthread_t threads[THREADS];
    cpu_set_t core;
    CPU_ZERO(&core);
    CPU_SET(sched_getcpu(), &core);
    bench_start(clock_stopwatch);
    u64 one = UINT64_C(1) << RATE_SHIFT; /* the clock counts nanoseconds */
    slots_set_rates(one, one, SHOT / 2);
    for (u32 i = 0; i < THREADS; i++) {
        sampled[i].bench = (Bench){.index = i, .ring_records = RECORDS, .tick_period_ns = TICK, .shot_period_ns = SHOT};
        begin(&sampled[i], &threads[i], spin);
        CHECK(pthread_setaffinity_np(threads[i], sizeof core, &core) == 0, "no affinity");
    }
    for (u32 i = 0; i < THREADS; i++)
        AWAIT(bench_count(i, COUNTER_OFF_CPU_SHOTS) >= 5 && bench_count(i, COUNTER_SAMPLES) >= 100);
    for (u32 i = 0; i < THREADS; i++)
        bench_disarm(&sampled[i].bench);
    for (u32 i = 0; i < THREADS; i++) {
        Sums sums = sum_records(&sampled[i].bench);
        u64 cpu = (u64)thread_cpu_ns(sampled[i].bench.tid);
        CHECK(sums.stacks == bench_count(i, COUNTER_SAMPLES), "%lu stacks of %lu taken", sums.stacks, bench_count(i, COUNTER_SAMPLES));
        CHECK(sums.settled <= cpu, "%lu of %lu ns are settled", sums.settled, cpu);
        /* Time off the CPU is in no sample's weight, two thirds of it all though it is. */
        CHECK(sums.periods * SHOT <= cpu + cpu / 4, "%lu periods in %lu ns of CPU time", sums.periods, cpu);
        sampled[i].stop = 1;
        pthread_join(threads[i], 0);
    }
    return 0;
}
