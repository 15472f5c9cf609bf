/* The walk over a copied stack. */
#include "perf.h"
#include "walk.h"

#include <string.h>

typedef struct CopiedStack {
    u64 low; /* the stack pointer */
    u64 bytes;
    const u8 *copy;
    u32 ran_out; /* a load wanted more of the stack than was copied */
} CopiedStack;

static int copied(CopiedStack *stack, u64 address, u64 size, void *into)
{
    if (address < stack->low)
        return 0;
    if (stack->bytes < size || address - stack->low > stack->bytes - size) {
        stack->ran_out = address - stack->low < UNKNOWN_STACK_BYTES;
        return 0;
    }
    memcpy(into, stack->copy + (address - stack->low), size);
    return 1;
}

static int load_word(void *context, u64 address, u64 *value)
{
    return !(address & 7) && copied(context, address, sizeof *value, value);
}

static inline int load_copied(void *context, u64 address, u64 *words, u32 count)
{
    return copied(context, address, count * sizeof *words, words);
}

u32 perf_walk(const PerfSample *sample, u64 *out, u16 *stop)
{
    /* DWARF's numbering. */
    static const u8 order[16] = {PERF_AX, PERF_DX, PERF_CX,  PERF_BX,  PERF_SI,  PERF_DI,  PERF_BP,  PERF_SP,
                                 PERF_R8, PERF_R9, PERF_R10, PERF_R11, PERF_R12, PERF_R13, PERF_R14, PERF_R15};
    u64 registers[PERF_REGISTERS];
    memcpy(registers, sample->registers, sizeof registers);
    CfiFrame frame = {.ip = registers[PERF_IP], .valid = 0xFFFF};
    for (u32 i = 0; i < 16; i++)
        frame.regs[i] = registers[order[i]];
    CopiedStack stack = {registers[PERF_SP], sample->stack_bytes, sample->stack, 0};
    u32 depth = walk_out(&frame, stack.low + UNKNOWN_STACK_BYTES, stack.low + stack.bytes, load_copied, load_word, &stack, out, stop);
    if (stack.ran_out)
        *stop = STOP_COPY_SHORT;
    return depth;
}
