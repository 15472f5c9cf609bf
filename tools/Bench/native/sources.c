#include "sources.h"

#include "slots.h"

#include <dlfcn.h>
#include <string.h>
#include <x86intrin.h>

/*
 * The instructions of the agent's thunk. Names begin as the agent's do: a clock's share in a profile is that of the
 * functions called clock_*.
 */
static u64 clock_source_tsc(void)
{
    return __rdtsc();
}

static u64 clock_source_constant(void)
{
    return 1;
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
        return (clock_read)clock_pointer(CLOCK_KIND_VDSO);
    if (strcmp(name, "stopwatch") == 0)
        return (clock_read)clock_pointer(CLOCK_KIND_STOPWATCH);
    if (strcmp(name, "constant") == 0)
        return clock_source_constant;
    return 0;
}
