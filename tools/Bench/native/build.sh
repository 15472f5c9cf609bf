#!/bin/sh
# The C side of the benchmarks, linked with the very objects that go into the agent: build.sh NATIVE_OUTPUT OUTPUT_DIR
#   OUTPUT_DIR/libclock_loop.so   loops over clocks, and what the agent's C# asks its C half for (P/Invoke)
#   OUTPUT_DIR/routine_loop       the sampling routine at full speed
#   OUTPUT_DIR/libsignal_load.so  signals to oneself, in a process that has the real agent: none of its objects
set -eu
objects=$1/libhotpath.a
out=$2
mkdir -p "$out"

cflags='-std=gnu11 -D_GNU_SOURCE -O2 -g -fPIC -fvisibility=hidden -fno-omit-frame-pointer -fno-strict-aliasing
        -fno-optimize-sibling-calls -pthread -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
        -I../../../native'

gcc $cflags -shared clock_loop.c "$objects" -Wl,-u,clock_pointer -Wl,-z,now,-z,nodelete -o "$out/libclock_loop.so"
gcc $cflags routine_loop.c sources.c "$objects" -Wl,-z,now -o "$out/routine_loop"
gcc $cflags -shared signal_load.c -Wl,-z,now,-z,nodelete -o "$out/libsignal_load.so"
