/*
 * The perf engine: the kernel samples, into one ring per CPU, and a thread of the agent's reads the rings and walks the
 * pieces of stack that came with the samples. No application thread ever runs code of ours for it, and none gets a signal.
 *
 * Events are per thread and CPU, each joined to its CPU's ring by PERF_EVENT_IOC_SET_OUTPUT (which wants the same CPU and
 * the same clock for both). A thread that was there before the session has events opened for it; those of its children
 * are inherited. What the kernel says about new threads (PERF_RECORD_FORK) tells who has inherited.
 *
 * Ownership. Everything here but the kernel's rings is under one mutex, taken by the pump for each round and by the
 * agent's thread for each call; file descriptors are the pump's alone, which has a table of its own for them. Slots of
 * this engine have the pump for the producer of their rings, and no timers.
 */
#ifndef DPP_PERF_H
#define DPP_PERF_H

#include "slots.h"

/* What a sample's registers are, in the kernel's order: linux/arch/x86/include/uapi/asm/perf_regs.h */
enum {
    PERF_AX, PERF_BX, PERF_CX, PERF_DX, PERF_SI, PERF_DI, PERF_BP, PERF_SP, PERF_IP,
    PERF_R8, PERF_R9, PERF_R10, PERF_R11, PERF_R12, PERF_R13, PERF_R14, PERF_R15,
    PERF_REGISTERS
};
#define PERF_REGISTER_MASK UINT64_C(0xFF01FF)

typedef struct PerfSample {
    u64 ip; /* where the CPU was: the kernel's address when in_kernel */
    u32 tid;
    u32 in_kernel;
    u64 time;
    u64 period;
    const u8 *registers; /* PERF_REGISTERS of u64, not aligned; null when there are none */
    const u8 *stack;     /* from the stack pointer on */
    u64 stack_bytes;
} PerfSample;

typedef struct PerfRecord {
    u32 type; /* PERF_RECORD_* of linux/perf_event.h; 0: damaged, or a sample that makes no sense */
    PerfSample sample;
    u32 tid;    /* FORK, EXIT: the new or ended thread */
    u32 parent; /* FORK: the thread that made it */
    u64 time;   /* of all but samples */
    u64 lost;   /* LOST, LOST_SAMPLES */
} PerfRecord;

/* A kernel ring as its reader sees it; head and tail count bytes ever written and read. */
typedef struct PerfRing {
    const u8 *data;
    u64 mask; /* bytes, less one */
    u64 head;
    u64 tail;
} PerfRing;

#define PERF_RECORD_LIMIT 65536u

/*
 * perf_parse.c: takes the next record between tail and head. `copy` (PERF_RECORD_LIMIT bytes) is where a record is put
 * together that goes over the ring's end. False when there is none. What it points to is valid until the tail is given
 * to the kernel.
 */
int perf_next(PerfRing *ring, u8 *copy, PerfRecord *record);

/* The time of the record that perf_next gives next; 0 where it makes no sense. False when there is none. */
int perf_next_time(const PerfRing *ring, u64 *time);

/* perf_merge.c: takes what the rings hold from before the horizon, in the order of time, and moves `read` along. */
typedef struct PerfCursor {
    PerfRing ring;
    u64 *read; /* where the kernel sees what has been read */
    u64 time;  /* of the next record */
    u32 open;  /* there is one, and it may be taken */
    u32 reserved;
} PerfCursor;

typedef void (*PerfTake)(const PerfRecord *record);
void perf_merge(PerfCursor *cursors, u32 count, u64 horizon, u8 *copy, PerfTake take);

/* perf_walk.c: the callers of a sample, as walk_stack gives them. */
u32 perf_walk(const PerfSample *sample, u64 *out, u16 *stop);

/* perf_threads.c: what is known of each thread, by its id. */
typedef struct PerfThread {
    u32 tid;        /* 0: free */
    u32 slot;       /* index + 1, 0: none */
    u32 cover;      /* index + 1 of the events opened for it, 0: none */
    u32 inherited;  /* the kernel said that it has its parent's */
    u64 since;      /* CLOCK_MONOTONIC: what is said here of cover and inherited is true from then on */
    u64 slot_since; /* likewise of the slot */
    u64 spare_ns;   /* of its samples, what went to the spare slot */
    u32 pending;    /* its samples that wait for a slot */
    u32 reserved;
} PerfThread;

void perf_threads_clear(void);
PerfThread *perf_thread_find(u32 tid);
PerfThread *perf_thread_add(u32 tid); /* or the one that is there; null when the table is full */
void perf_thread_remove(u32 tid);
#define PERF_MOST_THREADS 24576u
u32 perf_threads_list(u32 *tids); /* all of them; there is room for PERF_MOST_THREADS */

/*
 * perf_pending.c: samples of threads that are new, or have just got their events, until the agent has given them a slot. What has waited too long, or finds no
 * room, goes to `give` first.
 */
typedef void (*PerfGive)(u32 tid, const RegionRecord *record);
void perf_pending_add(u32 tid, const RegionRecord *record, PerfGive give);
void perf_pending_take(u32 tid, PerfGive give); /* all of a thread's, in order */
void perf_pending_flush(u64 before, PerfGive give); /* all from before that time */
void perf_pending_forget(void);

