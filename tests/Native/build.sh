#!/bin/sh
# Compiles what the tests call and run, against the very objects that go into the agent: build.sh NATIVE_OUTPUT OUTPUT_DIR
#   OUTPUT_DIR/libshim.so     the hot path's hidden functions, exported (P/Invoke)
#   OUTPUT_DIR/layout_probe   prints the layouts as the C compiler sees them
#   OUTPUT_DIR/hot_check      runs the handler on real threads and timers, one scenario a run
set -eu
objects=$1/libhotpath.a
out=$2
mkdir -p "$out"

cflags='-std=gnu11 -D_GNU_SOURCE -O1 -g -fPIC -fvisibility=hidden -fno-omit-frame-pointer -fno-strict-aliasing -pthread
        -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -I../../native'

gcc $cflags -shared shim.c "$objects" -Wl,-z,now,-z,nodelete -o "$out/libshim.so"
gcc $cflags layout_probe.c -o "$out/layout_probe"
gcc $cflags hot_check.c check_bench.c check_signals.c check_timers.c check_walk.c check_burst.c check_quiet.c check_losses.c check_sandbox.c "$objects" -Wl,-z,now -o "$out/hot_check"
