#include "sandbox.h"

#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/wait.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define STATUS_BYTES 8192u
#define KIB_PER_GIB (UINT64_C(1) << 20)
#define LARGE_KIB (2 * KIB_PER_GIB) /* resident; to copy its page tables takes 20 ms or so, in which it gets no memory */
#define LOOK_US 200u
#define LOOKS 10000u /* a filter may ask another process, which takes its time, or never answers */

/* With arguments that do nothing: where the filter lets them pass, the kernel refuses them. */
static const struct {
    long number;
    long first;
    long second;
} calls[] = {
    [SANDBOX_CALL_MEMFD_CREATE] = {SYS_memfd_create, 0, -1},
    [SANDBOX_CALL_FALLOCATE] = {SYS_fallocate, -1, 0},
    [SANDBOX_CALL_TIMER_CREATE] = {SYS_timer_create, INT16_MAX, 0},
    [SANDBOX_CALL_PROCESS_VM_READV] = {SYS_process_vm_readv, 0, 0},
    [SANDBOX_CALL_PERF_EVENT_OPEN] = {SYS_perf_event_open, 0, 0},
    [SANDBOX_CALL_CLOSE_RANGE] = {SYS_close_range, 1, 0},
    [SANDBOX_CALL_SCHED_SETATTR] = {SYS_sched_setattr, 0, 0},
};

#define CALLS ((u32)(sizeof calls / sizeof *calls))

/* What may not be tried, and can be done without. */
#define RARE                                                                                                     \
    (1u << SANDBOX_CALL_PROCESS_VM_READV | 1u << SANDBOX_CALL_PERF_EVENT_OPEN | 1u << SANDBOX_CALL_CLOSE_RANGE | \
     1u << SANDBOX_CALL_SCHED_SETATTR)

typedef enum Fate { NO_CHILD, LIVED, KILLED } Fate;

/*
 * In the child, which has one thread, a copy of all memory, and nobody else's locks: system calls alone, none of libc's.
 * `at` is seen by both.
 */
static void __attribute__((noreturn)) try_calls(u32 first, u32 *at)
{
    /* What a filter traps counts as deadly, whatever the application makes of it; and no core is written of it. */
    const u64 by_default[4] = {0}; /* the kernel's struct sigaction: SIG_DFL */
    syscall4(SYS_rt_sigaction, SIGSYS, (long)by_default, 0, sizeof(u64));
    syscall4(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0);
    for (u32 i = first; i < CALLS; i++) {
        __atomic_store_n(at, i, __ATOMIC_SEQ_CST);
        syscall6(calls[i].number, calls[i].first, calls[i].second, 0, 0, 0, 0);
    }
    for (;;)
        syscall4(SYS_exit_group, 0, 0, 0, 0);
}

static Fate run_child(u32 first, u32 *at)
{
    /* No signal at its end, so that nobody who waits for children of the application's sees it; nor do handlers of
       pthread_atfork, which are the application's. */
    long child = syscall6(SYS_clone, 0, 0, 0, 0, 0, 0);
    if (child == 0)
        try_calls(first, at);
    if (child < 0)
        return NO_CHILD;
    int status = 0;
    long result = 0;
    for (u32 look = 0; look < LOOKS && (result == 0 || result == -EINTR); look++) {
        result = syscall4(SYS_wait4, child, (long)&status, __WALL | WNOHANG, 0);
        if (result == 0)
            usleep(LOOK_US);
    }
    if (result == child)
        return status == 0 ? LIVED : KILLED;
    /* The application has waited for it, as for any child of whatever kind: its number may be another's by now. */
    if (result != 0 && result != -EINTR)
        return NO_CHILD;
    syscall4(SYS_kill, child, SIGKILL, 0, 0);
    syscall4(SYS_wait4, child, (long)&status, __WALL, 0);
    return KILLED;
}

static u32 find_deadly(void)
{
    u32 deadly = 0, first = 0;
    u32 *at = mmap(0, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return RARE;
    while (first < CALLS) {
        *at = first;
        Fate fate = run_child(first, at);
        if (fate == NO_CHILD)
            deadly |= RARE;
        if (fate != KILLED)
            break;
        u32 reached = __atomic_load_n(at, __ATOMIC_SEQ_CST);
        deadly |= 1u << reached;
        first = reached + 1;
    }
    munmap(at, sizeof *at);
    return deadly;
}

/* The number behind a name in /proc/self/status; 0 where there is none. */
static u64 number_in(const char *status, const char *name)
{
    const char *found = strstr(status, name);
    return found ? strtoull(found + strlen(name), 0, 10) : 0;
}

void sandbox_look(void)
{
    char status[STATUS_BYTES];
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, status, sizeof status - 1);
    if (file >= 0)
        close(file);
    status[length < 0 ? 0 : length] = 0;
    /* SECCOMP_MODE_FILTER of linux/seccomp.h; where it cannot be read there may be one. */
    if (length > 0 && number_in(status, "\nSeccomp:") != 2)
        return;
    hot.deadly_calls = number_in(status, "\nVmRSS:") > LARGE_KIB ? RARE : find_deadly();
}

u32 sandbox_deadly_calls(void)
{
    return hot.deadly_calls;
}
