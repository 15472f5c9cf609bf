/*
 * The runtime's assembly: the few functions without a frame in modules whose others have one. Callers among them are stepped
 * by rules, which are made here. And where their call frame information, written by hand like them, is wrong, the code
 * has the last word. Runs on the agent's thread.
 */
#include "assembly.h"
#include "cfi_table.h"
#include "slots.h"

/* Functions longer than that are not the assembly this is about. */
#define LONGEST_ASSEMBLY 4096u

#define SHORTEST_CALL 2u
#define LONGEST_CALL 7u

/* Where calls return to. */
#define MOST_RETURNS 4096u
static u64 returns[MOST_RETURNS];
static u32 return_count;

/* Instructions of epilogues of which the tables are wrong. */
#define MOST_EPILOGUES 256u
typedef struct Epilogue {
    u64 ip;
    StepRule rule;
} Epilogue;
static Epilogue epilogues[MOST_EPILOGUES];
static u32 epilogue_count;

/* Bytes of `pop register`, 0 for another instruction. */
static u32 pop_length(const u8 *code, u32 size)
{
    if (size >= 1 && (code[0] & 0xF8) == 0x58 && code[0] != 0x5C)
        return 1;
    return size >= 2 && code[0] == 0x41 && (code[1] & 0xF8) == 0x58 ? 2 : 0;
}

static u32 push_length(const u8 *code, u32 size)
{
    if (size >= 1 && (code[0] & 0xF8) == 0x50)
        return 1;
    return size >= 2 && code[0] == 0x41 && (code[1] & 0xF8) == 0x50 ? 2 : 0;
}

u32 assembly_epilogue(const u8 *code, u32 size, StepRule *rule)
{
    u32 words = 0, at = 0, rbp_at = ~0u;
    for (u32 length; (length = pop_length(code + at, size - at)) != 0; at += length) {
        if (code[at] == 0x5D)
            rbp_at = words;
        words++;
    }
    if (at == size || code[at] != 0xC3)
        return 0;
    i32 cfa = (i32)(words + 1) * (i32)sizeof(u64);
    *rule = (StepRule){cfa, rbp_at == ~0u ? 0 : (u16)(cfa - (i32)(rbp_at * sizeof(u64))), 0, 0};
    return 1;
}

u32 assembly_returns_into_own(const u8 *code, u32 size)
{
    u32 pushed = 0, at = 0;
    for (u32 length; (length = push_length(code + at, size - at)) != 0; at += length)
        pushed++;
    /* rax is nobody's to keep: pushed first, it makes room. */
    if (pushed < 2 || code[0] != 0x50)
        return 0;
    for (at = 0; at < size; at++) {
        StepRule rule;
        if (assembly_epilogue(code + at, size - at, &rule))
            return rule.cfa == (i32)(pushed * sizeof(u64));
    }
    return 0;
}

static void add_epilogues(const CfiModule *module, const u8 *code, u64 start, u32 size)
{
    for (u32 at = 0; at < size && epilogue_count < MOST_EPILOGUES; at++) {
        StepRule rule;
        i64 told;
        /* From the middle of an instruction it is not what is executed; but nobody is ever found there. */
        if (assembly_epilogue(code + at, size - at, &rule) && cfi_return_at(module, start + at, &told) && told != rule.cfa - (i64)sizeof(u64))
            epilogues[epilogue_count++] = (Epilogue){start + at, rule};
    }
}

void assembly_inspect(CfiModule *module)
{
    /* Before a function's first byte are zeros: a short one may begin with the call, almost. */
    static u8 room[LONGEST_CALL + LONGEST_ASSEMBLY];
    u8 *code = room + LONGEST_CALL;
    u64 start, size;
    for (u32 i = 0; i < module->count; i++) {
        if (!cfi_frameless(module, i, &start, &size) || size > LONGEST_ASSEMBLY || !code_read(start, code, (u32)size))
            continue;
        /* Whatever looks like a call is taken for one: an address too many is no harm. */
        for (u64 end = SHORTEST_CALL; end <= size && return_count < MOST_RETURNS; end++) {
            if (ends_with_call(code + end - LONGEST_CALL))
                returns[return_count++] = start + end;
        }
        i64 told;
        if (module->returns_into_own == 0 && assembly_returns_into_own(code, (u32)size) && code[size - 1] == 0xC3 &&
            cfi_return_at(module, start + size - 1, &told) && told == sizeof(u64))
            module->returns_into_own = start;
        add_epilogues(module, code, start, (u32)size);
    }
}

void assembly_publish(void)
{
    for (u32 i = 0; i < return_count; i++)
        rules_publish_native(returns[i]);
    for (u32 i = 0; i < epilogue_count; i++) {
        const CfiModule *module = cfi_module_of(epilogues[i].ip);
        if (module && module->leaf_only)
            rules_publish_here(epilogues[i].ip, &epilogues[i].rule);
    }
}
