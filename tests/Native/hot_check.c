/* Runs one scenario of the signal handler, or of what else a test process may not survive: exit code 0 when all held, SKIPPED when the machine cannot run it. */
#include "check_bench.h"

#include <string.h>

static const struct {
    const char *name;
    int (*run)(void);
} scenarios[] = {
    {"samples", scenario_samples},
    {"self-sent", scenario_self_sent},
    {"ring-full", scenario_ring_full},
    {"stack-short", scenario_stack_short},
    {"masked", scenario_masked},
    {"foreign", scenario_foreign},
    {"foreign-plain", scenario_foreign_plain},
    {"front-handler", scenario_front_handler},
    {"late", scenario_late},
    {"late-beside-live", scenario_late_beside_live},
    {"restart", scenario_restart},
    {"lease-returned", scenario_lease_returned},
    {"restarted-call", scenario_restarted_call},
    {"calibrate", scenario_calibrate},
    {"calibrate-starved", scenario_calibrate_starved},
    {"walk-bounds", scenario_walk_bounds},
    {"burst", scenario_burst},
    {"burst-busy", scenario_burst_busy},
    {"quiet", scenario_quiet},
    {"overruns", scenario_overruns},
    {"off-cpu", scenario_off_cpu},
    {"sandbox", scenario_sandbox},
    {"sandbox-no-clone", scenario_sandbox_no_clone},
    {"sandbox-no-clone3", scenario_sandbox_no_clone3},
    {"sandbox-no-wait", scenario_sandbox_no_wait},
    {"sandbox-waited-for", scenario_sandbox_waited_for},
    {"sandbox-large", scenario_sandbox_large},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof scenarios / sizeof *scenarios; i++)
        if (strcmp(argv[1], scenarios[i].name) == 0)
            return scenarios[i].run();
    fprintf(stderr, "no such scenario\n");
    return 2;
}
