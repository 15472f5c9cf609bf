/* The agent's side of a slot: everything here runs on the agent's own thread, never in the handler. */
#ifndef DPP_SLOTS_H
#define DPP_SLOTS_H

#include "agent_abi.h"
#include "hot.h"

/*
 * Sets up the private state over a mapped region. `clock` is what the handler stamps samples with. Called once, before
 * slots_install. Gives 0 or a negative errno.
 */
DPP_API i64 slots_initialize(u8 *region, u64 (*clock)(void));

/* What stamps samples from now on. All slots are quiet; a straggler stamps its last sample with either clock. */
DPP_API void slots_set_clock(u64 (*clock)(void));

/* The C function that reads a clock, by CLOCK_KIND_*; 0 when this kind has none here. */
DPP_API void *clock_pointer(u32 kind);

/*
 * Puts our handler in front of the runtime's on its activation signal, the first time. Gives the signal's number, or 0
 * when no such signal with a handler was found: then there must be no timers.
 */
DPP_API u32 slots_install(u32 number);

/* Whether our handler is still the one the kernel calls. */
DPP_API u32 slots_installed(void);

/*
 * The clock's rate, both ways, in fixed point (RATE_SHIFT bits), and how late a shot may come and still count as
 * delivered to a running thread. No slot is armed.
 */
DPP_API void slots_set_rates(u64 ticks_per_ns, u64 ns_per_tick, u64 late_tolerance_ns);

/* Forgets all chains of the last session. All slots are quiet. */
DPP_API void slots_reset_chains(void);

/* So much of a half of the chain section has memory, and may be written by the handler. None until first set. */
DPP_API void slots_set_chains_room(u32 half, u64 bytes);

/* Bytes in use of the half of the chain section that is in use, REGION_CHAINS_BYTES / 2 at most. */
DPP_API u64 slots_chains_used(void);

/* Has handlers that begin from now on use the other half, which is clean. */
DPP_API void slots_switch_chains(void);

/* Makes the other half clean: no handler is in it, and no record that names its chains is still to be drained. */
DPP_API void slots_clear_retired_chains(void);

/* Signals passed on to the handler that was there before, and signals of ours whose thread no longer has its slot. */
DPP_API u64 slots_chained_signals(void);
DPP_API u64 slots_late_signals(void);

/* Sets a quiet slot up for a thread, without timers. */
void slot_prepare(const SlotSetup *setup);

/*
 * Gives the slot's thread its timers. Gives 0, or a negative errno: -EAGAIN when RLIMIT_SIGPENDING is reached, -EINVAL
 * when the thread is gone. The slot must be quiet.
 */
DPP_API i64 slot_arm(const SlotSetup *setup);

/*
 * burst.c: has a thread's timers rest, and settles what its samples stand for. 0: a handler is at work just now, ask again.
 * Of a slot that was armed between two bursts (`is_new`) nothing is settled: all it has used since is the gap's. What it
 * uses from now on is written as a record of `gap_kind`; where it rests already, what it used up to now as before.
 */
DPP_API u32 slot_pause(u32 index, u32 is_new, u32 gap_kind);

/* Sets them again; the first tick comes after so much CPU time. What the thread used meanwhile is written. */
DPP_API void slot_resume(u32 index, u64 tick_first_ns);

/* The same for one that does not go on, and is quiet. `cpu_ns` is its CPU clock at its end, or -1. */
DPP_API void slot_end_pause(u32 index, i64 cpu_ns);

/* Writes what was used up to this reading of the thread's CPU clock, by the ring's producer. Gives what was written. */
u64 slot_put_gap(Slot *slot, i64 cpu_ns);

/* Takes the timers away. Samples may be under way until slot_quiet says otherwise. */
DPP_API void slot_disarm(u32 index);

/* True when no handler is or will be using the slot. */
DPP_API u32 slot_quiet(u32 index);

/* Reports losses not yet reported, when the slot is quiet. */
DPP_API void slot_report_lost(u32 index);

/* The stack a thread asked to have looked up: false when it did not ask. */
DPP_API u32 slot_stack_wanted(u32 index, u64 *sp, u64 *tcb);
DPP_API void slot_set_stack(u32 index, u64 low, u64 high);

/* A new shot period for an armed slot; takes effect at once where shots are under way. */
DPP_API void slot_set_shot_period(u32 index, u64 period_ns, u32 shots_per_tick);

/* Copies the slot's counters (16, by COUNTER_*) and gives the samples in a row that made no progress. */
DPP_API u32 slot_counts(u32 index, u64 *counts);

/* CPU ns of a thread of this process, or -1 when there is no such thread. */
DPP_API i64 thread_cpu_ns(u32 tid);

/*
 * Nanoseconds that one sample takes from its thread, interrupt and return included: the median of `shots` gaps that
 * appear in the calling thread's time when it is sampled. 0 when it could not be measured, as while it is quiet (quiet.h).
 */
DPP_API u64 calibrate_sample_cost(u32 shots);

/*
 * Waits for `shots` changes of what `taken` gives, unless that is NO_MORE, and gives how many came and how long the
 * calling thread was away for each. `gaps` has room for as many. It gives up after a second, or after four where the
 * thread has hardly run.
 */
#define MOST_GAPS 256u
#define NO_MORE UINT64_MAX
u32 measure_gaps(u64 (*taken)(void *context), void *context, u32 shots, u64 *gaps);
u64 median(u64 *values, u32 count);

/* A kernel timer that signals one thread with the given cookie; its id, or a negative errno. */
i64 create_timer(i32 clock, u32 tid, u64 cookie);
void delete_timer(i64 *timer);

/*
 * Takes in the modules that the handler steps through by their call frame information, those loaded since the last time
 * included; see cfi.h. They stay loaded from then on.
 */
DPP_API void cfi_find_modules(void);

/*
 * The table of rules.h. rules_begin: empty, and in force; 0, or -1 without memory. rules_end: out of force, its memory
 * given back. No slot is armed.
 */
DPP_API i64 rules_begin(void);
DPP_API void rules_end(void);

/* Publishes rules of code at `start`, all of them sane. Gives how many found no room. */
DPP_API u32 rules_publish(u64 start, const RegionRule *rules, u32 count);

/* Publishes what the call frame information says of a return address in native code. Gives an AnswerKind. */
DPP_API u32 rules_publish_native(u64 ret);

/* Publishes a rule for one instruction in native code. */
struct StepRule;
void rules_publish_here(u64 address, const struct StepRule *rule);

/* Publishes those of the first instructions of the fault handlers of the agent's own runtime. */
void fault_handlers_publish(void);

/* Takes away all rules of code in [start, end). */
DPP_API void rules_clear(u64 start, u64 end);

/* Entries in use. */
DPP_API u32 rules_used(void);

/* Copies code of this process; 0 where it is not readable. */
DPP_API u32 code_read(u64 address, void *into, u32 bytes);

/* Whether there is a call in front of a return address; whether seven bytes of code end with one. */
u32 follows_call(u64 ret);
u32 ends_with_call(const u8 code[7]);

/* Where the first thread's main() returns to, in libc; 0 when not found. */
DPP_API u64 root_of_main(void);

#endif
