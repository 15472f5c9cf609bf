#include "hot.h"

/* The one place that reads the target's stack. `address` is aligned and inside [sp, stack_high): the caller has checked. */
static inline u64 load(u64 address)
{
    return *(const volatile u64 *)address;
}

u32 walk_frames(Slot *slot, u64 sp, u64 fp, u64 *out, u16 *stop)
{
    u64 high = __atomic_load_n(&slot->stack_high, __ATOMIC_ACQUIRE);
    if (high == 0 || sp < slot->stack_low || sp >= high) {
        if (!__atomic_load_n(&slot->stack_wanted, __ATOMIC_RELAXED)) {
            slot->seen_sp = sp;
            slot->seen_tcb = (u64)__builtin_thread_pointer();
            __atomic_store_n(&slot->stack_wanted, 1, __ATOMIC_RELEASE);
        }
        *stop = high == 0 ? STOP_STACK_UNKNOWN : STOP_OFF_STACK;
        return 0;
    }

    u64 low = sp;
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
        if (fp > high - 16) {
            *stop = STOP_BOUNDS;
            return depth;
        }
        u64 next = load(fp);
        u64 ret = load(fp + 8);
        if (ret == 0) {
            *stop = STOP_ROOT;
            return depth;
        }
        out[depth++] = ret;
        if (ret == hot.thread_root_return || ret == hot.main_root_return) {
            *stop = STOP_ROOT;
            return depth;
        }
        low = fp + 16;
        fp = next;
    }
    *stop = STOP_DEPTH;
    return depth;
}
