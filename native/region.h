/*
 * The shared region: the one contract between the agent and the collector.
 *
 * This file is the layout's only source. layout_gen.c turns the field lists below into C# structs (RegionLayout.g.cs)
 * at every build, so the two languages cannot drift; RegionLayout.LayoutHash, written into the header by the agent and
 * compared by the collector, catches an agent and a collector of different builds.
 *
 * The region is a sealed memfd. Sections follow each other at offsets named in the header; everything is
 * little-endian, naturally aligned, and fixed in size. "Agent writes" and "collector writes" below are exclusive:
 * no field is written by both, but `doorbell` (atomic add by both) and `owner` (compare-and-swap).
 */
#ifndef DPP_REGION_H
#define DPP_REGION_H

#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

#define REGION_MAGIC UINT64_C(0x31464F525050444E) /* "NDPPROF1" */
#define REGION_ABI 1u
#define REGION_NAME "dotnet-pprof"  /* the memfd's name: how a collector finds it among /proc/PID/fd */

#define REGION_PAGE 4096u
#define REGION_SLOTS 4096u          /* threads that can be sampled at once */
#define REGION_ANCHORS 4096u        /* clock anchors kept; at 4 a second, 17 minutes of a collector's absence */
#define REGION_MAX_DEPTH 512u       /* callers kept per stack */
#define REGION_CHAINS_BYTES (UINT64_C(32) << 20)
#define REGION_RINGS_BYTES (UINT64_C(512) << 20) /* address space; want_buffer_mb is what may have memory */
#define REGION_CHAIN_UNIT 16u       /* a chain id is its record's offset in the chain section over this; 0 is "no callers" */
#define REGION_COUNTERS 64u
#define REGION_VERDICT_BYTES 192u
#define REGION_VERDICTS_BYTES (5 * REGION_VERDICT_BYTES)
#define REGION_ASKS 256u            /* pieces of code that can be asked for at once */
#define REGION_CODE_BYTES (UINT64_C(1) << 20)
#define REGION_RULES 32768u         /* rules that can be proposed for them */

/* F(type, name) is a field, A(type, name, count) an array of fields. */

#define REGION_HEADER_FIELDS(F, A) /* agent writes, before anybody can open the region */ \
    F(u64, magic)                  \
    F(u32, abi)                    \
    F(u32, pid)                    /* in the target's own pid namespace */ \
    F(u64, layout_hash)            \
    F(u64, total_bytes)            \
    F(u64, control_offset)         \
    F(u64, counters_offset)        \
    F(u64, anchors_offset)         \
    F(u64, slots_offset)           \
    F(u64, chains_offset)          \
    F(u64, rings_offset)           \
    F(u64, learning_offset)        /* RegionLearning, then the arrays its comment names */ \
    F(u32, slot_count)             \
    F(u32, anchor_capacity)        \
    F(u32, signal_number)          \
    F(u32, reserved0)              \
    F(u64, thread_root_return)     /* where a thread's start routine returns to, in libc: the root of every thread's stack */ \
    F(u64, main_root_return)       /* where main() returns to, in libc: the root of the first thread; 0 when not found */ \
    F(u64, kernel_tick_ns)         /* 1e9 / HZ: how often a CPU-clock timer can fire */ \
    A(u8, agent_version, 32)       /* UTF-8, zero-padded, as all texts here */ \
    A(u8, runtime_version, 32)

