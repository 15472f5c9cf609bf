/* A fork stops every timer, and none is set again until the quiet that it raised is lifted. */
#include "check_bench.h"

#include "quiet.h"
#include "syscalls.h"

#include <sys/wait.h>
#include <unistd.h>

static u64 clock_still(void)
{
    return 1;
}

static int is_set(i64 timer)
{
    struct itimerspec left;
    CHECK(syscall4(SYS_timer_gettime, (long)timer, (long)&left, 0, 0) == 0, "timer %ld", (long)timer);
    return left.it_value.tv_sec != 0 || left.it_value.tv_nsec != 0;
}

static int ends_with_0(pid_t child)
{
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child, "child %d", child);
    return status == 0;
}

/* Its timers have numbers that ours have here; a fork of its own must leave them alone. */
static int child_keeps_its_timers(void)
{
    struct sigevent none = {.sigev_notify = SIGEV_NONE};
    for (int i = 0; i < 8; i++) {
        int id = -1;
        if (syscall4(SYS_timer_create, CLOCK_MONOTONIC, (long)&none, (long)&id, 0) != 0 || timer_set(id, NEVER, 0) != 0)
            return 1;
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        if (!ends_with_0(child) || !is_set(id))
            return 2;
    }
    return 0;
}

int scenario_quiet(void)
{
    bench_start(clock_still);
    slots_set_rates(UINT64_C(1) << RATE_SHIFT, UINT64_C(1) << RATE_SHIFT, 1000);
    Bench bench = {.index = 3, .ring_records = 64, .tick_period_ns = NEVER, .shot_period_ns = NEVER};
    bench_arm(&bench);
    bench_own_stack(3);
    u64 cookie = cookie_make(3, bench.generation);
    const Slot *slot = &hot.slots[3];
    bench_send(cookie);
    CHECK(is_set(slot->tick_timer) && is_set(slot->shot_timer), "a tick leases shots");
    CHECK(quiet_raised() == 0, "nobody has forked");

    u32 before = quiet_raised();
    pid_t child = fork();
    if (child == 0)
        _exit(child_keeps_its_timers());
    CHECK(ends_with_0(child), "a child's own timers");
    CHECK(quiet_raised() == before + 1 && quiet_lifted() == before, "the fork has raised it");
    CHECK(!is_set(slot->tick_timer) && !is_set(slot->shot_timer), "all timers are stopped");
    u32 tid, is_made;
    u64 since;
    CHECK(quiet_fork(before + 1, &tid, &since, &is_made) && tid == (u32)gettid() && is_made, "thread %u", tid);
    CHECK(since <= clock_stopwatch(), "since %lu", since);

    /* Whoever sets timers meanwhile: a handler, the agent. */
    u64 head = bench_slot(3)->head;
    bench_send(cookie);
    CHECK(bench_slot(3)->head == head && !is_set(slot->shot_timer), "a signal takes no sample and leases no shots");
    slot_set_shot_period(3, NEVER, 1);
    slot_resume(3, NEVER);
    CHECK(!is_set(slot->tick_timer) && !is_set(slot->shot_timer), "the agent has to wait");
    Bench other = {.index = 4, .ring_records = 64, .tick_period_ns = NEVER};
    bench_arm(&other);
    CHECK(!is_set(hot.slots[4].tick_timer), "a new thread's timer");
    CHECK(calibrate_sample_cost(4) == 0, "no sample's cost can be measured");

    /* What is used meanwhile is nobody's. */
    CHECK(slot_pause(3, 0, RECORD_UNSAMPLED), "no handler is at work");
    u64 from = (u64)thread_cpu_ns(bench.tid);
    while ((u64)thread_cpu_ns(bench.tid) - from < 2000000)
        ;
    quiet_lift(quiet_raised());
    slot_resume(3, NEVER);
    CHECK(is_set(slot->tick_timer), "it goes on");
    const RegionRecord *last = bench_record(&bench, bench_slot(3)->head - 1);
    CHECK(last->kind == RECORD_UNSAMPLED && last->value >= 2000000, "kind %u, %lu ns", last->kind, last->value);

    /* A thread whose forks were in vain raises none for a while; then again. */
    quiet_spare((u32)gettid(), clock_stopwatch() + NEVER);
    child = fork();
    if (child == 0)
        _exit(0);
    CHECK(ends_with_0(child) && quiet_raised() == quiet_lifted() && is_set(slot->tick_timer), "it is spared");
    for (int i = 0; i < 15; i++)
        quiet_spare(1, 0);
    child = fork();
    if (child == 0)
        _exit(0);
    CHECK(ends_with_0(child) && quiet_raised() == quiet_lifted() + 1 && !is_set(slot->tick_timer), "no longer");

    /* As many as are remembered, and one more. */
    u32 first = quiet_raised();
    for (int i = 0; i < 16; i++) {
        child = fork();
        if (child == 0)
            _exit(0);
        CHECK(ends_with_0(child), "child");
    }
    CHECK(!quiet_fork(first, &tid, &since, &is_made) && tid == 0, "thread %u", tid);
    CHECK(quiet_fork(first + 1, &tid, &since, &is_made) && tid == (u32)gettid(), "thread %u", tid);
    quiet_lift(quiet_raised());
    CHECK(!is_quiet(), "lifted");
    return 0;
}
