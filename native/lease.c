#include "hot.h"
#include "syscalls.h"

#include <errno.h>
#include <time.h>

long timer_set(i64 timer, u64 first_ns, u64 interval_ns)
{
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(first_ns / 1000000000u), .tv_nsec = (long)(first_ns % 1000000000u)},
        .it_interval = {.tv_sec = (time_t)(interval_ns / 1000000000u), .tv_nsec = (long)(interval_ns % 1000000000u)}};
    return syscall4(SYS_timer_settime, (long)timer, 0, (long)&when, 0);
}

long timer_arm(i64 timer, u64 first_ns, u64 interval_ns)
{
    /* Whoever sets it and only then looks may be held up in between, by the scheduler or by the dump itself, while it fires. */
    if (is_quiet())
        return 0;
    long result = timer_set(timer, first_ns, interval_ns);
    /* Looked at again after it was set: a fork that raises the quiet after this look stops it itself. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (is_quiet())
        timer_set(timer, 0, 0);
    return result;
}

static inline u64 to_ticks(u64 ns)
{
    return ns * hot.ticks_per_ns >> RATE_SHIFT;
}

void lease_grant(Slot *slot, u64 ticks)
{
    /* A new random phase for every tick: shots that keep step with the tick would alias with whatever the program does
       in steps of the period. */
    u32 r = slot->random;
    r ^= r << 13;
    r ^= r >> 17;
    r ^= r << 5;
    slot->random = r;
    u64 period = __atomic_load_n(&slot->shot_period_ns, __ATOMIC_RELAXED);
    u64 first = 1 + r % period;
    slot->due = ticks + to_ticks(first);
    timer_arm(slot->shot_timer, first, period);
    /* One more than a tick's worth, so that a tick that comes a little late does not find the timer disarmed. */
    slot->shots_left = slot->shots_per_tick + 1;
}

void lease_return(Slot *slot)
{
    slot->shots_left = 0;
    timer_set(slot->shot_timer, 0, 0);
}

/* How long the thread was off its CPU since its CPU clock was last read; reads it again. */
static u64 time_off_cpu(Slot *slot, u64 ticks)
{
    u64 cpu = clock_own_thread_cpu();
    u64 span = ticks - slot->seen_ticks;
    u64 ran = cpu - slot->seen_cpu_ns;
    slot->seen_ticks = ticks;
    slot->seen_cpu_ns = cpu;
    if (span >> 40) /* minutes: beyond the rate's arithmetic */
        return UINT64_MAX;
    u64 passed = span * hot.ns_per_tick >> RATE_SHIFT;
    return passed > ran ? passed - ran : 0;
}

int lease_missed_thread(Slot *slot, const siginfo_t *info, u64 ticks)
{
    u64 period = to_ticks(__atomic_load_n(&slot->shot_period_ns, __ATOMIC_RELAXED));
    u64 expired = slot->due + (u64)info->si_overrun * period;
    slot->due = expired + period;
    u64 late = ticks - expired;
    if (late >> 63 || late <= to_ticks(hot.late_tolerance_ns))
        return 0;
    /* Late because it was in the kernel, busy: that is a sample of the kernel's work for it. */
    return time_off_cpu(slot, ticks) > hot.late_tolerance_ns;
}

/*
 * A timer that wakes a blocked thread finds it at the `syscall` instruction (the call will be restarted) or right
 * behind it with -EINTR. A system call that completed as the signal came shows another result: that thread was running.
 */
int lease_interrupted_syscall(const ucontext_t *context)
{
    u64 ip = (u64)context->uc_mcontext.gregs[REG_RIP];
    const volatile u8 *code = (const volatile u8 *)ip;
    /* Both bytes on the page that is executing, so that the read cannot fault. */
    if ((ip & 4095) <= 4094 && code[0] == 0x0F && code[1] == 0x05)
        return 1;
    return context->uc_mcontext.gregs[REG_RAX] == -EINTR && (ip & 4095) >= 2 && code[-2] == 0x0F && code[-1] == 0x05;
}
