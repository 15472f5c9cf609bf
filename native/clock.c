#include "clock.h"

#include <time.h>
#include <x86intrin.h>

static inline u64 read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (u64)t.tv_sec * UINT64_C(1000000000) + (u64)t.tv_nsec;
}

u64 clock_tsc(void)
{
    return __rdtsc();
}

u64 clock_vdso(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

u64 clock_own_thread_cpu(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
