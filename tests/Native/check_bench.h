/*
 * What the scenarios of hot_check share: a region in private memory, a stand-in for the runtime's own handler, and
 * slots armed as the agent arms them. One scenario runs per process, so that none inherits another's handlers.
 */
#ifndef DPP_CHECK_BENCH_H
#define DPP_CHECK_BENCH_H

#include "slots.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define SKIPPED 77 /* exit code: this machine lacks something; the reason stands on stdout */
#define SECOND UINT64_C(1000000000)
#define NEVER (UINT64_C(3600) * SECOND)

#define CHECK(condition, ...)                                                          \
    do {                                                                               \
        if (!(condition)) {                                                            \
            fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #condition);    \
            fprintf(stderr, __VA_ARGS__);                                              \
            fprintf(stderr, "\n");                                                     \
            exit(1);                                                                   \
        }                                                                              \
    } while (0)

/* Waits for what must come, however slow the machine is today; the patience only turns a hang into a failure. */
#define AWAIT(condition)                                                         \
    do {                                                                         \
        u64 patience = clock_stopwatch() + 30 * SECOND;                               \
        while (!(condition)) {                                                   \
            CHECK(clock_stopwatch() < patience, "it never came");                     \
            usleep(500);                                                         \
        }                                                                        \
    } while (0)

extern u8 *bench_region;

/* A region, `clock` for the handler, and our handler in front of a recording one on SIGRTMIN. */
void bench_start(u64 (*clock)(void));

/* What the handler that was there before saw last. */
typedef struct Seen {
    atomic_uint calls;
    int code;
    int error;
    u64 value;
    u64 mask;
} Seen;

extern Seen seen;
void bench_previous(int number, siginfo_t *info, void *context);
u64 bench_signal_mask(void);

typedef struct Bench {
    u32 index;
    u32 tid;
    u32 generation;
    u64 ring_records;
    u64 tick_period_ns;
    u64 shot_period_ns;
} Bench;

RegionSlot *bench_slot(u32 index);
const RegionRecord *bench_record(const Bench *bench, u64 position);

/* Arms the slot for a thread; skips the scenario when the kernel gives no timers. */
void bench_arm(Bench *bench);
void bench_disarm(const Bench *bench);

/* Signals the calling thread with a timer's code and this cookie: a sample exactly here. */
void bench_send(u64 cookie);
u64 bench_count(u32 index, u32 counter);

/* The bounds of the calling thread's stack, for slot_set_stack. */
void bench_own_stack(u32 index);

int scenario_samples(void);
int scenario_self_sent(void);
int scenario_ring_full(void);
int scenario_stack_short(void);
int scenario_masked(void);
int scenario_foreign(void);
int scenario_foreign_plain(void);
int scenario_front_handler(void);
int scenario_late(void);
int scenario_late_beside_live(void);
int scenario_restart(void);
int scenario_lease_returned(void);
int scenario_restarted_call(void);
int scenario_calibrate(void);
int scenario_calibrate_starved(void);
int scenario_walk_bounds(void);
int scenario_burst(void);
int scenario_burst_busy(void);
int scenario_quiet(void);
int scenario_overruns(void);
int scenario_off_cpu(void);
int scenario_sandbox(void);
int scenario_sandbox_no_clone(void);
int scenario_sandbox_no_clone3(void);
int scenario_sandbox_no_wait(void);
int scenario_sandbox_waited_for(void);
int scenario_sandbox_large(void);

#endif
