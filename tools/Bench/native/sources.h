/* Clock sources by name, for the loop that samples. */
#ifndef DPP_BENCH_SOURCES_H
#define DPP_BENCH_SOURCES_H

#include "hot.h"

/*
 * The function that reads a source: "tsc", "runtime" (an export of the library named), "vdso", "stopwatch" (libc's
 * clock_gettime), or "constant", which reads nothing: the price of the call alone. 0 when this machine has none.
 */
clock_read bench_source(const char *name, const char *runtime_library);

#endif
