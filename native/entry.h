/* The agent's own thread: the only one on which the agent's managed code runs. */
#ifndef DPP_ENTRY_H
#define DPP_ENTRY_H

#include "agent_abi.h"

/*
 * Starts the agent's thread and waits until it is ready, which it is not before a collector samples or launch_wait_ms
 * have passed. Gives 0, or why there is no agent.
 */
i32 agent_start(const char *runtime_version, u32 launch_wait_ms, u32 failing_clocks, u32 perf_tests);

/* Called once by the managed code when it is ready to serve (0), or never will be (a negative errno). */
__attribute__((visibility("default"))) void agent_ready(i32 result);

#endif
