#include "hot.h"
#include "syscalls.h"

#include <errno.h>
#include <time.h>

static void set_timer(i64 timer, u64 first_ns, u64 interval_ns)
{
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(first_ns / 1000000000u), .tv_nsec = (long)(first_ns % 1000000000u)},
        .it_interval = {.tv_sec = (time_t)(interval_ns / 1000000000u), .tv_nsec = (long)(interval_ns % 1000000000u)}};
    syscall4(SYS_timer_settime, (long)timer, 0, (long)&when, 0);
}

void lease_grant(Slot *slot)
{
    /* A new random phase for every tick: shots that keep step with the tick would alias with whatever the program does
       in steps of the period. */
    u32 r = slot->random;
    r ^= r << 13;
    r ^= r >> 17;
    r ^= r << 5;
    slot->random = r;
    u64 period = __atomic_load_n(&slot->shot_period_ns, __ATOMIC_RELAXED);
    set_timer(slot->shot_timer, 1 + r % period, period);
    /* One more than a tick's worth, so that a tick that comes a little late does not find the timer disarmed. */
    slot->shots_left = slot->shots_per_tick + 1;
}

void lease_return(Slot *slot)
{
    slot->shots_left = 0;
    set_timer(slot->shot_timer, 0, 0);
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
