#include "cfi.h"
#include "hot.h"
#include "sandbox.h"
#include "syscalls.h"
#include "walk.h"

#include <sys/uio.h>

RuleTable *rule_table;

#define RED_ZONE 128u

typedef struct OwnStack {
    u64 low;  /* nothing below the interrupted stack pointer's red zone is the thread's */
    u64 high;
    u32 known;
} OwnStack;

/* The one place that reads the target's stack. The words are aligned and inside [sp, stack_high): the caller has checked. */
static inline int load(void *context, u64 address, u64 *words, u32 count)
{
    (void)context;
    const volatile u64 *at = (const volatile u64 *)address;
    for (u32 i = 0; i < count; i++)
        words[i] = at[i];
    return 1;
}

/* The same through the kernel, which answers with an error where a load would fault. */
static inline int load_fallible(void *context, u64 address, u64 *words, u32 count)
{
    (void)context;
    if (sandbox_kills(SANDBOX_CALL_PROCESS_VM_READV))
        return 0;
    long size = (long)(count * sizeof *words);
    struct iovec local = {words, (size_t)size};
    struct iovec remote = {(void *)address, (size_t)size};
    return syscall6(SYS_process_vm_readv, hot.pid, (long)&local, 1, (long)&remote, 1, 0) == size;
}

/* For the tables of modules, whose rules may name any address. */
static int load_word(void *context, u64 address, u64 *value)
{
    const OwnStack *stack = context;
    if (address & 7 || address < stack->low || address > stack->high - sizeof(u64))
        return 0;
    return stack->known ? load(context, address, value, 1) : load_fallible(context, address, value, 1);
}

static void ask_for_stack(Slot *slot, u64 sp)
{
    if (__atomic_load_n(&slot->stack_wanted, __ATOMIC_RELAXED))
        return;
    slot->seen_sp = sp;
    slot->seen_tcb = (u64)__builtin_thread_pointer();
    __atomic_store_n(&slot->stack_wanted, 1, __ATOMIC_RELEASE);
}

u32 walk_frame(Slot *slot, CfiFrame *frame, u64 *out, u16 *stop)
{
    u64 sp = frame->regs[CFI_RSP];
    u64 high = __atomic_load_n(&slot->stack_high, __ATOMIC_ACQUIRE);
    u64 low = __atomic_load_n(&slot->stack_low, __ATOMIC_ACQUIRE);
    /* The agent goes through high = 0: with high still the same, low belongs to it. */
    u32 known = sp >= low && sp < high && __atomic_load_n(&slot->stack_high, __ATOMIC_RELAXED) == high;
    OwnStack stack = {sp - RED_ZONE, high, known};
    if (known) {
        stack.low = stack.low < low ? low : stack.low;
        return walk_out(frame, stack.high, stack.high, load, load_word, &stack, out, stop);
    }
    stack.high = sp + UNKNOWN_STACK_BYTES;
    ask_for_stack(slot, sp);
    return walk_out(frame, stack.high, stack.high, load_fallible, load_word, &stack, out, stop);
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
    return walk_frame(slot, &frame, out, stop);
}
