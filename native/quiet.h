/*
 * No signal of ours while a dump is being made.
 *
 * The runtime's createdump attaches to every thread and takes whatever it stops for to be the SIGSTOP that attaching
 * sends. Where that is one of our signals, the SIGSTOP is still to come when createdump lets go, and the process stays
 * stopped for ever. The runtime starts createdump by fork(), so it announces itself: before any fork of this process
 * all timers are stopped (the quiet is raised), and the agent's thread sets them again (lifts it) when it has seen what
 * became of the child; see agent/ForkQuiet.cs.
 *
 * Ownership.
 *   hot.quiet_raised  counts forks that raised a quiet; forking threads add to it (seq_cst) before they stop timers.
 *   hot.quiet_lifted  the last of them that is over: the agent's thread alone stores it (seq_cst), before it sets timers.
 *   Whoever sets a timer does so by timer_arm, which looks at the two before it, and sets none while they differ, and after it
 *   (seq_cst): either it sees the quiet and stops the timer again, or the timer was set before the quiet was raised and
 *   the forking thread stops it. A handler
 *   in flight is no exception.
 *   forks[]           a forking thread owns the entry of its number until it stores `number` (release), which pairs with
 *                     the acquire in quiet_fork; after that `is_made` alone changes (release, acquire likewise).
 *   spared[]          the agent's thread stores, forking threads load: one word an entry.
 *   slots' timer ids  are the agent's; forking threads only load them. An id that has just been deleted is nobody's: the
 *                     kernel counts them up.
 */
#ifndef DPP_QUIET_H
#define DPP_QUIET_H

#include "agent_abi.h"
#include "hot.h"

/* Has forks of this process raise a quiet from now on. Slots are set up. */
void quiet_watch_forks(void);

/* How many forks have raised a quiet so far, and how many of those are over. It is quiet where they differ. */
DPP_API u32 quiet_raised(void);
DPP_API u32 quiet_lifted(void);

/*
 * Which thread made the fork of this number, when (CLOCK_MONOTONIC, ns), and whether its child is there by now. 0: not
 * known, because it was overwritten: 16 later ones have come. While it is being written, the thread is 0.
 */
DPP_API u32 quiet_fork(u32 number, u32 *tid, u64 *since_ns, u32 *is_made);

/* Everything up to this number is over: timers may be set again. */
DPP_API void quiet_lift(u32 number);

/* Forks of this thread (0: of any) raise none until then (CLOCK_MONOTONIC, ns). */
DPP_API void quiet_spare(u32 tid, u64 until_ns);

#endif
