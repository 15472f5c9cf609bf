#include "entry.h"

#include "sandbox.h"
#include "slots.h"
#include "syscalls.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define NOT_READY INT32_MIN
#define READY_PATIENCE_S 15
#define LAUNCH_WAIT_LIMIT_MS 10000u

/* The agent's runtime and region reserve 0.9 GB, whatever the environment says of heaps. */
#define ADDRESS_SPACE (UINT64_C(1) << 30)

/* The managed side; weak, so that the unit tests can load this library without it. */
extern void agent_main(const AgentStart *start) __attribute__((weak));

static AgentStart start;
static i32 ready = NOT_READY;

/*
 * The agent is linked with this in the place of libc's getenv (agent/Agent.csproj): what is set is meant for the application's
 * runtime, and ours would obey it too. DOTNET_GCHeapHardLimit would have it reserve as much as the application's heap does,
 * DOTNET_GCLargePages abort the process, and DOTNET_DbgEnableMiniDump write dumps. Besides, another thread may be changing
 * the environment. Our own variables are asked of the application's runtime, see profiler.c.
 */
char *__wrap_getenv(const char *name);
char *__wrap_getenv(const char *name)
{
    (void)name;
    return 0;
}

/*
 * The runtime masks its activation signal while it handles a fault, so that signal stands in its SIGSEGV handler's
 * mask. Read before the agent's own runtime starts, which puts a SIGSEGV handler of its own in front.
 */
static u32 find_activation_signal(void)
{
    struct sigaction fault, candidate;
    if (sigaction(SIGSEGV, 0, &fault) != 0)
        return 0;
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        if (sigismember(&fault.sa_mask, number) == 1 && sigaction(number, 0, &candidate) == 0 &&
            (candidate.sa_flags & SA_SIGINFO))
            return (u32)number;
    /* Somebody else's SIGSEGV handler is in front: the number has been SIGRTMIN in every release. */
    if (sigaction(SIGRTMIN, 0, &candidate) == 0 && (candidate.sa_flags & SA_SIGINFO))
        return (u32)SIGRTMIN;
    return 0;
}

static __attribute__((noinline)) void *run_agent(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "dotnet-pprof");
    start.thread_root_return = (u64)__builtin_return_address(0);
    sandbox_look();
    agent_main(&start);
    /* Not a tail call, so that the return address above is libc's. */
    __asm__ volatile("");
    return 0;
}

void agent_ready(i32 result)
{
    __atomic_store_n(&ready, result, __ATOMIC_RELEASE);
    syscall6(SYS_futex, (long)&ready, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
}

static i32 wait_ready(void)
{
    for (int second = 0; second < READY_PATIENCE_S; second++) {
        struct timespec timeout = {.tv_sec = 1};
        i32 result = __atomic_load_n(&ready, __ATOMIC_ACQUIRE);
        if (result != NOT_READY)
            return result;
        syscall6(SYS_futex, (long)&ready, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, NOT_READY, (long)&timeout, 0, 0);
    }
    return -ETIMEDOUT;
}

/* The agent's runtime aborts the process when there is no room for its heap. */
static int has_address_space(void)
{
    void *space = mmap(0, ADDRESS_SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED)
        return 0;
    munmap(space, ADDRESS_SPACE);
    return 1;
}

i32 agent_start(const char *runtime_version, u32 launch_wait_ms, u32 failing_clocks, u32 perf_tests)
{
    if (!agent_main)
        return -ENOSYS;
    if (!has_address_space())
        return -ENOMEM;
    ready = NOT_READY;
    start.signal_number = find_activation_signal();
    start.main_root_return = root_of_main();
    strncpy((char *)start.runtime_version, runtime_version, sizeof start.runtime_version - 1);
    start.launch_wait_ms = launch_wait_ms < LAUNCH_WAIT_LIMIT_MS ? launch_wait_ms : LAUNCH_WAIT_LIMIT_MS;
    start.failing_clocks = failing_clocks;
    start.perf_tests = perf_tests;

    /* The application's signals are for the application's threads. What the agent's runtime and the calibration need
       stays open: faults, and the activation signal. */
    sigset_t blocked, before;
    sigfillset(&blocked);
    const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, (int)start.signal_number};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        if (open[i] != 0)
            sigdelset(&blocked, open[i]);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 1u << 20);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int error = pthread_create(&thread, &attributes, run_agent, 0);
    pthread_sigmask(SIG_SETMASK, &before, 0);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        return -error;
    return wait_ready();
}
