/*
 * What a thread that is to be sampled all the time needs, for P/Invoke: the kernel's calls alone, nothing of the agent's.
 * The agent in the process is the real one, and its handler the one that takes the signals.
 */
#include "region.h"
#include "syscalls.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define DPP_API __attribute__((visibility("default")))

DPP_API i64 load_install_empty(i32 number);
DPP_API i64 load_delete_timer(i32 id);
DPP_API u64 load_signal(i32 number, u64 value, u64 count);

static void empty_handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
}

/* A handler that does nothing, installed as the agent installs its own: what a signal costs without it. */
i64 load_install_empty(i32 number)
{
    struct sigaction action = {.sa_sigaction = empty_handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    memset(&action.sa_mask, 0xFF, sizeof action.sa_mask);
    return sigaction(number, &action, 0) == 0 ? 0 : -errno;
}

/* By the kernel's id, which is not libc's. */
i64 load_delete_timer(i32 id)
{
    return syscall4(SYS_timer_delete, id, 0, 0, 0);
}

/*
 * Sends the calling thread `count` signals as a timer of its own would that carries `value`. Each has been handled when
 * the call that sent it returns. Gives how many the kernel took.
 */
u64 load_signal(i32 number, u64 value, u64 count)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = number;
    info.si_code = SI_TIMER;
    info.si_value.sival_ptr = (void *)value;
    long process = getpid();
    long thread = gettid();
    u64 sent = 0;
    for (u64 i = 0; i < count; i++)
        sent += syscall4(SYS_rt_tgsigqueueinfo, process, thread, number, (long)&info) == 0;
    return sent;
}
