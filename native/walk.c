#include "cfi.h"
#include "hot.h"
#include "syscalls.h"
#include "walk.h"

#include <sys/uio.h>

/* The one place that reads the target's stack. `fp` is aligned and [fp, fp + 16) inside [sp, stack_high): the caller has checked. */
static int load(void *context, u64 fp, Frame *frame)
{
    (void)context;
    const volatile u64 *words = (const volatile u64 *)fp;
    *frame = (Frame){words[0], words[1]};
    return 1;
}

/* The same through the kernel, which answers with an error where a load would fault. */
static int load_fallible(void *context, u64 fp, Frame *frame)
{
    (void)context;
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

    return known ? follow_frames(sp, high, fp, load, 0, out, stop) : follow_frames(sp, high, fp, load_fallible, 0, out, stop);
}

typedef struct LeafStack {
    u64 low; /* nothing below the interrupted stack pointer's red zone is the thread's */
    u64 high; /* 0: not known */
    Slot *slot;
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

u32 walk_by_rules(CfiFrame *frame, CfiLoad load_leaf, void *context, WalkOn walk_on, u64 *out, u16 *stop)
{
    u32 depth = 0;
    int step = CFI_NO_TABLE;
    while (depth < WALK_LEAF_DEPTH && (step = cfi_step(frame, load_leaf, context)) == CFI_STEPPED && frame->ip != 0) {
        out[depth++] = frame->ip;
        if (frame->ip == hot.thread_root_return || frame->ip == hot.main_root_return) {
            *stop = STOP_ROOT;
            return depth;
        }
    }
    if (step == CFI_OUTERMOST || (step == CFI_STEPPED && frame->ip == 0)) {
        *stop = STOP_ROOT;
        return depth;
    }
    if (!(frame->valid >> CFI_RBP & 1)) {
        *stop = STOP_BOUNDS;
        return depth;
    }
    u32 leaf_depth = depth;
    depth += walk_on(context, frame->regs[CFI_RSP], frame->regs[CFI_RBP], out + depth, stop);
    if (depth > REGION_MAX_DEPTH) {
        depth = REGION_MAX_DEPTH;
        *stop = STOP_DEPTH;
    }
    /* Code without frame pointers may have any number there, 0 too: nobody's caller is known then. */
    if (depth == leaf_depth && *stop == STOP_ROOT && frame->regs[CFI_RBP] == 0)
        *stop = STOP_BOUNDS;
    return depth;
}

static u32 walk_on_from_leaf(void *context, u64 sp, u64 fp, u64 *out, u16 *stop)
{
    return walk_frames(((LeafStack *)context)->slot, sp, fp, out, stop);
}

u32 walk_stack(Slot *slot, const ucontext_t *context, u64 *out, u16 *stop)
{
    CfiFrame frame = frame_of(context);
    u64 sp = frame.regs[CFI_RSP];
    u64 high = __atomic_load_n(&slot->stack_high, __ATOMIC_ACQUIRE);
    u64 low = __atomic_load_n(&slot->stack_low, __ATOMIC_ACQUIRE);
    int known = sp >= low && sp < high && __atomic_load_n(&slot->stack_high, __ATOMIC_RELAXED) == high;
    LeafStack stack = {sp - RED_ZONE < low && known ? low : sp - RED_ZONE, known ? high : 0, slot};
    return walk_by_rules(&frame, load_of_leaf, &stack, walk_on_from_leaf, out, stop);
}
