/*
 * The rules of the walk, apart from where a stack is read: the handler reads it in place, the perf engine's pump in the
 * kernel's copy of it.
 */
#ifndef DPP_WALK_H
#define DPP_WALK_H

#include "cfi.h"
#include "hot.h"

/* How far out a walk may go on a stack whose end is not known; only fallible loads are used there. */
#define UNKNOWN_STACK_BYTES (UINT64_C(16) << 20)

typedef struct Frame {
    u64 next; /* the caller's frame pointer */
    u64 ret;
} Frame;

/* False when the frame cannot be read. */
typedef int (*FrameLoad)(void *context, u64 fp, Frame *frame);

/* Follows frame pointers from `fp`, all frames inside [low, high). Always inlined, so that `load` is no call. */
static inline __attribute__((always_inline)) u32 follow_frames(u64 low, u64 high, u64 fp, FrameLoad load, void *context,
                                                               u64 *out, u16 *stop)
{
    u32 depth = 0;
    while (depth < REGION_MAX_DEPTH) {
        if (fp == 0) {
            *stop = STOP_ROOT;
            return depth;
        }
        if (fp & 7) {
            *stop = STOP_UNALIGNED;
            return depth;
        }
        if (fp < low) {
            *stop = STOP_NOT_OUTWARD;
            return depth;
        }
        if (fp > high - sizeof(Frame)) {
            *stop = STOP_BOUNDS;
            return depth;
        }
        Frame frame = {0, 0};
        if (!load(context, fp, &frame)) {
            *stop = STOP_UNREADABLE;
            return depth;
        }
        if (frame.ret == 0) {
            *stop = STOP_ROOT;
            return depth;
        }
        out[depth++] = frame.ret;
        if (frame.ret == hot.thread_root_return || frame.ret == hot.main_root_return) {
            *stop = STOP_ROOT;
            return depth;
        }
        low = fp + sizeof(Frame);
        fp = frame.next;
    }
    *stop = fp == 0 ? STOP_ROOT : STOP_DEPTH;
    return depth;
}

/* Goes on by frame pointers from a frame whose code keeps them. */
typedef u32 (*WalkOn)(void *context, u64 sp, u64 fp, u64 *out, u16 *stop);

/* Out of system libraries by their tables, then on. `out` has room for WALK_CAPACITY. */
u32 walk_by_rules(CfiFrame *frame, CfiLoad load_leaf, void *context, WalkOn walk_on, u64 *out, u16 *stop);

#endif
