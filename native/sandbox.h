/*
 * Which of our system calls a seccomp filter may end the process for. A filter may also answer a call with an error,
 * as Docker's does; that is looked for wherever a call is made. But a systemd unit's SystemCallFilter= ends the process unless
 * it is told otherwise, and perf_event_open is in none of the sets that a service is usually given. What the runtime itself
 * calls (sched_setaffinity for one) is not looked at: such a process would not have come so far.
 */
#ifndef DPP_SANDBOX_H
#define DPP_SANDBOX_H

#include "agent_abi.h"
#include "hot.h"

/*
 * Finds out, before any of the calls is made. By the agent's thread, alone, before all else. Where there is a filter it forks a
 * child that makes them: a few milliseconds, and none of it where there is no filter.
 */
void sandbox_look(void);

/* Whether a call is not to be made; `call` is one of SANDBOX_CALL_*. */
static inline int sandbox_kills(u32 call)
{
    return (int)(hot.deadly_calls >> call & 1);
}

DPP_API u32 sandbox_deadly_calls(void); /* bits (1 << SANDBOX_CALL_*) */

/* What such a call gives in place of its own result: no errno that the kernel has for these calls. */
#define SANDBOX_ERRNO ENOTRECOVERABLE

#endif
