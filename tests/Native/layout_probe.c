/*
 * Prints region.h and agent_abi.h as the C compiler lays them out, one fact a line, for comparison with the C# structs
 * that the collector and the agent were compiled with.
 */
#include "agent_abi.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

int main(void)
{
#define PROBE_FIELD(type, name) printf("field %s %s %zu %zu\n", current, #name, offsetof(Current, name), sizeof(((Current *)0)->name));
#define PROBE_ARRAY(type, name, count) PROBE_FIELD(type, name)
#define PROBE_STRUCT(s, fields)                        \
    {                                                  \
        typedef s Current;                             \
        const char *current = #s;                      \
        printf("struct %s - %zu 0\n", current, sizeof(s)); \
        fields(PROBE_FIELD, PROBE_ARRAY)               \
    }
    REGION_STRUCTS(PROBE_STRUCT)
    AGENT_STRUCTS(PROBE_STRUCT)

#define PROBE_VALUE(name, number) printf("value %s %s %d 0\n", current, #name, number);
#define PROBE_ENUM(e, values)     \
    {                             \
        const char *current = #e; \
        values(PROBE_VALUE)       \
    }
    REGION_ENUMS(PROBE_ENUM)
    AGENT_ENUMS(PROBE_ENUM)

#define PROBE_CONSTANT(name) printf("constant RegionLayout %s %" PRIu64 " 0\n", #name, (u64)REGION_##name);
    PROBE_CONSTANT(MAGIC)
    PROBE_CONSTANT(ABI)
    PROBE_CONSTANT(PAGE)
    PROBE_CONSTANT(SLOTS)
    PROBE_CONSTANT(ANCHORS)
    PROBE_CONSTANT(MAX_DEPTH)
    PROBE_CONSTANT(CHAINS_BYTES)
    PROBE_CONSTANT(RINGS_BYTES)
    PROBE_CONSTANT(CHAIN_UNIT)
    PROBE_CONSTANT(COUNTERS)
    PROBE_CONSTANT(VERDICT_BYTES)
    PROBE_CONSTANT(ASKS)
    PROBE_CONSTANT(CODE_BYTES)
    PROBE_CONSTANT(RULES)

#define PROBE_PLACE(name) printf("constant RegionLayout %s %" PRIu64 " 0\n", #name, (u64)name);
    PROBE_PLACE(LEARNING_ASKS_AT)
    PROBE_PLACE(LEARNING_ANSWERS_AT)
    PROBE_PLACE(LEARNING_PROPOSALS_AT)
    PROBE_PLACE(LEARNING_JUDGEMENTS_AT)
    PROBE_PLACE(LEARNING_RULES_AT)
    PROBE_PLACE(LEARNING_CODE_AT)
    PROBE_PLACE(LEARNING_BYTES)
    return 0;
}
