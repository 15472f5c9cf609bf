/*
 * What the signal handler works on, all of it in the agent's private memory: nothing in the shared region is trusted
 * as an index, a bound or a pointer.
 *
 * Ownership. Each Slot has three writers, and no field has two:
 *   - the sampled thread, inside the handler: the fields under "handler";
 *   - the agent's thread: the fields under "agent". It changes `ring`, `mask`, `shared` and `head` only while `cookie`
 *     is 0 and `in_handler` is 0, that is, when no handler can be using them;
 *   - the handler and the agent meet in two words:
 *       cookie      agent stores (seq_cst), handler loads (seq_cst) after it has stored in_handler = 1 (seq_cst).
 *       in_handler  handlers count themselves in and out, agent loads after it has stored cookie = 0. One of the two sees
 *                   the other, so after `cookie = 0` and a glimpse of `in_handler == 0` no handler touches the slot or
 *                   the region again. A count, for a late signal of the thread that had the slot before may be handled
 *                   beside one of the thread that has it now.
 *       paused      likewise: after `paused = PAUSE_ASKED` and a glimpse of `in_handler == 0` the fields under "handler" are the
 *                   agent's, until `paused = 0`.
 *       stack_low / stack_high
 *                   agent stores high = 0, low, high with release; handler loads high, low with acquire, and high again.
 *       stack_wanted
 *                   handler stores 1 with release after seen_sp and seen_tcb; agent loads it with acquire, sets it to 0.
 *   - the collector writes shared->tail alone; it pairs (release) with the acquire in ring_put, and the handler's
 *     release of shared->head pairs with the collector's acquire. A lying tail can only make the ring look full or be
 *     overwritten: positions are always masked.
 */
#ifndef DPP_HOT_H
#define DPP_HOT_H

#include "clock.h"
#include "region.h"

#include <signal.h>
#include <ucontext.h>

#define DPP_API __attribute__((visibility("default")))

/*
 * A cookie is the sigev_value of our timers: it names the slot, tells the two timers apart, and is never the same for
 * two threads or two sessions in a row, so that a late signal is known for what it is.
 */
#define COOKIE_MAGIC UINT64_C(0xD9F1)
#define COOKIE_SHOT (UINT64_C(1) << 16)

static inline u64 cookie_make(u32 index, u32 generation)
{
    return COOKIE_MAGIC << 48 | (u64)(generation & 0x3FFFFFFFu) << 17 | (index & 0xFFFFu);
}

static inline u32 cookie_index(u64 cookie)
{
    return (u32)cookie & 0xFFFFu;
}

enum {
    PAUSE_ASKED = 1, /* a handler may still be at work */
    PAUSED = 2,      /* what ran until paused_cpu_ns is the burst's */
};

typedef struct Slot {
    /* agent */
    u64 cookie; /* 0: not sampled */
    RegionSlot *shared;
    RegionRecord *ring;
    u64 mask; /* records in the ring, less one */
    u64 stack_low;
    u64 stack_high; /* 0: not known */
    i64 tick_timer; /* kernel timer ids, -1: none */
    i64 shot_timer;
    u64 shot_period_ns; /* 0: every tick is a sample, there are no shots */
    u32 shots_per_tick;
    u32 tid;
    u64 tick_period_ns;
    u64 paused_cpu_ns; /* the thread's CPU clock where `paused` began */
    u32 paused;        /* not 0 between two bursts and while it is quiet: signals take no samples; PAUSE_* */
    u32 gap_kind;      /* what is written of the CPU time used meanwhile: RECORD_GAP or RECORD_UNSAMPLED */
    u32 by_pump; /* the perf engine's pump is the ring's producer: it has the fields under "handler" */

    /* handler */
    u32 in_handler __attribute__((aligned(64)));
    u32 shots_left; /* > 0: the shot timer is armed */
    u64 head;
    u64 settled_cpu_ns; /* the thread's CPU clock at the last TICK or SETTLE record */
    u64 unsettled;      /* periods that the SHOT records since then stand for */
    u64 due;            /* ticks at which the shot timer expires next */
    u64 seen_ticks;     /* when the thread's CPU clock was last read, */
    u64 seen_cpu_ns;    /* and what it showed */
    u64 lost;           /* samples not yet reported by a LOST record */
    u64 lost_since;     /* ticks */
    u64 last_ip;
    u64 last_sp;
    u32 stuck_run; /* samples in a row that found the same ip and sp with an expiry already overdue */
    u32 random;
    u64 seen_sp;
    u64 seen_tcb;
    u32 stack_wanted;
    u32 reserved;
    u64 counts[16]; /* by COUNTER_*, the first 16 of them */
} __attribute__((aligned(64))) Slot;