#define REGION_CONTROL_FIELDS(F, A) \
    F(u32, doorbell)               /* futex: either side adds 1 and wakes; the agent waits on it */ \
    F(u32, reserved0)              \
    /* collector writes */ \
    F(u64, owner)                  /* pid of the collector that holds the lease, 0 when free; taken by compare-and-swap */ \
    F(u64, owner_start_time)       /* field 22 of the owner's /proc/PID/stat: tells a reused pid apart */ \
    F(u64, owner_heartbeat_ns)     /* CLOCK_MONOTONIC; older than 3 s is a dead owner, if its lock is gone too: by fcntl, F_OFD_SETLK, \
                                      on the byte of the file at its pid; older than 15 s in any case */ \
    F(u32, want_sampling)          \
    F(u32, want_rate_hz)           \
    F(u32, want_clock)             /* ClockKind */ \
    F(u32, command)                /* bumped after all that is wanted was written */ \
    F(u32, want_max_overhead_ppm)  /* of a sampled thread's CPU time, in millionths; 0: no budget */ \
    F(u32, want_engine)            /* EngineKind */ \
    F(u32, want_buffer_mb)         /* what all rings together may take */ \
    F(u32, want_burst_us)          /* length of a burst of sampling, 0: sample all the time */ \
    F(u32, want_burst_period_us)   /* one burst in each such stretch of time */ \
    F(u32, reserved1)              \
    /* agent writes */ \
    F(u32, acknowledged)           /* the last `command` that was carried out; futex for the collector */ \
    F(u32, state)                  /* AgentState */ \
    F(u64, session)                /* counts starts */ \
    F(u64, period_ns)              /* between two samples of a busy thread, as clamped */ \
    F(u64, sample_cost_ns)         /* calibrated */ \
    F(u32, limited_by)             /* RateLimit: why period_ns is longer than asked */ \
    F(u32, slots_used)             /* no slot from this one on has had a thread in this session */ \
    F(u32, burst_edges)            /* begins and ends of bursts so far: odd inside one */ \
    F(u32, engine)                 /* EngineKind, never AUTO */ \
    F(u64, start_ticks)            \
    F(u64, stop_ticks)             /* 0 while sampling */ \
    F(u64, process_cpu_start_ns)   /* CLOCK_PROCESS_CPUTIME_ID at start_ticks */ \
    F(u64, process_cpu_ns)         /* and lately; at stop_ticks when stopped */ \
    F(u64, agent_cpu_start_ns)     /* the agent's own threads' share of the above */ \
    F(u64, agent_cpu_ns)           \
    F(u64, heartbeat_ns)           /* CLOCK_MONOTONIC when process_cpu_ns was read, while sampling; written last */ \
    F(u64, anchor_count)           /* anchors ever written; the newest is at (anchor_count - 1) % anchor_capacity */ \
    F(u64, start_anchor)           /* anchors written before the session's first: that one's number, and its tick zero */ \
    F(u64, chains_used)            /* bytes of the section's half in use */ \
    F(u64, clock_hz)               /* ticks a second, as estimated at the start */ \
    F(u32, clock_kind)             /* ClockKind of all ticks of the session */ \
    F(u32, stack_bytes)            /* perf: how much of a thread's stack is copied with each sample */ \
    F(u64, not_permitted_ns)       /* perf: CPU time in the kernel, where samples of it are not permitted */ \
    A(u8, engine_reason, 192)      /* the engine, and why it */ \
    A(u8, clock_verdicts, REGION_VERDICTS_BYTES) /* a text of REGION_VERDICT_BYTES by ClockKind; AUTO's: why this clock */ \
    A(u8, error, 256)              /* why state is FAILED */

#define REGION_ANCHOR_FIELDS(F, A) /* agent writes, then publishes by anchor_count */ \
    F(u64, ticks_before)           \
    F(u64, ticks_after)            \
    F(i64, realtime_ns)            \
    F(i64, monotonic_ns)

