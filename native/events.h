/* Thread events from the runtime's callbacks to the agent's thread. */
#ifndef DPP_EVENTS_H
#define DPP_EVENTS_H

#include "agent_abi.h"
#include "hot.h"

/* Callable on any thread but not in a signal handler. Never blocks; a full queue counts a loss. */
void events_put(const AgentEvent *event);

/* The agent's thread only. False when the queue is empty. */
DPP_API u32 events_take(AgentEvent *event);

/* Events that found the queue full. */
DPP_API u64 events_lost(void);

/* Of those, the ones that told of code that went. */
DPP_API u64 events_unloads_lost(void);

/* The futex word that events_put bumps and wakes: the region's doorbell. */
DPP_API void events_set_doorbell(u32 *word);

/* Wakes the agent's thread. Callable anywhere, in a signal handler too. */
void events_ring(void);

/* Waits until the doorbell's value is another than `seen`, at most `timeout_ms` (-1: for ever). Gives its value. */
DPP_API u32 events_wait(u32 seen, i64 timeout_ms);
DPP_API void futex_wake_all(u32 *word);

#endif
