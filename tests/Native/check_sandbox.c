/* The trial of a seccomp filter: it finds the call that is deadly, and is itself survived, whatever else the filter has against it. */
#include "check_bench.h"

#include "sandbox.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMERS_ALONE (1u << SANDBOX_CALL_TIMER_CREATE)
#define RARE_CALLS                                                                                               \
    (1u << SANDBOX_CALL_PROCESS_VM_READV | 1u << SANDBOX_CALL_PERF_EVENT_OPEN | 1u << SANDBOX_CALL_CLOSE_RANGE | \
     1u << SANDBOX_CALL_SCHED_SETATTR)

/* A filter that ends the process for timer_create, and does `action` for `call`. */
static void filter(long call, u32 action)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_timer_create, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (u32)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof steps / sizeof *steps, steps};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        printf("there are no seccomp filters here\n");
        exit(SKIPPED);
    }
}

static int finds_timers(void)
{
    sandbox_look();
    CHECK(sandbox_deadly_calls() == TIMERS_ALONE, "deadly are %x", sandbox_deadly_calls());
    return 0;
}

static int no_child_is_left(void)
{
    CHECK(waitpid(-1, 0, __WALL | WNOHANG) == -1 && errno == ECHILD, "a child is left");
    return 0;
}

int scenario_sandbox(void)
{
    filter(SYS_timer_create, SECCOMP_RET_ALLOW);
    return finds_timers() + no_child_is_left();
}

int scenario_sandbox_no_clone(void)
{
    filter(SYS_clone, SECCOMP_RET_KILL_PROCESS);
    return finds_timers() + no_child_is_left();
}

int scenario_sandbox_no_clone3(void)
{
    filter(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
    return finds_timers() + no_child_is_left();
}

int scenario_sandbox_no_wait(void)
{
    filter(SYS_wait4, SECCOMP_RET_KILL_PROCESS);
    sandbox_look();
    CHECK(sandbox_deadly_calls() == RARE_CALLS, "deadly are %x", sandbox_deadly_calls());
    return 0;
}

#define ENOUGH 20u
static atomic_uint waited_for;

static void *wait_for_all(void *unused)
{
    while (atomic_load(&waited_for) < ENOUGH)
        if (waitpid(-1, 0, __WALL) > 0)
            atomic_fetch_add(&waited_for, 1);
    return unused;
}

int scenario_sandbox_waited_for(void)
{
    pthread_t thread;
    filter(SYS_timer_create, SECCOMP_RET_ALLOW);
    CHECK(pthread_create(&thread, 0, wait_for_all, 0) == 0, "no thread");
    u64 patience = clock_stopwatch() + 30 * SECOND;
    while (atomic_load(&waited_for) < ENOUGH) {
        CHECK(clock_stopwatch() < patience, "only %u children were waited for by another thread", atomic_load(&waited_for));
        finds_timers();
    }
    return 0;
}

int scenario_sandbox_large(void)
{
    const size_t large = 260u << 20;
    filter(SYS_timer_create, SECCOMP_RET_ALLOW);
    finds_timers();
    void *memory = mmap(0, large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    CHECK(memory != MAP_FAILED, "no memory");
    sandbox_look();
    CHECK(sandbox_deadly_calls() == RARE_CALLS, "deadly are %x: it was tried", sandbox_deadly_calls());
    return 0;
}