#define REGION_SLOT_FIELDS(F, A)   /* one per sampled thread */ \
    /* agent writes */ \
    F(u32, state)                  /* SlotState */ \
    F(u32, generation)             /* bumped for every thread that gets the slot */ \
    F(u32, tid)                    \
    F(u32, name_sequence)          /* odd while `name` is being written */ \
    F(u64, managed_id)             /* the runtime's ThreadID, 0 for a native thread */ \
    F(u64, cpu_start_ns)           /* the thread's CPU clock at start_ticks, 0 for one that began later */ \
    F(u64, cpu_ns)                 /* and when it was last read */ \
    F(u64, context)                /* for span ids */ \
    A(u8, name, 64)                \
    F(u32, ring_start)             /* the ring's first record in the rings section; stands before state is LIVE */ \
    F(u32, ring_records)           /* records it holds, a power of two */ \
    A(u64, pad0, 1)                \
    /* the ring's producer writes: the thread's handler, or the perf engine's pump */ \
    F(u64, head)                   /* records ever written; released after the record */ \
    A(u64, pad1, 7)                \
    /* collector writes */ \
    F(u64, tail)                   /* records ever read */ \
    F(u32, drained_generation)     /* an ended thread's generation, once its ring is empty: the slot may be reused */ \
    F(u32, reserved0)              \
    A(u64, pad2, 6)

#define REGION_RECORD_FIELDS(F, A) /* a ring entry */ \
    F(u64, ticks)                  \
    F(u64, ip)                     /* the leaf's instruction pointer */ \
    F(u64, value)                  /* by kind */ \
    F(u32, chain)                  /* id of the callers' chain; 0: none were found */ \
    F(u8, kind)                    /* RecordKind */ \
    F(u8, generation)              /* of the chain's id: ids are used again after the section's half has been retired */ \
    F(u16, stop)                   /* StopReason in its low byte, RECORD_IN_KERNEL */

#define REGION_CHAIN_FIELDS(F, A)  /* followed by `depth` return addresses (u64), innermost first */ \
    F(u64, hash)                   \
    F(u32, depth)                  \
    F(u32, reserved0)

/*
 * How stacks are learned: the collector asks for code, the agent answers with its bytes, the collector proposes how to step
 * through it, the agent judges and publishes. One round at a time; each side bumps its number after what belongs to it.
 * RegionLearning is followed by REGION_ASKS each of RegionAsk, RegionAnswer, RegionProposal and RegionJudgement, by
 * REGION_RULES RegionRule, and by REGION_CODE_BYTES of code.
 */
#define REGION_LEARNING_FIELDS(F, A) \
    /* collector writes */         \
    F(u32, asked)                  /* round */ \
    F(u32, ask_count)              \
    F(u32, proposed)               /* round, once all proposals for it are written */ \
    F(u32, reserved0)              \
    A(u64, pad0, 6)                \
    /* agent writes */             \
    F(u32, answered)               /* round; futex for the collector */ \
    F(u32, judged)                 /* round; likewise */ \
    F(u64, judged_ns)              /* CLOCK_MONOTONIC: what was published of the round was in force from then on */ \
    F(u64, refused)                /* rules of the session that found no room */ \
    F(u64, published)              /* rules in force */ \
    F(u32, epoch)                  /* bumped when all rules were dropped: what was learned is to be learned again */ \
    F(u32, reserved1)              \
    A(u64, pad1, 3)

#define REGION_ASK_FIELDS(F, A)    /* collector writes */ \
    F(u64, start)                  \
    F(u32, size)                   /* bytes */ \
    F(u32, is_native_return)       /* start is where a call in native code returns to: only its rule is wanted */ \
    F(u64, method_id)              /* the runtime's ids of what the code belongs to: gone with them; 0: not known */ \
    F(u64, module_id)

#define REGION_ANSWER_FIELDS(F, A) /* agent writes */ \
    F(u32, kind)                   /* AnswerKind */ \
    F(u32, offset)                 /* of its bytes, in the code bytes */ \
    F(u32, size)                   \
    F(u32, reserved0)

#define REGION_PROPOSAL_FIELDS(F, A) /* collector writes */ \
    F(u32, first_rule)             /* out of bounds: nothing is proposed, what is in force there stays */ \
    F(u32, rule_count)

