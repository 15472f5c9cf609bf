#include "cfi.h"
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

typedef struct LeafStack {
    u64 low; /* nothing below the interrupted stack pointer's red zone is the thread's */
    u64 high; /* 0: not known */
} LeafStack;

#define RED_ZONE 128u

static int load_of_leaf(void *context, u64 address, u64 *value)
{
    const LeafStack *stack = context;
    if (address & 7 || address < stack->low)
        return 0;
    if (stack->high != 0) {
        if (address > stack->high - sizeof(u64))
            return 0;
        *value = *(const volatile u64 *)address;
        return 1;
    }
    struct iovec local = {value, sizeof *value};
    struct iovec remote = {(void *)address, sizeof *value};
    return syscall6(SYS_process_vm_readv, hot.pid, (long)&local, 1, (long)&remote, 1, 0) == sizeof *value;
}

static CfiFrame frame_of(const ucontext_t *context)
{
    /* DWARF's numbering. */
    static const u8 order[16] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
                                 REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    CfiFrame frame = {.ip = (u64)context->uc_mcontext.gregs[REG_RIP], .valid = 0xFFFF};
    for (u32 i = 0; i < 16; i++)
        frame.regs[i] = (u64)context->uc_mcontext.gregs[order[i]];
    return frame;
}

u32 walk_stack(Slot *slot, const ucontext_t *context, u64 *out, u16 *stop)
{
    CfiFrame frame = frame_of(context);
    u64 sp = frame.regs[CFI_RSP];
    u64 high = __atomic_load_n(&slot->stack_high, __ATOMIC_ACQUIRE);
    u64 low = __atomic_load_n(&slot->stack_low, __ATOMIC_ACQUIRE);
    int known = sp >= low && sp < high && __atomic_load_n(&slot->stack_high, __ATOMIC_RELAXED) == high;
    LeafStack stack = {sp - RED_ZONE < low && known ? low : sp - RED_ZONE, known ? high : 0};

    u32 depth = 0;
    int step = CFI_NO_TABLE;
    while (depth < WALK_LEAF_DEPTH && (step = cfi_step(&frame, load_of_leaf, &stack)) == CFI_STEPPED && frame.ip != 0) {
        out[depth++] = frame.ip;
        if (frame.ip == hot.thread_root_return || frame.ip == hot.main_root_return) {
            *stop = STOP_ROOT;
            return depth;
        }
    }
    if (step == CFI_OUTERMOST || (step == CFI_STEPPED && frame.ip == 0)) {
        *stop = STOP_ROOT;
        return depth;
    }
    if (!(frame.valid >> CFI_RBP & 1)) {
        *stop = STOP_BOUNDS;
        return depth;
    }
    u32 leaf_depth = depth;
    depth += walk_frames(slot, frame.regs[CFI_RSP], frame.regs[CFI_RBP], out + depth, stop);
    if (depth > REGION_MAX_DEPTH) {
        depth = REGION_MAX_DEPTH;
        *stop = STOP_DEPTH;
    }
    /* Code without frame pointers may have any number there, 0 too: nobody's caller is known then. */
    if (depth == leaf_depth && *stop == STOP_ROOT && frame.regs[CFI_RBP] == 0)
        *stop = STOP_BOUNDS;
    return depth;
}
