#include "clock.h"

int (*clock_vdso_entry)(clockid_t, struct timespec *);

static inline u64 nanoseconds(struct timespec t)
{
    return (u64)t.tv_sec * UINT64_C(1000000000) + (u64)t.tv_nsec;
}

u64 clock_stopwatch(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return nanoseconds(t);
}

u64 clock_vdso(void)
{
    struct timespec t;
    clock_vdso_entry(CLOCK_MONOTONIC, &t);
    return nanoseconds(t);
}

u64 clock_own_thread_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return nanoseconds(t);
}
