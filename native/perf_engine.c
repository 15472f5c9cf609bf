/* The perf engine's face to the agent's thread: what it calls, and what the pump does for it. */
#include "perf.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#define MOST_WAIT_US 20000u
#define COUNT_INTERVAL_NS UINT64_C(1000000000)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static u32 running;
static u32 is_late;
static u64 period_ns;
static u64 counted_ns;
static u32 paused;
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

PerfTurn perf_turn(void)
{
    PerfTurn turn = {0, 0, 0};
    pthread_mutex_lock(&mutex);
    if (running) {
        turn = (PerfTurn){1, is_late, perf_forward_round()};
        perf_events_close_condemned();
        count_now_and_then();
    }
    pthread_mutex_unlock(&mutex);
    return turn;
}

typedef struct Start {
    const PerfSetup *setup;
    const SlotSetup *spare;
} Start;

static i64 start(const void *argument)
{
    const Start *with = argument;
    pthread_mutex_lock(&mutex);
    i64 error = perf_events_open(with->setup->period_ns);
    if (error == 0) {
        perf_threads_clear();
        slot_prepare(with->spare);
        hot.slots[with->spare->index].by_pump = 1;
        perf_forward_begin(with->setup->period_ns, with->spare->index);
        period_ns = with->setup->period_ns;
        is_late = with->setup->is_late;
        counted_ns = 0;
        paused = 0;
        next_count = 0;
        running = 1;
    }
    pthread_mutex_unlock(&mutex);
    return error;
}

i64 perf_start(const PerfSetup *setup, const SlotSetup *spare)
{
    i64 error = perf_pump_start();
    /* The agent's thread must not keep the pump waiting for the mutex longer than it has to. */
    perf_short_turns();
    return error != 0 ? error : perf_pump_run(start, &(Start){setup, spare});
}

/* Under the mutex, on the pump. */
static i64 open_events(PerfThread *thread)
{
    i64 opened = perf_events_cover(thread->tid);
    if (opened < 0)
        return opened;
    thread->cover = (u32)opened;
    thread->since = clock_stopwatch();
    return 0;
}

/* Under the mutex: whether the kernel samples the thread. What it has said so far may be that the thread has inherited. */
static int is_covered(u32 tid, PerfThread **found)
{
    if (running)
        perf_forward_round();
    *found = perf_thread_find(tid);
    return *found && ((*found)->cover != 0 || (*found)->inherited);
}

typedef struct Covers {
    const u32 *tids;
    u32 count;
} Covers;

/* Between two threads' events the rings are read, and the agent's thread may have the mutex. Gives the last error. */
static i64 cover_all(const void *argument)
{
    const Covers *covers = argument;
    i64 result = 0;
    for (u32 i = 0; i < covers->count; i++) {
        PerfThread *thread;
        pthread_mutex_lock(&mutex);
        i64 error = 0;
        if (!running) {
            error = -ESRCH;
        } else if (!is_covered(covers->tids[i], &thread)) {
            thread = perf_thread_add(covers->tids[i]);
            error = thread ? open_events(thread) : -ENOMEM;
            if (error != 0 && thread && thread->slot == 0)
                perf_thread_remove(thread->tid);
        }
        pthread_mutex_unlock(&mutex);
        result = error != 0 ? error : result;
    }
    return result;
}

void perf_cover_all(const u32 *tids, u32 count)
{
    perf_pump_run(cover_all, &(Covers){tids, count});
}

i64 perf_cover(u32 tid)
{
    PerfThread *thread;
    pthread_mutex_lock(&mutex);
    int covered = is_covered(tid, &thread), room = perf_events_have_room();
    pthread_mutex_unlock(&mutex);
    return covered ? 0 : room ? perf_pump_run(cover_all, &(Covers){&tid, 1}) : -EMFILE;
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
    if (paused) {
        hot.slots[setup->index].paused = PAUSED;
        hot.slots[setup->index].paused_cpu_ns = hot.slots[setup->index].settled_cpu_ns;
    }
    perf_forward_slot(thread);
}

