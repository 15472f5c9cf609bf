/* What the handler does with one signal: ours, somebody else's, or one that comes too late. */
#include "check_bench.h"

#include "syscalls.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BIT(number) (UINT64_C(1) << ((number) - 1))

static u64 ticks;

static u64 counting_clock(void)
{
    return ++ticks;
}

/* A sample where the test says so: no timer expires within an hour of CPU time. */
int scenario_self_sent(void)
{
    bench_start(counting_clock);
    Bench bench = {.index = 3, .ring_records = 16, .tick_period_ns = NEVER, .shot_period_ns = SECOND};
    bench_arm(&bench);
    bench_own_stack(bench.index);
    u64 cookie = cookie_make(bench.index, bench.generation);

    errno = 4711;
    bench_send(cookie);
    CHECK(errno == 4711, "errno is %d", errno);
    CHECK(bench_slot(3)->head == 1, "head %lu", bench_slot(3)->head);
    const RegionRecord *tick = bench_record(&bench, 0);
    CHECK(tick->kind == RECORD_TICK && tick->ticks == 1 && tick->chain != 0 && tick->ip != 0, "kind %u", tick->kind);
    CHECK(tick->value > 0 && tick->value < 3600 * SECOND, "CPU time %lu", tick->value);

    /* The tick leased the shot timer: now a shot is a sample, and the next tick only settles. */
    bench_send(cookie | COOKIE_SHOT);
    bench_send(cookie);
    CHECK(bench_record(&bench, 1)->kind == RECORD_SHOT && bench_record(&bench, 1)->value == 1, "a shot");
    CHECK(bench_record(&bench, 2)->kind == RECORD_SETTLE && bench_record(&bench, 2)->ip == 0, "a settlement");
    CHECK(bench_count(3, COUNTER_SAMPLES) == 2, "samples %lu", bench_count(3, COUNTER_SAMPLES));

    /* Same callers, same chain: the loop's signal is sent from one place. */
    u64 from = bench_slot(3)->head;
    /* Not unrolled, or it would be four places. */
    for (volatile int i = 0; i < 4; i++)
        bench_send(cookie | COOKIE_SHOT);
    for (int i = 1; i < 4; i++)
        CHECK(bench_record(&bench, from + i)->chain == bench_record(&bench, from)->chain, "chain %d", i);
    CHECK(seen.calls == 0 && slots_chained_signals() == 0, "ours went to the handler before");
    return 0;
}

int scenario_ring_full(void)
{
    bench_start(counting_clock);
    Bench bench = {.index = 0, .ring_records = 4, .tick_period_ns = NEVER};
    bench_arm(&bench);
    bench_own_stack(bench.index);
    u64 cookie = cookie_make(bench.index, bench.generation);
    for (int i = 0; i < 7; i++)
        bench_send(cookie);
    RegionSlot *slot = bench_slot(0);
    CHECK(slot->head == 4, "head %lu", slot->head);
    CHECK(bench_count(0, COUNTER_SAMPLES) == 4 && bench_count(0, COUNTER_LOST_RING_FULL) == 3, "counts");
    u64 settled = 0;
    for (u64 i = 0; i < 4; i++)
        settled += bench_record(&bench, i)->value;

    slot->tail = 4;
    bench_send(cookie);
    CHECK(slot->head == 6, "head %lu", slot->head);
    const RegionRecord *lost = bench_record(&bench, 4);
    CHECK(lost->kind == RECORD_LOST && lost->value == 3 && lost->ticks == 5, "LOST %lu since %lu", lost->value, lost->ticks);
    /* CPU time that lost ticks carried is in the next one that was written. */
    const RegionRecord *next = bench_record(&bench, 5);
    CHECK(next->kind == RECORD_TICK && next->ticks == 8, "ticks %lu", next->ticks);
    CHECK(settled + next->value <= (u64)thread_cpu_ns(bench.tid), "CPU time out of nothing");

    for (int i = 0; i < 3; i++)
        bench_send(cookie);
    bench_disarm(&bench);
    slot->tail = 6;
    slot_report_lost(0);
    lost = bench_record(&bench, slot->head - 1);
    CHECK(lost->kind == RECORD_LOST && lost->value == 1, "the last loss is reported at the end");
    slot_report_lost(0);
    CHECK(slot->head == 9, "and once only: head %lu", slot->head);
    return 0;
}

