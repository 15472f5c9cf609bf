/* Raw clocks, each callable from a signal handler: no locks, no allocation, no errno. */
#ifndef DPP_CLOCK_H
#define DPP_CLOCK_H

#include "region.h"

typedef u64 (*clock_read)(void);

/* Cycles of the time stamp counter; not ordered against neighbouring instructions. */
u64 clock_tsc(void);

/* CLOCK_MONOTONIC in nanoseconds, through the vDSO where the kernel offers one. */
u64 clock_vdso(void);

/* Nanoseconds of CPU time the calling thread has used. A system call of about half a microsecond. */
u64 clock_own_thread_cpu(void);

#endif
