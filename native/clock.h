/* Raw clocks, each callable from a signal handler: no locks, no allocation, no errno. */
#ifndef DPP_CLOCK_H
#define DPP_CLOCK_H

#include "region.h"

#include <time.h>

typedef u64 (*clock_read)(void);

/* CLOCK_MONOTONIC in nanoseconds, by libc's documented call: what Stopwatch.GetTimestamp comes down to. */
u64 clock_stopwatch(void);

/* The same straight from the vDSO. Only after vdso_find has set the entry below. */
u64 clock_vdso(void);

/* Nanoseconds of CPU time the calling thread has used. A system call of about half a microsecond. */
u64 clock_own_thread_cpu(void);

/* The vDSO's clock_gettime; set once, before clock_vdso is handed to anybody. */
extern int (*clock_vdso_entry)(clockid_t, struct timespec *) __attribute__((visibility("hidden")));

#endif