/* perf_events.c: the kernel's side. Whatever can fail gives a negative errno then. */
typedef struct PerfBuffer {
    void *map; /* struct perf_event_mmap_page, then the ring */
    i32 fd;
    u32 cpu;
} PerfBuffer;

typedef struct PerfEvents {
    PerfBuffer *buffers; /* one per CPU */
    u32 cpus;
    u32 kernel_excluded;
    u32 stack_bytes;
    u32 ring_bytes;
} PerfEvents;

struct perf_event_attr;
i32 perf_event(const struct perf_event_attr *attr, u32 tid, i32 cpu);

/* An event of the calling thread, the kernel's time included where that is permitted: exclude_kernel says so. */
i32 perf_event_permitted(struct perf_event_attr *attr, u64 period_ns, u32 stack_bytes);

#define PERF_MOST_CPUS 1024u
extern PerfEvents perf_events __attribute__((visibility("hidden")));

i64 perf_events_open(u64 period_ns);
void perf_events_close(void);
void perf_events_renew(u64 period_ns); /* nobody's events are open then; those opened from now on have this period */
void perf_events_disable(void);     /* those of threads yet to come too */
void perf_events_enable(void);
u64 perf_events_count(void);        /* CPU ns that all events have counted */
i64 perf_events_cover(u32 tid);     /* opens a thread's events: the cover's index + 1, or a negative errno */
int perf_events_have_room(void);    /* for one more thread's */
void perf_events_uncover(u32 cover); /* has them closed by the pump, when it calls the next: */
void perf_events_close_condemned(void);

/* perf_forward.c: from the kernel's rings to the region's. */
typedef struct PerfSums {
    u64 lost;
    u64 throttled;
    u64 slotless;
    u64 damaged;
    u64 sampled_ns;
} PerfSums;

extern PerfSums perf_sums __attribute__((visibility("hidden")));

void perf_forward_begin(u64 period_ns, u32 spare_slot);
void perf_forward_slot(PerfThread *thread); /* it has one from now on */
void perf_forward_settle(Slot *slot);       /* gives the slot's samples their CPU time */
void perf_forward_end(void);                /* nothing waits any longer */
u32 perf_forward_round(void); /* how full the fullest kernel ring was, in 256ths */
#define PERF_ALL_BUT_FULL 216u /* so full the next sample may not have found room */
void perf_forward_rest(void); /* the kernel writes nothing any more */
void perf_forward_period(u64 period_ns); /* after perf_forward_rest: what samples stand for from now on */

/*
 * perf_probe.c: whether the engine works here, to the point of samples that were taken: 0, or a negative errno (-ETIME when
 * none came). `cost_ns` is then what a sample takes from its thread, as calibrate_sample_cost gives it. During a session too.
 */
DPP_API i64 perf_probe(u32 shots, u64 *cost_ns);

/* perf_pump.c. Starts the pump, the first time; a negative errno when there is none. */
i64 perf_pump_start(void);
u32 perf_pump_tid(void);

/* Has the pump run it, and waits. For all that takes, uses or gives back a file descriptor. */
i64 perf_pump_run(i64 (*run)(const void *argument), const void *argument);

/* Has the scheduler give the calling thread short turns, and those soon. */
void perf_short_turns(void);

/* perf_engine.c: what the pump does again and again. */
typedef struct PerfTurn {
    u32 is_running; /* there is a session */
    u32 is_late;    /* PerfSetup.is_late */
    u32 fill;       /* of the fullest ring, in 256ths */
} PerfTurn;

PerfTurn perf_turn(void);

/* perf_engine.c: what the agent's thread calls. Opens the rings and starts the pump. `spare` is the slot for threads without one; its `tid` does not matter. */
DPP_API i64 perf_start(const PerfSetup *setup, const SlotSetup *spare);

/* Makes the slot the thread's. Not 0: it has no events and there is no room for them; the slot is not taken. */
DPP_API i64 perf_open(const SlotSetup *setup);

/* Opens the events of all these threads, as far as there is room: perf_open finds them open then, and need not wait for the pump. */
DPP_API void perf_cover_all(const u32 *tids, u32 count);

/* As perf_open, for a thread that there is no slot for: its samples go to the spare one. */
DPP_API i64 perf_cover(u32 tid);

/*
 * Forwards what there is; the slot is nobody's afterwards. `cpu_ns` is the thread's CPU clock at the end, or -1. Gives what
 * of it the slot's samples stand for, or can have been too little for a sample.
 */
DPP_API i64 perf_close(u32 index, u32 tid, i64 cpu_ns);

/*
 * Between two bursts the kernel takes no samples. What threads use meanwhile is written to their slots as GAPs; that of
 * threads without a slot is nobody's.
 */
DPP_API void perf_pause(void);
DPP_API void perf_resume(void);

/* What waits for a slot waits no longer, and no sample of before the call is under way: all are in the region's rings. */
DPP_API void perf_flush(void);

/*
 * Another period from now on. Every thread gets new events; one that there is no room for is no longer sampled, and
 * perf_covers says so.
 */
DPP_API void perf_renew(u64 period_ns);

/* Whether the kernel samples a thread. */
DPP_API u32 perf_covers(u32 tid);

/* Stops the kernel's sampling, forwards the last of it and counts. Slots stay open. */
DPP_API void perf_silence(void);

/* After perf_silence: gives everything back. */
DPP_API void perf_stop(void);

DPP_API void perf_status(PerfStatus *status);

#endif
