/*
 * How to step out of managed code that rbp does not head a frame of: what was learned of it (collector/Unwind decodes the
 * code, agent/Unwind checks and publishes).
 *
 * An entry is one word, so that a reader sees all of it or nothing: address << 17 | kind << 15 | number of its rule. It
 * lies anywhere in its bucket of 16. The agent's thread is the only writer: it fills in a rule, then releases the entry
 * that names it; rules are never changed. Entries are taken away by a 0 (the code is gone). Readers are handlers on any
 * thread and the perf engine's pump.
 *
 * Where there is no entry, code is stepped by frame pointer. Most callers have none, so a bit per hash of those that have
 * one is asked first: 64 KiB, of which a walk touches a line per frame.
 */
#ifndef DPP_RULES_H
#define DPP_RULES_H

#include "region.h"

#define RULE_BUCKETS_LOG2 15
#define RULE_WAYS 16u
#define RULE_CALLER_BITS_LOG2 19
#define RULE_LIMIT 4096u
#define RULE_NUMBER_BITS 15
#define RULE_BLOCK 32u /* bytes that RULE_KIND_BLOCK speaks of, aligned */
#define RULE_ADDRESS_LIMIT (UINT64_C(1) << 47)

typedef struct StepRule {
    i32 cfa;       /* bytes from rsp, or rbp, to the caller's stack pointer */
    u16 saved_rbp; /* the caller's rbp lies so many bytes below it; 0: in rbp */
    u8 from_rbp;
    u8 skipped; /* words between it and the return address: 0 below a call; else what is returned to was interrupted */
} StepRule;

typedef struct RuleTable {
    u64 entries[(1u << RULE_BUCKETS_LOG2) * RULE_WAYS];
    u64 callers[(1u << RULE_CALLER_BITS_LOG2) / 64];
    StepRule rules[RULE_LIMIT];
    u32 rule_count;
    u32 used; /* entries */
} RuleTable;

/* Null while nothing is learned: no session, or one without rules. */
extern RuleTable *rule_table __attribute__((visibility("hidden")));

#define RULE_MIX UINT64_C(0x9E3779B97F4A7C15)

static inline u64 rule_key(u64 address, u32 kind)
{
    return address << 2 | kind;
}

static inline u64 *rule_bucket(RuleTable *table, u64 key)
{
    return table->entries + (key * RULE_MIX >> (64 - RULE_BUCKETS_LOG2)) * RULE_WAYS;
}

static inline u32 rule_caller_bit(u64 address)
{
    return (u32)(address * RULE_MIX >> (64 - RULE_CALLER_BITS_LOG2));
}

static inline const StepRule *rule_find(RuleTable *table, u64 address, u32 kind)
{
    u64 key = rule_key(address, kind);
    const u64 *bucket = rule_bucket(table, key);
    for (u32 i = 0; i < RULE_WAYS; i++) {
        u64 entry = __atomic_load_n(&bucket[i], __ATOMIC_ACQUIRE);
        if (entry >> RULE_NUMBER_BITS == key)
            return &table->rules[entry & ((1u << RULE_NUMBER_BITS) - 1)];
    }
    return 0;
}

/* The rule at an instruction that is being executed, null for none. */
static inline const StepRule *rule_of_leaf(RuleTable *table, u64 ip)
{
    const StepRule *rule = rule_find(table, ip, RULE_KIND_HERE);
    return rule ? rule : rule_find(table, ip & ~(u64)(RULE_BLOCK - 1), RULE_KIND_BLOCK);
}

/* The rule at the call that returns to an address, null for none. */
static inline const StepRule *rule_of_caller(RuleTable *table, u64 ret)
{
    u32 bit = rule_caller_bit(ret);
    if (__builtin_expect(!(__atomic_load_n(&table->callers[bit / 64], __ATOMIC_RELAXED) >> (bit % 64) & 1), 1))
        return 0;
    return rule_find(table, ret, RULE_KIND_RETURN);
}

#endif
