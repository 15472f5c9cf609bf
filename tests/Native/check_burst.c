/* Between two bursts a thread is left alone, and what it used there is told apart from what samples stand for. */
#include "check_bench.h"

#include "syscalls.h"

#include <unistd.h>

static u64 ticks;

static u64 counting_clock(void)
{
    return ++ticks;
}

static u64 use_cpu(const Bench *bench)
{
    u64 from = (u64)thread_cpu_ns(bench->tid);
    while ((u64)thread_cpu_ns(bench->tid) - from < 3000000)
        ;
    return (u64)thread_cpu_ns(bench->tid);
}

/* CPU time of a kind of record, over all records from one position on. */
static u64 sum(const Bench *bench, u64 from, u8 kind)
{
    u64 all = 0;
    for (u64 i = from; i < bench_slot(bench->index)->head; i++)
        if (bench_record(bench, i)->kind == kind)
            all += bench_record(bench, i)->value;
    return all;
}

int scenario_burst(void)
{
    bench_start(counting_clock);
    slots_set_rates(UINT64_C(1) << RATE_SHIFT, UINT64_C(1) << RATE_SHIFT, 1000);
    Bench bench = {.index = 1, .ring_records = 64, .tick_period_ns = NEVER, .shot_period_ns = NEVER};
    u64 start = (u64)thread_cpu_ns((u32)gettid());
    bench_arm(&bench);
    bench_own_stack(1);
    u64 cookie = cookie_make(1, bench.generation);
    bench_send(cookie);
    bench_send(cookie | COOKIE_SHOT);
    CHECK(bench_slot(1)->head == 2, "a tick and a shot: %lu", bench_slot(1)->head);

    /* The shot gets its CPU time at once; the thread is left alone from here on. */
    use_cpu(&bench);
    CHECK(slot_pause(1, 0, RECORD_GAP), "no handler is at work");
    CHECK(bench_slot(1)->head == 3 && bench_record(&bench, 2)->kind == RECORD_SETTLE, "the burst is settled");
    CHECK(bench_record(&bench, 2)->value >= 3000000, "%lu", bench_record(&bench, 2)->value);
    bench_send(cookie);
    bench_send(cookie | COOKIE_SHOT);
    CHECK(bench_slot(1)->head == 3 && slots_late_signals() == 2, "signals between two bursts are late ones");
    struct itimerspec left;
    CHECK(syscall4(SYS_timer_gettime, (long)hot.slots[1].tick_timer, (long)&left, 0, 0) == 0 && left.it_value.tv_sec == 0 &&
          left.it_value.tv_nsec == 0, "a timer runs between two bursts");

    u64 paused = bench_slot(1)->cpu_ns;
    u64 before = use_cpu(&bench);
    slot_resume(1, NEVER);
    u64 after = (u64)thread_cpu_ns(bench.tid);
    CHECK(bench_slot(1)->head == 4 && bench_record(&bench, 3)->kind == RECORD_GAP, "the gap");
    u64 gap = bench_record(&bench, 3)->value;
    CHECK(gap >= before - paused && gap <= after - paused, "%lu", gap);
    CHECK(syscall4(SYS_timer_gettime, (long)hot.slots[1].tick_timer, (long)&left, 0, 0) == 0 && left.it_value.tv_sec != 0,
          "the tick goes on");

    /* A burst that found the thread asleep, and a gap that did not: the next sample has no part of it. */
    CHECK(slot_pause(1, 0, RECORD_GAP), "quiet");
    slot_resume(1, NEVER);
    bench_send(cookie);
    u64 now = (u64)thread_cpu_ns(bench.tid);
    u64 sampled = sum(&bench, 0, RECORD_TICK) + sum(&bench, 0, RECORD_SETTLE);
    CHECK(sampled + sum(&bench, 0, RECORD_GAP) <= now - start, "CPU time out of nothing");
    CHECK(sampled + sum(&bench, 0, RECORD_GAP) >= bench_slot(1)->cpu_ns - start - 1000000, "CPU time is missing");

    /* It ends between two bursts. */
    CHECK(slot_pause(1, 0, RECORD_GAP), "quiet");
    u64 head = bench_slot(1)->head;
    u64 end = use_cpu(&bench);
    bench_disarm(&bench);
    slot_end_pause(1, (i64)end);
    CHECK(sum(&bench, head, RECORD_GAP) == end - bench_slot(1)->cpu_ns, "the last gap");
    slot_end_pause(1, (i64)end + 5);
    CHECK(sum(&bench, head, RECORD_GAP) == end - bench_slot(1)->cpu_ns, "is written once");

    /* One that begins between two bursts: all it has used until the next is the gap's. */
    bench_arm(&bench);
    u64 begin = hot.slots[1].settled_cpu_ns;
    head = bench_slot(1)->head;
    use_cpu(&bench);
    CHECK(slot_pause(1, 1, RECORD_GAP), "quiet");
    slot_resume(1, NEVER);
    CHECK(sum(&bench, head, RECORD_GAP) == bench_slot(1)->cpu_ns - begin, "the first gap");
    CHECK(seen.calls == 0, "ours went to the handler before");
    return 0;
}

static atomic_uint in_clock;
static atomic_uint let_go;

static u64 waiting_clock(void)
{
    in_clock = 1;
    while (!let_go)
        ;
    return 1;
}

static void *sample_self(void *argument)
{
    Bench *bench = argument;
    bench->tid = (u32)gettid();
    bench_arm(bench);
    bench_send(cookie_make(bench->index, bench->generation));
    return 0;
}

/* A handler that is at work when the burst ends has its slot to itself: the pause is asked for again, or not to be. */
int scenario_burst_busy(void)
{
    bench_start(waiting_clock);
    Bench bench = {.index = 0, .ring_records = 4, .tick_period_ns = NEVER, .shot_period_ns = NEVER};
    pthread_t thread;
    pthread_create(&thread, 0, sample_self, &bench);
    AWAIT(in_clock);
    u32 paused = slot_pause(0, 0, RECORD_GAP);
    slot_resume(0, NEVER);
    u64 head = bench_slot(0)->head;
    let_go = 1;
    pthread_join(thread, 0);
    CHECK(!paused && head == 0, "the agent wrote beside a handler");
    CHECK(bench_slot(0)->head == 1 && bench_record(&bench, 0)->kind == RECORD_TICK, "its sample is whole");
    return 0;
}
