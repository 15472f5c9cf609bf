/*
 * Where the agent's own runtime handles faults, in front of the application's. Its code heads frames by rbp, but has no
 * tables for the first two instructions, before it does. An interrupt that comes due while the kernel delivers a signal is
 * taken at the first one, so that samples stand there often. Runs on the agent's thread.
 */
#include "rules.h"
#include "slots.h"

#include <dlfcn.h>
#include <signal.h>

#define PUSH_RBP 0x55u

static void publish(int number)
{
    static const StepRule entered = {.cfa = 8}, pushed = {.cfa = 16, .saved_rbp = 16};
    struct sigaction fault;
    Dl_info theirs, ours;
    if (sigaction(number, 0, &fault) != 0 || !(fault.sa_flags & SA_SIGINFO))
        return;
    const u8 *code = (const u8 *)fault.sa_sigaction;
    /* Another's may be unloaded, and its rules would stay. */
    if (!dladdr(code, &theirs) || !dladdr((const void *)publish, &ours) || theirs.dli_fbase != ours.dli_fbase)
        return;
    rules_publish_here((u64)code, &entered);
    if (code[0] == PUSH_RBP)
        rules_publish_here((u64)code + 1, &pushed);
}

void fault_handlers_publish(void)
{
    publish(SIGSEGV);
    publish(SIGFPE);
}