#define REGION_JUDGEMENT_FIELDS(F, A) /* agent writes */ \
    F(u32, judgement)              /* Judgement */

#define REGION_RULE_FIELDS(F, A)   /* collector writes */ \
    F(u32, offset)                 /* from the code's start */ \
    F(i32, cfa)                    /* bytes from rsp, or rbp, to where the caller's stack pointer will be */ \
    F(u16, saved_rbp)              /* the caller's rbp lies so many bytes below that; 0: it is in rbp */ \
    F(u8, from_rbp)                \
    F(u8, kind)                    /* RuleKind */

#define REGION_STRUCTS(S)                     \
    S(RegionHeader, REGION_HEADER_FIELDS)     \
    S(RegionControl, REGION_CONTROL_FIELDS)   \
    S(RegionAnchor, REGION_ANCHOR_FIELDS)     \
    S(RegionSlot, REGION_SLOT_FIELDS)         \
    S(RegionRecord, REGION_RECORD_FIELDS)     \
    S(RegionChain, REGION_CHAIN_FIELDS)       \
    S(RegionLearning, REGION_LEARNING_FIELDS) \
    S(RegionAsk, REGION_ASK_FIELDS)           \
    S(RegionAnswer, REGION_ANSWER_FIELDS)     \
    S(RegionProposal, REGION_PROPOSAL_FIELDS) \
    S(RegionJudgement, REGION_JUDGEMENT_FIELDS) \
    S(RegionRule, REGION_RULE_FIELDS)

#define RECORD_STOP_MASK 0xFFu
#define RECORD_IN_KERNEL 0x100u /* the kernel was at work for the thread; the leaf is where it was called */

#define ENGINE_KIND_VALUES(V) V(AUTO, 0) /* the agent chooses */ V(TIMER, 1) V(PERF, 2)
#define CLOCK_KIND_VALUES(V)                                                                \
    V(AUTO, 0)      /* the agent chooses */                                                 \
    V(TSC, 1)       /* the time stamp counter */                                            \
    V(RUNTIME, 2)   /* CLOCK_MONOTONIC by the runtime's own export, nanoseconds */          \
    V(VDSO, 3)      /* CLOCK_MONOTONIC straight from the vDSO, nanoseconds */               \
    V(STOPWATCH, 4) /* CLOCK_MONOTONIC by the public call, nanoseconds */
#define AGENT_STATE_VALUES(V) V(ASLEEP, 0) V(SAMPLING, 1) V(FAILED, 2)
#define SLOT_STATE_VALUES(V) V(FREE, 0) V(LIVE, 1) V(ENDED, 2)
#define RATE_LIMIT_VALUES(V) V(NONE, 0) V(COST, 1) /* twice the calibrated cost */ V(WATCHDOG, 2) /* samples rose, progress did not */ V(BUDGET, 3) /* the overhead allowed */ \
    V(KERNEL, 4) /* perf_event_max_sample_rate */

#define RULE_KIND_VALUES(V)                                                       \
    V(HERE, 0)   /* of the instruction that is being executed at the address */   \
    V(RETURN, 1) /* of the call that returns to the address */                    \
    V(BLOCK, 2)  /* of whatever is being executed in 32 bytes that begin there */
#define ANSWER_KIND_VALUES(V)                                                        \
    V(NOTHING, 0)    /* not readable, or no room in this round; native: no rule */ \
    V(CODE, 1)                                                                     \
    V(KNOWN_RULE, 2) /* native: what the handler did anyway is in force as a rule */ \
    V(NEW_RULE, 3)   /* native: frame pointers were followed there until now */   \
    V(NO_CALL, 4)    /* native: nothing was called from there */                  \
    V(SIGNAL_RETURN, 5) /* native: what a signal handler returns to, or seems to; its caller was interrupted */
