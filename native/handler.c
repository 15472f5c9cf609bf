/*
 * The signal handler. It runs on application threads, between any two instructions, with all signals masked.
 *
 * It may call: the functions of the units beside it (walk, cfi, cfi_table, chain_store, ring, lease, clock), clock_gettime, raw system
 * calls, and __errno_location. Nothing that locks, allocates, uses lazily allocated TLS, or is managed code. The tests
 * hold the undefined symbols of these units, linked together, to that list.
 */
#include "hot.h"
#include "syscalls.h"

#include <errno.h>

Hot hot;

/* Stack that must be left below the interrupted frame for the walk to be made: its buffer, and what it calls. */
#define WALK_ROOM (16u << 10)

/* A shot that comes late to a thread that was preempted is kept when it stands for this many samples: the thread used
   their CPU time in the kernel. Fewer may be chance. */
#define KERNEL_STRETCH 4u

/* Not inlined: its frame holds the buffer, and must not be there before the room for it has been checked. */
static __attribute__((noinline)) void take_callers(Slot *slot, const ucontext_t *context, RegionRecord *record)
{
    u64 returns[REGION_MAX_DEPTH];
    u32 depth = walk_stack(slot, context, returns, &record->stop);
    if (depth == 0)
        return;
    ChainStore *store = __atomic_load_n(&hot.chains, __ATOMIC_ACQUIRE);
    record->chain = chain_intern(store, returns, depth);
    record->generation = store->generation;
    if (record->chain == 0) {
        record->stop = STOP_STORE_FULL;
        slot->counts[COUNTER_LOST_STORE_FULL]++;
    }
}

static void take_stack(Slot *slot, const ucontext_t *context, RegionRecord *record)
{
    record->ip = (u64)context->uc_mcontext.gregs[REG_RIP];
    u64 here = (u64)__builtin_frame_address(0);
    if (here - slot->stack_low < WALK_ROOM && slot->stack_high != 0)
        record->stop = STOP_STACK_SHORT;
    else
        take_callers(slot, context, record);
}

/* What the agent's watchdog looks at: does the thread get anywhere between two samples? */
static void watch_progress(Slot *slot, const ucontext_t *context, int overdue)
{
    u64 ip = (u64)context->uc_mcontext.gregs[REG_RIP];
    u64 sp = (u64)context->uc_mcontext.gregs[REG_RSP];
    if (overdue && ip == slot->last_ip && sp == slot->last_sp) {
        slot->stuck_run++;
        slot->counts[COUNTER_STUCK]++;
    } else {
        slot->stuck_run = 0;
    }
    slot->last_ip = ip;
    slot->last_sp = sp;
}

static int write_sample(Slot *slot, const RegionRecord *record)
{
    int written = ring_put(slot, record);
    if (written)
        slot->counts[COUNTER_SAMPLES]++;
    else
        ring_lose(slot, record->ticks);
    return written;
}

/*
 * Samples that are due by the thread's CPU clock and were not taken. A thread that is in the kernel gets none: all shots
 * of a long system call or page fault are one signal, on the way out.
 */
static u64 samples_owed(const Slot *slot, u64 cpu)
{
    u64 period = __atomic_load_n(&slot->shot_period_ns, __ATOMIC_RELAXED);
    if (period == 0)
        return 0;
    u64 due = (cpu - slot->settled_cpu_ns + period / 2) / period;
    return due > slot->unsettled ? due - slot->unsettled : 0;
}

static void write_shot(Slot *slot, const ucontext_t *context, u64 ticks, u64 periods)
{
    RegionRecord record = {.ticks = ticks, .kind = RECORD_SHOT, .value = periods};
    take_stack(slot, context, &record);
    write_sample(slot, &record);
    slot->unsettled += periods;
}