/* Rates are for short spans: with 20 bits of fraction, good to a microsecond a second. */
#define RATE_SHIFT 20

typedef struct ChainStore {
    u64 *table; /* open addressing: high half of the hash << 32 | chain id; 0 is empty. Private. */
    u64 table_mask;
    u8 *arena;  /* the region's chain section */
    u64 arena_bytes; /* where this store's part of it ends, as far as it has memory; the agent makes it more */
    u64 arena_used;  /* where the next chain goes; fetch-and-add by all handlers */
    u8 generation;   /* written into records beside the ids */
} ChainStore;

#define CHAIN_STORES 2u

typedef struct Hot {
    Slot *slots;
    u32 slot_count;
    u32 signal_number;
    u32 pid;
    u32 deadly_calls; /* sandbox.h; set before anything else is */
    clock_read clock;
    u64 thread_root_return;
    u64 main_root_return;
    u64 ticks_per_ns;      /* fixed point, RATE_SHIFT bits */
    u64 ns_per_tick;       /* likewise */
    u64 late_tolerance_ns; /* a shot later than this was not delivered to a running thread */
    /*
     * The chain section in halves, of which one is in use and the other is being drained, or clean. The agent stores
     * `chains` with release after it has prepared the store; a handler loads it once with acquire and uses that one to
     * its end. The agent clears a store only when every slot has been quiet since it was left (no handler is in it) and
     * the collector has drained every record that was written until then (no record names its chains).
     */
    ChainStore *chains;
    ChainStore stores[CHAIN_STORES];
    struct sigaction previous; /* the handler that was there before; written before ours is installed */
    u64 chained;               /* signals passed on; atomic */
    u64 late;                  /* signals of ours that found no slot, or another thread's; atomic */
    u32 quiet_raised;          /* quiet.h: forks that have had all timers stopped, */
    u32 quiet_lifted;          /* and those of them that are over; it is quiet where there are fewer */
    u32 slots_armed;           /* no slot from this one on has had timers; the agent's */
} Hot;

extern Hot hot __attribute__((visibility("hidden")));

/* Whether no timer may run; quiet.h. */
static inline int is_quiet(void)
{
    u32 lifted = __atomic_load_n(&hot.quiet_lifted, __ATOMIC_SEQ_CST);
    return (i32)(__atomic_load_n(&hot.quiet_raised, __ATOMIC_SEQ_CST) - lifted) > 0;
}

/* handler.c: the signal's entry. */
void handler_entry(int number, siginfo_t *info, void *context);

/*
 * walk.c: the callers of the interrupted instruction, or of a frame; walk.h says how they are found. Reads the target's
 * stack only between its stack pointer and the slot's stack end; where the slot's stack is not known yet or not the one in
 * use, through the kernel. Gives the number of return addresses in `out`, which has room for REGION_MAX_DEPTH, and why it
 * stopped.
 */
struct CfiFrame;
u32 walk_stack(Slot *slot, const ucontext_t *context, u64 *out, u16 *stop);
u32 walk_frame(Slot *slot, struct CfiFrame *frame, u64 *out, u16 *stop);

/* chain_store.c: the id of a chain of return addresses, the same for the same addresses; 0 when the store is full. */
u32 chain_intern(ChainStore *store, const u64 *returns, u32 depth);

/*
 * ring.c: appends a record, preceded by a LOST record when samples were lost since the last one. False when the ring is
 * full. Only the slot's own handler calls it, or the agent when the slot is quiet.
 */
int ring_put(Slot *slot, const RegionRecord *record);

/* ring.c: writes the LOST record alone, where there is one to write and room for it. */
void ring_report_lost(Slot *slot);

/* ring.c: counts a sample that found no room; the next ring_put that succeeds reports it. */
void ring_lose(Slot *slot, u64 ticks);

/* lease.c: sets a kernel timer; first 0 stops it. */
long timer_set(i64 timer, u64 first_ns, u64 interval_ns);

/* lease.c: the same, but does not leave it set where it is quiet: the way to set a timer that is to signal. */
long timer_arm(i64 timer, u64 first_ns, u64 interval_ns);

/* lease.c: the monotonic timer that gives a running thread its shots between two CPU ticks. */
void lease_grant(Slot *slot, u64 ticks);
void lease_return(Slot *slot);

/*
 * lease.c: whether the shot that is being delivered came due while the thread was not running. Such a shot waits for the
 * thread and is delivered where it was preempted, which is no place that was picked by time: in the kernel's own
 * preference, at the end of a system call.
 */
int lease_missed_thread(Slot *slot, const siginfo_t *info, u64 ticks);
int lease_interrupted_syscall(const ucontext_t *context);

#endif