int scenario_stack_short(void)
{
    bench_start(counting_clock);
    Bench bench = {.index = 0, .ring_records = 4, .tick_period_ns = NEVER};
    bench_arm(&bench);
    u64 here = (u64)__builtin_frame_address(0);
    slot_set_stack(0, here - 8192, here + 4096);
    bench_send(cookie_make(0, bench.generation));
    const RegionRecord *record = bench_record(&bench, 0);
    CHECK(record->kind == RECORD_TICK && record->stop == STOP_STACK_SHORT && record->chain == 0 && record->ip != 0,
          "stop %u", record->stop);
    return 0;
}

static u64 mask_in_handler;
static u32 quiet_in_handler;

static u64 looking_clock(void)
{
    mask_in_handler = bench_signal_mask();
    quiet_in_handler = slot_quiet(0);
    return 1;
}

int scenario_masked(void)
{
    bench_start(looking_clock);
    Bench bench = {.index = 0, .ring_records = 4, .tick_period_ns = NEVER};
    bench_arm(&bench);
    u64 before = bench_signal_mask();
    CHECK(slot_quiet(0), "quiet before");
    bench_send(cookie_make(0, bench.generation));
    CHECK(mask_in_handler == ~(BIT(SIGKILL) | BIT(SIGSTOP)), "mask %lx", mask_in_handler);
    CHECK(!quiet_in_handler && slot_quiet(0), "quiet while at work");
    CHECK(bench_signal_mask() == before, "the mask came back as it was");
    return 0;
}

static void check_foreign(u32 calls, int code, u64 value, u64 mask)
{
    CHECK(seen.calls == calls, "%u calls", seen.calls);
    CHECK(seen.code == code && seen.value == value, "code %d value %lx", seen.code, seen.value);
    CHECK(seen.mask == mask, "mask %lx, expected %lx", seen.mask, mask);
    CHECK(seen.error == 4711 && errno == 4711, "errno %d then %d", seen.error, errno);
    CHECK(slots_chained_signals() == calls, "chained %lu", slots_chained_signals());
}

int scenario_foreign(void)
{
    bench_start(counting_clock);
    Bench bench = {.index = 0, .ring_records = 4, .tick_period_ns = NEVER};
    bench_arm(&bench);
    sigset_t own;
    sigemptyset(&own);
    sigaddset(&own, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &own, 0);
    u64 before = bench_signal_mask();
    /* As without us in front: the thread's mask, the previous handler's, and the signal itself. */
    u64 mask = before | BIT(SIGUSR1) | BIT(SIGRTMIN);

    errno = 4711;
    tgkill(getpid(), gettid(), SIGRTMIN);
    check_foreign(1, SI_TKILL, 0, mask);
    bench_send(0x1234);
    check_foreign(2, SI_TIMER, 0x1234, mask);

    i64 timer = create_timer(CLOCK_MONOTONIC, (u32)gettid(), 0x5678);
    CHECK(timer >= 0, "timer_create gave %d", (int)timer);
    struct itimerspec soon = {.it_value = {.tv_nsec = 1000}};
    syscall4(SYS_timer_settime, timer, 0, (long)&soon, 0);
    AWAIT(seen.calls == 3);
    errno = 4711;
    check_foreign(3, SI_TIMER, 0x5678, mask);
    delete_timer(&timer);

    /* Our cookie, but sent by a program and not by a timer; and a cookie of a slot there is none of. */
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_ptr = (void *)cookie_make(0, bench.generation)});
    check_foreign(4, SI_QUEUE, cookie_make(0, bench.generation), mask);
    bench_send(cookie_make(0xFFFF, 1));
    CHECK(seen.calls == 4 && slots_late_signals() == 1, "a slot out of range");
    CHECK(bench_slot(0)->head == 0 && bench_signal_mask() == before, "a foreign signal left a trace");
    return 0;
}

