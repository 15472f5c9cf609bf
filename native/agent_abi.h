/*
 * What the agent's C and C# hand each other inside the process. Like the region's, these layouts are stated here alone
 * and turned into C# by layout_gen.c.
 */
#ifndef DPP_AGENT_ABI_H
#define DPP_AGENT_ABI_H

#include "region.h"

#define EVENT_NAME_UNITS 64u

#define AGENT_START_FIELDS(F, A)  \
    F(u32, signal_number)         /* the runtime's activation signal, 0 when not found */ \
    F(u32, launch_wait_ms)        /* how long to hold the process at its start for a collector, 0: not at all */ \
    F(u64, thread_root_return)    /* as in RegionHeader */ \
    F(u64, main_root_return)      \
    F(u32, failing_clocks)        /* a test's wish: bits (1 << ClockKind) of clocks whose probes are to fail */ \
    F(u32, perf_tests)            /* likewise: bits (1 << PerfTest) */ \
    A(u8, runtime_version, 32)

#define SLOT_SETUP_FIELDS(F, A)   \
    F(u32, index)                 \
    F(u32, generation)            /* unique among the slot's threads and sessions */ \
    F(u32, tid)                   \
    F(u32, random)                /* not 0 */ \
    F(u64, ring_offset)           /* in the region's rings section */ \
    F(u64, ring_records)          /* a power of two */ \
    F(u64, cpu_now_ns)            /* the thread's CPU clock where its settlement begins */ \
    F(u64, tick_first_ns)         /* CPU time to the first expiry */ \
    F(u64, tick_period_ns)        /* CPU time between two expiries */ \
    F(u64, shot_period_ns)        /* 0: no shots */ \
    F(u64, shots_per_tick)        \
    F(u64, stack_low)             \
    F(u64, stack_high)            /* 0: not known yet */

#define PERF_SETUP_FIELDS(F, A)   \
    F(u64, period_ns)             \
    F(u32, is_late)               /* a test's wish: the pump reads the rings once a second */ \
    F(u32, reserved)

#define PERF_STATUS_FIELDS(F, A)  \
    F(u64, lost)                  /* samples for which the kernel found its ring full */ \
    F(u64, throttled)             \
    F(u64, slotless)              /* samples written to the spare slot */ \
    F(u64, damaged)               \
    F(u64, sampled_ns)            /* CPU time of all samples, lost ones included */ \
    F(u64, counted_ns)            /* CPU time the events have counted; when it was last read */ \
    F(u32, kernel_excluded)       \
    F(u32, stack_bytes)           \
    F(u32, ring_bytes)            /* of each CPU's ring */ \
    F(u32, cpus)                  \
    F(u32, pump_tid)              \
    F(u32, reserved)

#define AGENT_EVENT_FIELDS(F, A)  \
    F(u32, kind)                  /* AgentEventKind */ \
    F(u32, tid)                   /* started: the new thread's; ended: the calling thread's; named: 0 */ \
    F(u64, managed_id)            /* the runtime's ThreadID; unloaded: its id of the method or module */ \
    F(u64, sp)                    /* started on its own thread: an address in its stack, and its TCB's; else 0 */ \
    F(u64, tcb)                   \
    F(u64, cpu_ns)                /* ended: the calling thread's CPU clock */ \
    F(u32, name_units)            /* UTF-16 units of `name` */ \
    F(u32, reserved)              \
    A(u16, name, EVENT_NAME_UNITS)

#define PERF_TEST_VALUES(V) V(LATE, 0) /* PerfSetup.is_late */ V(DEAR, 1) /* a sample's cost rises fourfold, a second after the start */

#define AGENT_EVENT_KIND_VALUES(V) V(NONE, 0) V(THREAD_STARTED, 1) V(THREAD_ENDED, 2) V(THREAD_NAMED, 3) \
    V(METHOD_UNLOADED, 4) V(MODULE_UNLOADED, 5)

/* sandbox.h: our system calls that a seccomp filter may know nothing of */
#define SANDBOX_CALL_VALUES(V) V(MEMFD_CREATE, 0) V(FALLOCATE, 1) V(TIMER_CREATE, 2) V(PROCESS_VM_READV, 3) \
    V(PERF_EVENT_OPEN, 4) V(CLOSE_RANGE, 5) V(SCHED_SETATTR, 6)

#define AGENT_STRUCTS(S)                \
    S(AgentStart, AGENT_START_FIELDS)   \
    S(SlotSetup, SLOT_SETUP_FIELDS)     \
    S(PerfSetup, PERF_SETUP_FIELDS)     \
    S(PerfStatus, PERF_STATUS_FIELDS)   \
    S(AgentEvent, AGENT_EVENT_FIELDS)

#define AGENT_ENUMS(E) E(AgentEventKind, AGENT_EVENT_KIND_VALUES) E(PerfTest, PERF_TEST_VALUES) E(SandboxCall, SANDBOX_CALL_VALUES)

AGENT_STRUCTS(DPP_STRUCT)

enum {
#define DPP_EVENT_KIND(name, value) EVENT_##name = value,
    AGENT_EVENT_KIND_VALUES(DPP_EVENT_KIND)
#define DPP_PERF_TEST(name, value) PERF_TEST_##name = value,
    PERF_TEST_VALUES(DPP_PERF_TEST)
#define DPP_SANDBOX_CALL(name, value) SANDBOX_CALL_##name = value,
    SANDBOX_CALL_VALUES(DPP_SANDBOX_CALL)
};

#endif
