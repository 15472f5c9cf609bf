/* The table's only writer: the agent's thread. */
#include "rules.h"
#include "assembly.h"
#include "slots.h"

#include <sys/mman.h>

#define LARGEST_METHOD (UINT64_C(1) << 16)

/* Kept for the next session: a late handler may still be reading it. */
static RuleTable *memory;

i64 rules_begin(void)
{
    if (!memory) {
        void *block = mmap(0, sizeof(RuleTable), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED)
            return -1;
        madvise(block, sizeof(RuleTable), MADV_DONTFORK);
        memory = block;
    }
    /* Written, so that a handler which reads them does not fault. */
    for (u64 i = 0; i < sizeof memory->entries / sizeof *memory->entries; i++)
        __atomic_store_n(&memory->entries[i], 0, __ATOMIC_RELAXED);
    for (u64 i = 0; i < sizeof memory->callers / sizeof *memory->callers; i++)
        __atomic_store_n(&memory->callers[i], 0, __ATOMIC_RELAXED);
    /* Rules stay what they were for those who still look at one. */
    for (u32 i = memory->rule_count; i < RULE_LIMIT; i++)
        memory->rules[i] = (StepRule){0};
    memory->used = 0;
    __atomic_store_n(&rule_table, memory, __ATOMIC_RELEASE);
    cfi_find_modules();
    assembly_publish();
    fault_handlers_publish();
    return 0;
}

void rules_end(void)
{
    __atomic_store_n(&rule_table, 0, __ATOMIC_RELEASE);
    /* What a late handler finds from here on are zeros. */
    if (memory)
        madvise(memory->entries, sizeof memory->entries, MADV_DONTNEED);
}

u32 rules_used(void)
{
    return rule_table ? rule_table->used : 0;
}

/* False when there are as many different rules as can be numbered. */
static int number_of(RuleTable *table, const StepRule *rule, u32 *number)
{
    for (u32 i = 0; i < table->rule_count; i++) {
        if (table->rules[i].cfa == rule->cfa && table->rules[i].saved_rbp == rule->saved_rbp && table->rules[i].from_rbp == rule->from_rbp && table->rules[i].skipped == rule->skipped) {
            *number = i;
            return 1;
        }
    }
    if (table->rule_count == RULE_LIMIT)
        return 0;
    table->rules[table->rule_count] = *rule;
    *number = table->rule_count++;
    return 1;
}

static int put(RuleTable *table, u64 address, u32 kind, u32 number)
{
    u64 key = rule_key(address, kind), *bucket = rule_bucket(table, key), *room = 0;
    for (u32 i = 0; i < RULE_WAYS; i++) {
        if (bucket[i] >> RULE_NUMBER_BITS == key)
            room = &bucket[i];
        else if (bucket[i] == 0 && !room)
            room = &bucket[i];
    }
    if (!room)
        return 0;
    table->used += *room == 0;
    __atomic_store_n(room, key << RULE_NUMBER_BITS | number, __ATOMIC_RELEASE);
    if (kind == RULE_KIND_RETURN) {
        u32 bit = rule_caller_bit(address);
        __atomic_store_n(&table->callers[bit / 64], table->callers[bit / 64] | UINT64_C(1) << (bit % 64), __ATOMIC_RELAXED);
    }
    return 1;
}

u32 rules_publish(u64 start, const RegionRule *rules, u32 count)
{
    RuleTable *table = rule_table;
    u32 refused = 0;
    for (u32 i = 0; i < count; i++) {
        StepRule rule = {rules[i].cfa, rules[i].saved_rbp, rules[i].from_rbp, 0};
        u32 number;
        refused += !table || !number_of(table, &rule, &number) || !put(table, start + rules[i].offset, rules[i].kind, number);
    }
    return refused;
}

void rules_publish_here(u64 address, const StepRule *rule)
{
    u32 number;
    if (rule_table && number_of(rule_table, rule, &number))
        put(rule_table, address, RULE_KIND_HERE, number);
}

u32 rules_publish_native(u64 ret)
{
    StepRule rule;
    u32 number;
    if (cfi_is_signal(ret))
        return ANSWER_KIND_SIGNAL_RETURN;
    if (!follows_call(ret))
        return ANSWER_KIND_NO_CALL;
    int found = rule_table ? cfi_rule(ret, &rule) : CFI_NO_RULE;
    /* Frame pointers are what is followed without a rule. */
    if (found == CFI_NO_RULE || (found == CFI_NEW_RULE && rule.from_rbp && rule.cfa == 16 && rule.saved_rbp == 16))
        return ANSWER_KIND_NOTHING;
    if (!number_of(rule_table, &rule, &number) || !put(rule_table, ret, RULE_KIND_RETURN, number))
        return ANSWER_KIND_NOTHING;
    return found == CFI_INTERRUPTED ? ANSWER_KIND_SIGNAL_RETURN : found == CFI_NEW_RULE ? ANSWER_KIND_NEW_RULE : ANSWER_KIND_KNOWN_RULE;
}

static void take(RuleTable *table, u64 address, u32 kind)
{
    u64 key = rule_key(address, kind), *bucket = rule_bucket(table, key);
    for (u32 i = 0; i < RULE_WAYS; i++) {
        if (bucket[i] >> RULE_NUMBER_BITS == key) {
            table->used--;
            __atomic_store_n(&bucket[i], 0, __ATOMIC_RELAXED);
        }
    }
}

void rules_clear(u64 start, u64 end)
{
    RuleTable *table = rule_table;
    if (!table || table->used == 0)
        return;
    /* A module's: sooner found from the other side. */
    for (u64 i = 0; end - start > LARGEST_METHOD && i < sizeof table->entries / sizeof *table->entries; i++) {
        u64 address = table->entries[i] >> (RULE_NUMBER_BITS + 2);
        if (table->entries[i] != 0 && address >= start && address <= end) {
            table->used--;
            __atomic_store_n(&table->entries[i], 0, __ATOMIC_RELAXED);
        }
    }
    for (u64 at = start; at < end && end - start <= LARGEST_METHOD; at++) {
        take(table, at, RULE_KIND_HERE);
        take(table, at + 1, RULE_KIND_RETURN);
        if (at % RULE_BLOCK == 0)
            take(table, at, RULE_KIND_BLOCK);
    }
}