/* The monotonic timer, leased to a thread that was found running. */
static void on_shot(Slot *slot, const siginfo_t *info, const ucontext_t *context, u64 ticks)
{
    if (slot->shots_left == 0) {
        /* It was pending when the lease was returned, or the agent changed the period just then. */
        lease_return(slot);
        slot->counts[COUNTER_LATE_SIGNALS]++;
        return;
    }
    if (lease_interrupted_syscall(context)) {
        lease_return(slot);
        slot->counts[COUNTER_SYSCALL_WAKEUPS]++;
        return;
    }
    slot->counts[COUNTER_OVERRUNS] += (u64)info->si_overrun;
    u64 periods = 1;
    if (info->si_overrun > 0) {
        /* Expiries while the thread was off its CPU are none of its samples: its CPU clock knows. */
        u64 most = 1 + (u64)info->si_overrun, owed = samples_owed(slot, clock_own_thread_cpu());
        periods = owed > most ? most : owed > 1 ? owed : 1;
    }
    if (lease_missed_thread(slot, info, ticks) && periods < KERNEL_STRETCH) {
        /* It does not use up the lease: the thread is about to run, and no further shot comes before it does. */
        slot->counts[COUNTER_OFF_CPU_SHOTS]++;
        return;
    }
    watch_progress(slot, context, info->si_overrun > 0);

    write_shot(slot, context, ticks, periods);
    if (--slot->shots_left == 0)
        lease_return(slot);
}

/* The thread's CPU clock, on a kernel tick that found it running. */
static void on_tick(Slot *slot, const ucontext_t *context, u64 ticks)
{
    u64 cpu = clock_own_thread_cpu();
    /* Where the tick is delivered before the shots that came due with it in the kernel: setting the timer anew drops
       those. One sample more or less is the shots' random phase. */
    u64 owed = slot->unsettled != 0 ? samples_owed(slot, cpu) : 0;
    if (owed > 1)
        write_shot(slot, context, ticks, owed);
    RegionRecord record = {.ticks = ticks, .value = cpu - slot->settled_cpu_ns};
    int written;
    if (slot->unsettled != 0) {
        record.kind = RECORD_SETTLE;
        written = ring_put(slot, &record);
    } else {
        record.kind = RECORD_TICK;
        take_stack(slot, context, &record);
        written = write_sample(slot, &record);
    }
    if (written) {
        slot->settled_cpu_ns = cpu;
        slot->unsettled = 0;
    }
    slot->seen_ticks = ticks;
    slot->seen_cpu_ns = cpu;
    __atomic_store_n(&slot->shared->cpu_ns, cpu, __ATOMIC_RELAXED);
    if (slot->shot_period_ns != 0)
        lease_grant(slot, ticks);
}

static void on_timer(Slot *slot, const siginfo_t *info, const ucontext_t *context)
{
    u64 value = (u64)info->si_value.sival_ptr;
    __atomic_fetch_add(&slot->in_handler, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&slot->cookie, __ATOMIC_SEQ_CST) == (value & ~COOKIE_SHOT)) {
        u64 ticks = hot.clock();
        if (__atomic_load_n(&slot->paused, __ATOMIC_SEQ_CST) || is_quiet())
            __atomic_fetch_add(&hot.late, 1, __ATOMIC_RELAXED);
        else if (value & COOKIE_SHOT)
            on_shot(slot, info, context, ticks);
        else
            on_tick(slot, context, ticks);
    } else {
        /* The slot may be another thread's by now: its fields are not ours to touch. */
        __atomic_fetch_add(&hot.late, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_sub(&slot->in_handler, 1, __ATOMIC_RELEASE);
}

/*
 * Not ours: the runtime's own use of the signal, or somebody's else. It goes to the handler that was there before,
 * under the mask that handler would have run with had ours not been in front of it: the runtime's waits in there for a
 * garbage collection to end.
 */
static void chain(int number, siginfo_t *info, void *context)
{
    __atomic_fetch_add(&hot.chained, 1, __ATOMIC_RELAXED);
    const struct sigaction *previous = &hot.previous;
    if (previous->sa_handler == SIG_IGN || previous->sa_handler == SIG_DFL)
        return;

    /* The kernel's signal set is one 64-bit word on x86-64, the first of libc's sigset_t. */
    u64 mask = *(const u64 *)&((const ucontext_t *)context)->uc_sigmask | *(const u64 *)&previous->sa_mask;
    if (!(previous->sa_flags & SA_NODEFER))
        mask |= UINT64_C(1) << (number - 1);
    syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof mask);
    if (previous->sa_flags & SA_SIGINFO)
        previous->sa_sigaction(number, info, context);
    else
        previous->sa_handler(number);
}

void handler_entry(int number, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    u64 value = (u64)info->si_value.sival_ptr;
    if (info->si_code == SI_TIMER && value >> 48 == COOKIE_MAGIC) {
        u32 index = cookie_index(value);
        if (index < hot.slot_count)
            on_timer(&hot.slots[index], info, context);
        else
            __atomic_fetch_add(&hot.late, 1, __ATOMIC_RELAXED);
    } else {
        chain(number, info, context);
    }
    errno = saved_errno;
}