#define JUDGEMENT_VALUES(V)                                                        \
    V(NONE, 0)                                                                     \
    V(PUBLISHED, 1)                                                                \
    V(CHANGED, 2) /* the code is not what it was when its bytes were read */       \
    V(REFUSED, 3) /* not sane */                                                   \
    V(NO_ROOM, 4) /* for some of its rules: there, frame pointers are followed */

/*
 * CPU time is never guessed from the period. A shot says "this thread was here"; its share of CPU time is settled by
 * the next record of the same thread that carries a reading of the thread's CPU clock.
 */
#define RECORD_KIND_VALUES(V)                                                                              \
    V(NONE, 0)                                                                                             \
    V(SHOT, 1)   /* a stack; value: periods it stands for; CPU time not yet settled */                     \
    V(TICK, 2)   /* a stack; value: CPU ns since the last settlement, for it and every unsettled record */ \
    V(SETTLE, 3) /* no stack; value as TICK's */                                                           \
    V(LOST, 4)   /* value: samples lost to a full ring since `ticks`; unsettled like SHOT */               \
    V(GAP, 5)    /* value: CPU ns used between two bursts, and no part of any settlement's */              \
    V(UNSAMPLED, 6) /* value: CPU ns used while the agent kept quiet, likewise */

#define STOP_REASON_VALUES(V)                                                                            \
    V(ROOT, 0)          /* the thread's root frame: the stack is whole */                                \
    V(BOUNDS, 1)        /* the next frame pointer points outside the stack */                            \
    V(UNALIGNED, 2)                                                                                      \
    V(NOT_OUTWARD, 3)   /* the next frame is not further out than this one */                            \
    V(DEPTH, 4)         /* more than REGION_MAX_DEPTH callers */                                         \
    V(UNREADABLE, 5)    /* the thread was not on a stack we know, and the kernel would not read that one */ \
    V(STORE_FULL, 6)    /* the callers were walked but found no room in the chain section */             \
    V(STACK_SHORT, 7)   /* the thread was about to run out of stack, and the walk needs some */          \
    V(COPY_SHORT, 8)    /* the stack goes on beyond what the kernel copied of it */                      \
    V(OTHER_STACK, 9)   /* a signal's handler runs on a stack of its own, and what it interrupted, the last caller here, on another */

/* Counted since the session's start; each is u64 in the counters section, in this order. */
#define COUNTER_VALUES(V)                                                                                      \
    V(SAMPLES, 0)           /* stacks written to a ring */                                                     \
    V(LOST_RING_FULL, 1)    /* samples that found their ring full */                                           \
    V(LOST_STORE_FULL, 2)   /* samples whose callers found the chain section's half full; the leaf was kept */ \
    V(LOST_NO_SLOT, 3)      /* threads that found no slot or ring when they were first seen */                 \
    V(LOST_NO_TIMER, 4)     /* likewise no timer (RLIMIT_SIGPENDING) */                                        \
    V(LOST_EVENTS, 5)       /* thread events that found the agent's queue full; a scan makes up for them */    \
    V(SYSCALL_WAKEUPS, 6)   /* shots that interrupted a system call and gave the lease back */                 \
    V(LATE_SIGNALS, 7)      /* our signals after the session's, the burst's or the thread's end */              \
    V(CHAINED_SIGNALS, 8)   /* signals passed to the handler that was there before */                          \
    V(OVERRUNS, 9)          /* timer expiries that found the last one still pending */                         \
    V(STUCK, 10)            /* samples that found the thread exactly where the last one left it */             \
    V(THREADS, 11)          /* threads that were given timers */                                               \
    V(HALVINGS, 12)         /* times the watchdog doubled the period */                                        \
    V(OFF_CPU_SHOTS, 13)    /* shots that came due while the thread was not running, and were not taken */     \
    V(DISPLACED, 14)        /* times our handler was found to have another in front of it */                   \
    V(LOST_IN_KERNEL, 16)   /* samples for which the kernel found its own ring full */                         \
    V(THROTTLED, 17)        /* times the kernel stopped an event's samples for the rest of a tick */           \
    V(TIMER_THREADS, 18)    /* threads the perf engine left to timers, for want of file descriptors */         \
    V(SLOTLESS_SAMPLES, 19) /* samples of threads without a slot of their own, kept in the spare one */        \
    V(DAMAGED_RECORDS, 20)  /* records of the kernel's that made no sense */

