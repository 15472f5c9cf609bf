#include "hot.h"
#include "syscalls.h"

#include <sys/uio.h>

/*
 * How far out a walk may go on a stack whose end is not known; only the fallible load is used there.
 */
#define UNKNOWN_STACK_BYTES (UINT64_C(16) << 20)

typedef struct Frame {
    u64 next; /* the caller's frame pointer */
    u64 ret;
} Frame;

/* The one place that reads the target's stack. `fp` is aligned and [fp, fp + 16) inside [sp, stack_high): the caller has checked. */
static inline Frame load(u64 fp)
{
    const volatile u64 *words = (const volatile u64 *)fp;
    return (Frame){words[0], words[1]};
}

/* The same through the kernel, which answers with an error where a load would fault. */
static int load_fallible(u64 fp, Frame *frame)
{
    struct iovec local = {frame, sizeof *frame};
    struct iovec remote = {(void *)fp, sizeof *frame};
    return syscall6(SYS_process_vm_readv, hot.pid, (long)&local, 1, (long)&remote, 1, 0) == sizeof *frame;
}

static void ask_for_stack(Slot *slot, u64 sp)
{
    if (__atomic_load_n(&slot->stack_wanted, __ATOMIC_RELAXED))
        return;
    slot->seen_sp = sp;
    slot->seen_tcb = (u64)__builtin_thread_pointer();
    __atomic_store_n(&slot->stack_wanted, 1, __ATOMIC_RELEASE);
}

u32 walk_frames(Slot *slot, u64 sp, u64 fp, u64 *out, u16 *stop)
{
    u64 high = __atomic_load_n(&slot->stack_high, __ATOMIC_ACQUIRE);
    u64 stack_low = __atomic_load_n(&slot->stack_low, __ATOMIC_ACQUIRE);
    /* The agent goes through high = 0: with high still the same, low belongs to it. */
    int known = sp >= stack_low && sp < high && __atomic_load_n(&slot->stack_high, __ATOMIC_RELAXED) == high;
    if (!known) {
        high = sp + UNKNOWN_STACK_BYTES;
        ask_for_stack(slot, sp);
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
        if (fp > high - sizeof(Frame)) {
            *stop = STOP_BOUNDS;
            return depth;
        }
        Frame frame = {0, 0};
        if (known) {
            frame = load(fp);
        } else if (!load_fallible(fp, &frame)) {
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