i64 perf_open(const SlotSetup *setup)
{
    PerfThread *thread;
    i64 error = perf_cover(setup->tid);
    if (error != 0)
        return error;
    pthread_mutex_lock(&mutex);
    /* Once more: it may have ended meanwhile. */
    thread = perf_thread_find(setup->tid);
    if (thread)
        take_slot(setup, thread);
    pthread_mutex_unlock(&mutex);
    return thread ? 0 : -ESRCH;
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
    slot->seen_cpu_ns += slot_put_gap(slot, cpu_ns);
    slot->by_pump = slot->paused = 0;
    /* Each CPU's event may have been short of its period. Where the kernel is left out, what is left over is its. */
    i64 least = perf_events.kernel_excluded ? 0 : (i64)(period_ns * perf_events.cpus);
    i64 left = cpu_ns - (i64)slot->settled_cpu_ns;
    left = left < 0 ? 0 : left < least ? left : least;
    i64 result = cpu_ns < 0 ? -1 : (i64)(slot->shared->cpu_start_ns + slot->seen_cpu_ns) + left;
    pthread_mutex_unlock(&mutex);
    return result;
}

static void pause_slot(Slot *slot)
{
    perf_forward_settle(slot);
    i64 cpu = slot->tid == 0 ? -1 : thread_cpu_ns(slot->tid);
    slot->paused = cpu < 0 ? 0 : PAUSED;
    slot->paused_cpu_ns = (u64)cpu;
}

static void resume_slot(Slot *slot)
{
    if (slot->paused == PAUSED)
        slot->seen_cpu_ns += slot_put_gap(slot, thread_cpu_ns(slot->tid));
    slot->paused = 0;
}

static void each_slot(void (*act)(Slot *))
{
    for (u32 i = 0; i < REGION_SLOTS; i++)
        if (hot.slots[i].by_pump)
            act(&hot.slots[i]);
}

static i64 pause_all(const void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    if (running && !paused) {
        perf_events_disable();
        perf_forward_rest();
        each_slot(pause_slot);
        paused = 1;
    }
    pthread_mutex_unlock(&mutex);
    return 0;
}

void perf_pause(void)
{
    perf_pump_run(pause_all, 0);
}

static i64 resume_all(const void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    if (running && paused) {
        each_slot(resume_slot);
        paused = 0;
        perf_events_enable();
    }
    pthread_mutex_unlock(&mutex);
    return 0;
}

void perf_resume(void)
{
    perf_pump_run(resume_all, 0);
}

void perf_flush(void)
{
    pthread_mutex_lock(&mutex);
    if (running)
        perf_forward_end();
    pthread_mutex_unlock(&mutex);
}

static i64 renew(const void *argument)
{
    static u32 tids[PERF_MOST_THREADS];
    u64 period = *(const u64 *)argument;
    u32 count = 0;
    pthread_mutex_lock(&mutex);
    if (running) {
        perf_events_disable();
        perf_forward_rest();
        perf_forward_period(period);
        perf_events_renew(period);
        if (!paused)
            perf_events_enable();
        period_ns = period;
        count = perf_threads_list(tids);
        for (u32 i = 0; i < count; i++) {
            PerfThread *thread = perf_thread_find(tids[i]);
            thread->cover = thread->inherited = 0;
            /* What the kernel wrote of it before is no news any more. */
            thread->since = clock_stopwatch();
        }
    }
    pthread_mutex_unlock(&mutex);
    return cover_all(&(Covers){tids, count});
}

void perf_renew(u64 period)
{
    perf_pump_run(renew, &period);
}

u32 perf_covers(u32 tid)
{
    PerfThread *thread;
    pthread_mutex_lock(&mutex);
    u32 covered = is_covered(tid, &thread) != 0;
    pthread_mutex_unlock(&mutex);
    return covered;
}

static i64 silence(const void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    if (running) {
        /* What was lost is in the record before the next one that finds room: a running thread's next sample. */
        if (perf_forward_round() >= PERF_ALL_BUT_FULL)
            usleep((useconds_t)(2 * period_ns / 1000 < MOST_WAIT_US ? 2 * period_ns / 1000 : MOST_WAIT_US));
        perf_events_disable();
        perf_forward_rest();
        counted_ns = perf_events_count();
    }
    pthread_mutex_unlock(&mutex);
    return 0;
}

void perf_silence(void)
{
    perf_pump_run(silence, 0);
}

static void leave_slot(Slot *slot)
{
    slot->by_pump = slot->paused = 0;
}

static i64 stop(const void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    if (running)
        perf_events_close();
    running = 0;
    /* After an orderly end there is nothing left of either. */
    perf_pending_forget();
    each_slot(leave_slot);
    pthread_mutex_unlock(&mutex);
    return 0;
}

void perf_stop(void)
{
    /* Only the agent's thread calls this and perf_start: no pump can begin meanwhile. */
    if (running)
        perf_pump_run(stop, 0);
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
        .pump_tid = perf_pump_tid(),
    };
    pthread_mutex_unlock(&mutex);
}
