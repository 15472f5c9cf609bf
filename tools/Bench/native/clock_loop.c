/* What a clock costs C code: loops that do nothing but read it. Each gives the sum, so that no read can be left out. */
#include "slots.h"

#include <time.h>
#include <x86intrin.h>

DPP_API u64 loop_inline_rdtsc(u64 calls);
DPP_API u64 loop_direct_clock_gettime(u64 calls);
DPP_API u64 loop_pointer(clock_read clock, u64 calls);

u64 loop_inline_rdtsc(u64 calls)
{
    u64 sum = 0;
    while (calls-- != 0)
        sum += __rdtsc();
    return sum;
}

u64 loop_direct_clock_gettime(u64 calls)
{
    u64 sum = 0;
    struct timespec t;
    while (calls-- != 0) {
        clock_gettime(CLOCK_MONOTONIC, &t);
        sum += (u64)t.tv_sec * UINT64_C(1000000000) + (u64)t.tv_nsec;
    }
    return sum;
}

u64 loop_pointer(clock_read clock, u64 calls)
{
    u64 sum = 0;
    while (calls-- != 0)
        sum += clock();
    return sum;
}
