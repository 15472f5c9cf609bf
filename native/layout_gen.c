/* Prints region.h and agent_abi.h as C#: run by build.sh at every build, so that the layout has one source. */
#include "agent_abi.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static u64 layout_hash = UINT64_C(14695981039346656037); /* FNV-1a, 64 bits */

static void hash_text(const char *text)
{
    for (; *text; text++)
        layout_hash = (layout_hash ^ (u8)*text) * UINT64_C(1099511628211);
}

static void hash_number(u64 value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64 ";", value);
    hash_text(text);
}

static const char *cs_type(const char *type)
{
    static const char *const map[][2] = {
        {"u8", "byte"}, {"u16", "ushort"}, {"u32", "uint"}, {"u64", "ulong"}, {"i32", "int"}, {"i64", "long"}};
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (!strcmp(type, map[i][0]))
            return map[i][1];
    return "?";
}

/* snake_case or UPPER_CASE to PascalCase */
static const char *pascal(const char *name)
{
    static char out[64];
    size_t n = 0;
    int upper = 1;
    for (; *name && n + 1 < sizeof out; name++) {
        char c = *name;
        if (c == '_') {
            upper = 1;
            continue;
        }
        if (c >= 'a' && c <= 'z' && upper)
            c = (char)(c - 'a' + 'A');
        else if (c >= 'A' && c <= 'Z' && !upper)
            c = (char)(c - 'A' + 'a');
        out[n++] = c;
        upper = 0;
    }
    out[n] = 0;
    return out;
}

static void field(const char *type, const char *name, size_t offset, size_t count)
{
    hash_text(name);
    hash_text(type);
    hash_number(offset);
    hash_number(count);
    if (count == 0)
        printf("    [FieldOffset(%zu)] public %s %s;\n", offset, cs_type(type), pascal(name));
    else
        printf("    [FieldOffset(%zu)] public fixed %s %s[%zu];\n", offset, cs_type(type), pascal(name), count);
}

static void value(const char *name, int number)
{
    hash_text(name);
    hash_number((u64)number);
    printf("    %s = %d,\n", pascal(name), number);
}

static void constant(const char *type, const char *name, u64 number)
{
    hash_text(name);
    hash_number(number);
    printf("    public const %s %s = %" PRIu64 ";\n", type, pascal(name), number);
}

int main(void)
{
    printf("// Generated from native/region.h and native/agent_abi.h; not kept in the repository.\n#nullable enable\n"
           "#pragma warning disable CS1591\n"
           "using System.Runtime.InteropServices;\n\nnamespace DotnetPprof.Region;\n");

#define GEN_FIELD(t, n) field(#t, #n, offsetof(Current, n), 0);
#define GEN_ARRAY(t, n, c) field(#t, #n, offsetof(Current, n), c);
#define GEN_STRUCT(s, fields)                                                                          \
    {                                                                                                  \
        typedef s Current;                                                                             \
        hash_text(#s);                                                                                 \
        hash_number(sizeof(Current));                                                                  \
        printf("\n[StructLayout(LayoutKind.Explicit, Size = %zu)]\npublic unsafe struct %s\n{\n", sizeof(Current), #s); \
        fields(GEN_FIELD, GEN_ARRAY) printf("}\n");                                                    \
    }
    REGION_STRUCTS(GEN_STRUCT)
    AGENT_STRUCTS(GEN_STRUCT)

#define GEN_VALUE(n, v) value(#n, v);
#define GEN_ENUM(e, values)                        \
    hash_text(#e);                                 \
    printf("\npublic enum %s : uint\n{\n", #e);    \
    values(GEN_VALUE) printf("}\n");
    REGION_ENUMS(GEN_ENUM)
    AGENT_ENUMS(GEN_ENUM)

    printf("\npublic static class RegionLayout\n{\n    public const string RegionName = \"" REGION_NAME "\";\n");
    constant("ulong", "MAGIC", REGION_MAGIC);
    constant("uint", "ABI", REGION_ABI);
    constant("uint", "PAGE", REGION_PAGE);
    constant("uint", "SLOTS", REGION_SLOTS);
    constant("uint", "ANCHORS", REGION_ANCHORS);
    constant("uint", "MAX_DEPTH", REGION_MAX_DEPTH);
    constant("ulong", "CHAINS_BYTES", REGION_CHAINS_BYTES);
    constant("ulong", "RINGS_BYTES", REGION_RINGS_BYTES);
    constant("uint", "CHAIN_UNIT", REGION_CHAIN_UNIT);
    constant("uint", "COUNTERS", REGION_COUNTERS);
    constant("uint", "VERDICT_BYTES", REGION_VERDICT_BYTES);
    constant("uint", "ASKS", REGION_ASKS);
    constant("ulong", "CODE_BYTES", REGION_CODE_BYTES);
    constant("uint", "RULES", REGION_RULES);
    constant("ulong", "LEARNING_ASKS_AT", LEARNING_ASKS_AT);
    constant("ulong", "LEARNING_ANSWERS_AT", LEARNING_ANSWERS_AT);
    constant("ulong", "LEARNING_PROPOSALS_AT", LEARNING_PROPOSALS_AT);
    constant("ulong", "LEARNING_JUDGEMENTS_AT", LEARNING_JUDGEMENTS_AT);
    constant("ulong", "LEARNING_RULES_AT", LEARNING_RULES_AT);
    constant("ulong", "LEARNING_CODE_AT", LEARNING_CODE_AT);
    constant("ulong", "LEARNING_BYTES", LEARNING_BYTES);
    constant("uint", "RECORD_STOP_MASK", RECORD_STOP_MASK);
    constant("uint", "RECORD_IN_KERNEL", RECORD_IN_KERNEL);
    printf("    public const ulong LayoutHash = %" PRIu64 ";\n}\n", layout_hash);
    return 0;
}