static atomic_uint plain_calls;
static u64 plain_mask;

static void plain_previous(int number)
{
    CHECK(number == SIGRTMIN, "signal %d", number);
    plain_mask = bench_signal_mask();
    plain_calls++;
}

/* A handler of the older kind, which lets the signal interrupt itself. */
int scenario_foreign_plain(void)
{
    bench_start(counting_clock);
    hot.previous = (struct sigaction){.sa_handler = plain_previous, .sa_flags = SA_NODEFER};
    u64 before = bench_signal_mask();
    raise(SIGRTMIN);
    CHECK(plain_calls == 1 && plain_mask == before, "%u calls, mask %lx", plain_calls, plain_mask);
    hot.previous = (struct sigaction){.sa_handler = SIG_IGN};
    raise(SIGRTMIN);
    CHECK(plain_calls == 1 && slots_chained_signals() == 2, "ignored before us, ignored with us");
    return 0;
}

static struct sigaction front_previous;
static atomic_uint front_calls;

static void front_handler(int number, siginfo_t *info, void *context)
{
    front_calls++;
    front_previous.sa_sigaction(number, info, context);
}

/* Somebody puts a handler in front of ours that chains to ours; then a second session starts. */
int scenario_front_handler(void)
{
    bench_start(counting_clock);
    struct sigaction front = {.sa_sigaction = front_handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGRTMIN, &front, &front_previous);
    CHECK(!slots_installed(), "another one is in front");
    slots_install((u32)SIGRTMIN);
    raise(SIGRTMIN);
    CHECK(seen.calls == 1 && front_calls <= 1, "the signal went in circles: %u, %u", front_calls, seen.calls);
    Bench bench = {.index = 0, .ring_records = 4, .tick_period_ns = NEVER};
    bench_arm(&bench);
    bench_send(cookie_make(0, bench.generation));
    CHECK(bench_slot(0)->head == 1, "our own still reach us");
    return 0;
}

int scenario_late(void)
{
    bench_start(counting_clock);
    Bench bench = {.index = 0, .ring_records = 4, .tick_period_ns = NEVER, .shot_period_ns = SECOND};
    bench_arm(&bench);
    u64 old = cookie_make(0, bench.generation);
    bench_disarm(&bench);
    static u8 region_before[sizeof(RegionSlot)];
    memcpy(region_before, bench_slot(0), sizeof region_before);

    bench_send(old);
    bench_send(old | COOKIE_SHOT);
    CHECK(slots_late_signals() == 2, "late %lu", slots_late_signals());
    bench_arm(&bench);
    bench_send(old);
    CHECK(slots_late_signals() == 3, "a late signal is not the next thread's");
    CHECK(memcmp(region_before, bench_slot(0), sizeof region_before) == 0, "a late signal wrote into the region");
    CHECK(bench_record(&bench, 0)->kind == RECORD_NONE && slot_quiet(0), "a late signal left a trace");
    /* Ours, but the lease was returned before it came. */
    bench_send(cookie_make(0, bench.generation) | COOKIE_SHOT);
    CHECK(bench_slot(0)->head == 0 && bench_count(0, COUNTER_LATE_SIGNALS) == 1, "a shot without a lease");
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

/* While a slot's thread is in its handler, an old signal arrives at the thread that had the slot before. */
int scenario_late_beside_live(void)
{
    bench_start(waiting_clock);
    Bench mine = {.index = 0, .ring_records = 4, .tick_period_ns = NEVER};
    bench_arm(&mine);
    u64 old = cookie_make(0, mine.generation);
    bench_disarm(&mine);

    Bench other = {.index = 0, .ring_records = 4, .tick_period_ns = NEVER};
    pthread_t thread;
    pthread_create(&thread, 0, sample_self, &other);
    AWAIT(in_clock);
    bench_send(old);
    u32 quiet = slot_quiet(0);
    let_go = 1;
    pthread_join(thread, 0);
    CHECK(!quiet, "the slot looked quiet with a handler at work in it");
    CHECK(slot_quiet(0) && slots_late_signals() == 1 && bench_slot(0)->head == 1, "afterwards");
    return 0;
}