#define REGION_ENUMS(E)                 \
    E(EngineKind, ENGINE_KIND_VALUES)   \
    E(ClockKind, CLOCK_KIND_VALUES)     \
    E(AgentState, AGENT_STATE_VALUES)   \
    E(SlotState, SLOT_STATE_VALUES)     \
    E(RateLimit, RATE_LIMIT_VALUES)     \
    E(RecordKind, RECORD_KIND_VALUES)   \
    E(RuleKind, RULE_KIND_VALUES)       \
    E(AnswerKind, ANSWER_KIND_VALUES)   \
    E(Judgement, JUDGEMENT_VALUES)      \
    E(StopReason, STOP_REASON_VALUES)   \
    E(Counter, COUNTER_VALUES)

#define DPP_FIELD(type, name) type name;
#define DPP_ARRAY(type, name, count) type name[count];
#define DPP_STRUCT(name, fields) typedef struct name { fields(DPP_FIELD, DPP_ARRAY) } name;
REGION_STRUCTS(DPP_STRUCT)

enum {
#define DPP_CLOCK_KIND(name, value) CLOCK_KIND_##name = value,
    CLOCK_KIND_VALUES(DPP_CLOCK_KIND)
#define DPP_RECORD_KIND(name, value) RECORD_##name = value,
    RECORD_KIND_VALUES(DPP_RECORD_KIND)
#define DPP_ANSWER_KIND(name, value) ANSWER_KIND_##name = value,
    ANSWER_KIND_VALUES(DPP_ANSWER_KIND)
#define DPP_RULE_KIND(name, value) RULE_KIND_##name = value,
    RULE_KIND_VALUES(DPP_RULE_KIND)
#define DPP_STOP(name, value) STOP_##name = value,
    STOP_REASON_VALUES(DPP_STOP)
#define DPP_COUNTER(name, value) COUNTER_##name = value,
    COUNTER_VALUES(DPP_COUNTER)
};

/* Where the learning section's arrays begin, from its start. */
#define LEARNING_ASKS_AT sizeof(RegionLearning)
#define LEARNING_ANSWERS_AT (LEARNING_ASKS_AT + REGION_ASKS * sizeof(RegionAsk))
#define LEARNING_PROPOSALS_AT (LEARNING_ANSWERS_AT + REGION_ASKS * sizeof(RegionAnswer))
#define LEARNING_JUDGEMENTS_AT (LEARNING_PROPOSALS_AT + REGION_ASKS * sizeof(RegionProposal))
#define LEARNING_RULES_AT (LEARNING_JUDGEMENTS_AT + REGION_ASKS * sizeof(RegionJudgement))
#define LEARNING_CODE_AT (LEARNING_RULES_AT + REGION_RULES * sizeof(RegionRule))
#define LEARNING_BYTES (LEARNING_CODE_AT + REGION_CODE_BYTES)

_Static_assert(sizeof(RegionHeader) <= REGION_PAGE, "the header is one page");
_Static_assert(sizeof(RegionControl) <= REGION_PAGE, "the control block is one page");
_Static_assert(sizeof(RegionSlot) == 256, "the handler's and the collector's words have cache lines of their own");
_Static_assert(sizeof(RegionLearning) == 128, "each side's words have a cache line of their own");
_Static_assert(sizeof(RegionRecord) == 32, "two records to a cache line");
_Static_assert(sizeof(RegionChain) == REGION_CHAIN_UNIT, "chain records start on the unit");

#endif
