/*
 * restrict [-u UID] [-d CALL]... [-e CALL]... [-k CALL]... [-f OFFSET] [-l LIMIT=NUMBER]... PROGRAM ARGUMENT...: runs a program as
 * containers and careful administrators do: as another user, with a seccomp filter that answers system calls with EPERM
 * (-d, Docker's way) or EACCES (-e, as the kernel itself answers by perf_event_paranoid), or ends the process for them (-k,
 * systemd's way), or answers fallocate at one offset with ENOSPC (-f), with small limits. Every step that fails ends it with 99 and the reason.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FAILED = 99, MOST_CALLS = 8 };

static const struct { const char *name; int number; } calls[] = {
    {"perf_event_open", SYS_perf_event_open}, {"timer_create", SYS_timer_create}, {"memfd_create", SYS_memfd_create}, {"process_vm_readv", SYS_process_vm_readv},
    {"close_range", SYS_close_range}, {"sched_setattr", SYS_sched_setattr}, {"fallocate", SYS_fallocate},
};

static const struct { const char *name; int number; } limits[] = {
    {"nofile", RLIMIT_NOFILE}, {"memlock", RLIMIT_MEMLOCK}, {"sigpending", RLIMIT_SIGPENDING}, {"as", RLIMIT_AS},
};

static void fail(const char *what)
{
    fprintf(stderr, "restrict: %s: %s\n", what, strerror(errno));
    exit(FAILED);
}

static int call_number(const char *name)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(calls[i].name, name) == 0)
            return calls[i].number;
    errno = ENOSYS;
    fail(name);
    return -1;
}

static void set_limit(char *text)
{
    char *equals = strchr(text, '=');
    if (equals != NULL)
        *equals = 0;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (equals == NULL || strcmp(limits[i].name, text) != 0)
            continue;
        rlim_t value = strtoul(equals + 1, NULL, 10);
        struct rlimit limit = {value, value};
        if (setrlimit(limits[i].number, &limit) != 0)
            fail(text);
        return;
    }
    errno = EINVAL;
    fail(text);
}

static void deny(const int *numbers, const unsigned *answers, int count, unsigned full_at)
{
    struct sock_filter filter[7 + 2 * MOST_CALLS];
    int n = 0;
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    if (full_at != 0) {
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 0, 4);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]));
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, full_at, 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    for (int i = 0; i < count; i++) {
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)numbers[i], 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answers[i]);
    }
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)n, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        fail("seccomp");
}

int main(int argc, char **argv)
{
    int numbers[MOST_CALLS], count = 0, option;
    unsigned answers[MOST_CALLS], full_at = 0;
    while ((option = getopt(argc, argv, "+u:d:e:k:f:l:")) != -1) {
        if (option == 'u') {
            unsigned id = (unsigned)strtoul(optarg, NULL, 10);
            if (setgroups(0, NULL) != 0 || setgid(id) != 0 || setuid(id) != 0)
                fail("user");
        } else if ((option == 'd' || option == 'e' || option == 'k') && count < MOST_CALLS) {
            answers[count] = option == 'k' ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | (option == 'd' ? EPERM : EACCES);
            numbers[count++] = call_number(optarg);
        } else if (option == 'f') {
            full_at = (unsigned)strtoul(optarg, NULL, 10);
        } else if (option == 'l') {
            set_limit(optarg);
        } else {
            return FAILED;
        }
    }
    if (count > 0 || full_at != 0)
        deny(numbers, answers, count, full_at);
    execvp(argv[optind], argv + optind);
    fail(argv[optind]);
    return FAILED;
}
