#include "sources.h"

#include <dlfcn.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

typedef int (*gettime)(clockid_t, struct timespec *);

static gettime vdso_gettime;

/* The names begin alike: the share of a clock in a profile is that of the functions called clock_*. */
static u64 clock_source_tsc(void)
{
    return __rdtsc();
}

static u64 clock_source_vdso(void)
{
    struct timespec t;
    vdso_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * UINT64_C(1000000000) + (u64)t.tv_nsec;
}

static u64 clock_source_stopwatch(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * UINT64_C(1000000000) + (u64)t.tv_nsec;
}

static u64 clock_source_constant(void)
{
    return 1;
}

static clock_read find_vdso(void)
{
    void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
    vdso_gettime = vdso ? (gettime)dlsym(vdso, "__vdso_clock_gettime") : 0;
    return vdso_gettime ? clock_source_vdso : 0;
}

static clock_read find_runtime(const char *library)
{
    void *runtime = library && *library ? dlopen(library, RTLD_LAZY | RTLD_LOCAL) : 0;
    return runtime ? (clock_read)dlsym(runtime, "SystemNative_GetTimestamp") : 0;
}

clock_read bench_source(const char *name, const char *runtime_library)
{
    if (strcmp(name, "tsc") == 0)
        return clock_source_tsc;
    if (strcmp(name, "runtime") == 0)
        return find_runtime(runtime_library);
    if (strcmp(name, "vdso") == 0)
        return find_vdso();
    if (strcmp(name, "stopwatch") == 0)
        return clock_source_stopwatch;
    if (strcmp(name, "constant") == 0)
        return clock_source_constant;
    return 0;
}
