#!/bin/sh
# Compiles the C sources: build.sh OUTPUT_DIR LAYOUT_CS
#   OUTPUT_DIR/libhotpath.a   linked into the agent
#   OUTPUT_DIR/libhotpath.so  the same objects for the unit tests
#   OUTPUT_DIR/hot.o          the signal handler and all it reaches, for the check of its undefined symbols
#   LAYOUT_CS                 region.h as C#
set -eu
out=$1
layout=$2
mkdir -p "$out" "$(dirname "$layout")"

cflags='-std=gnu11 -D_GNU_SOURCE -O2 -g -fPIC -fvisibility=hidden -fno-omit-frame-pointer -ftls-model=initial-exec
        -fno-strict-aliasing -pthread -Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion
        -Wstrict-prototypes -Wmissing-prototypes'
# What a signal handler can reach must not call into the stack protector's or the fortified libc's failure paths.
hot_cflags='-fno-stack-protector -U_FORTIFY_SOURCE'
hot='handler walk cfi cfi_table chain_store ring lease clock'
cold='sandbox slots burst quiet rules code_bytes vdso calibrate roots cfi_modules assembly fault_handler events profiler entry
      perf_parse perf_merge perf_walk perf_pending perf_threads perf_events perf_forward perf_pump perf_engine perf_probe'

gcc $cflags layout_gen.c -o "$out/layout_gen"
"$out/layout_gen" > "$layout.new"
if cmp -s "$layout.new" "$layout"; then rm "$layout.new"; else mv "$layout.new" "$layout"; fi
touch "$layout"

objects=
for unit in $hot; do
    gcc $cflags $hot_cflags -c "$unit.c" -o "$out/$unit.o"
    objects="$objects $out/$unit.o"
done
ld -r $objects -o "$out/hot.o"
for unit in $cold; do
    gcc $cflags -c "$unit.c" -o "$out/$unit.o"
    objects="$objects $out/$unit.o"
done

rm -f "$out/libhotpath.a"
ar rcs "$out/libhotpath.a" $objects
gcc -shared -pthread -Wl,-z,nodelete $objects -o "$out/libhotpath.so"
