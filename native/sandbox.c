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
#define KIB_PER_MIB UINT64_C(1024)
/* Resident. To copy the page tables takes some milliseconds, in which the process gets no memory; and of what its threads write
   while there is a child there are two copies, for which a container's limit may have no room. */
#define LARGE_KIB (256 * KIB_PER_MIB)
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

/* Seen by both. */
typedef struct Progress {
    u32 may_wait; /* wait4 is not deadly */
    u32 at;       /* the call that is being made; CALLS after the last */
} Progress;

/* In the child, which has one thread, a copy of all memory, and nobody else's locks: system calls alone, none of libc's. */
static void __attribute__((noreturn)) try_calls(u32 first, Progress *progress)
{
    /* What a filter traps counts as deadly, whatever the application makes of it; and no core is written of it. */
    const u64 by_default[4] = {0}; /* the kernel's struct sigaction: SIG_DFL */
    syscall4(SYS_rt_sigaction, SIGSYS, (long)by_default, 0, sizeof(u64));
    syscall4(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0);
    syscall4(SYS_wait4, -1, 0, __WALL | WNOHANG, 0);
    __atomic_store_n(&progress->may_wait, 1, __ATOMIC_SEQ_CST);
    for (u32 i = first; i < CALLS; i++) {
        __atomic_store_n(&progress->at, i, __ATOMIC_SEQ_CST);
        syscall6(calls[i].number, calls[i].first, calls[i].second, 0, 0, 0, 0);
    }
    __atomic_store_n(&progress->at, CALLS, __ATOMIC_SEQ_CST);
    for (;;)
        syscall4(SYS_exit_group, 0, 0, 0, 0);
}

/*
 * No signal at the child's end, so that nobody who waits for children of the application's sees it; nor do handlers of
 * pthread_atfork, which are the application's.
 */
static long make_child(void)
{
    /* struct clone_args, as it was at first. By this call libc has made our thread, so no filter ends the process for it; one that
       was made from what a program calls may do so for clone, which libc falls back to as we do. */
    static const u64 arguments[8] = {0};
    long child = syscall4(SYS_clone3, (long)arguments, sizeof arguments, 0, 0);
    return child == -ENOSYS || child == -EPERM ? syscall6(SYS_clone, 0, 0, 0, 0, 0, 0) : child;
}

/* Whether there was a child, which has ended: `progress` says where. */
static int run_child(u32 first, Progress *progress)
{
    progress->may_wait = 0;
    progress->at = first;
    long child = make_child();
    if (child == 0)
        try_calls(first, progress);
    if (child < 0)
        return 0;
    long result = 0;
    u32 may_wait = 0;
    for (u32 look = 0; look < LOOKS && (result == 0 || result == -EINTR); look++) {
        may_wait = may_wait || __atomic_load_n(&progress->may_wait, __ATOMIC_SEQ_CST);
        if (may_wait)
            result = syscall4(SYS_wait4, child, 0, __WALL | WNOHANG, 0);
        if (result == 0)
            usleep(LOOK_US);
    }
    /* It may have died of wait4, and so might we: then what is left of it stays. */
    if (!may_wait)
        return 0;
    /* ECHILD: the application has waited for it, as for any child of whatever kind, and its number may be another's by now. */
    if (result == child || result == -ECHILD)
        return 1;
    if (result != 0 && result != -EINTR)
        return 0;
    syscall4(SYS_kill, child, SIGKILL, 0, 0);
    syscall4(SYS_wait4, child, 0, __WALL, 0);
    return 1;
}

static u32 find_deadly(void)
{
    u32 deadly = 0, first = 0;
    Progress *progress = mmap(0, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED)
        return RARE;
    while (first < CALLS) {
        if (!run_child(first, progress)) {
            deadly |= RARE;
            break;
        }
        u32 reached = __atomic_load_n(&progress->at, __ATOMIC_SEQ_CST);
        if (reached >= CALLS)
            break;
        deadly |= 1u << reached;
        first = reached + 1;
    }
    munmap(progress, sizeof *progress);
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
