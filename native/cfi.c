#include "cfi.h"

#define RETURN_ADDRESS 16u
#define REMEMBERED 6u
#define EXPRESSION_STACK 8u

CfiModule cfi_modules[CFI_MODULES];
u32 cfi_module_count;

/* Reads what stands between `at` and `end`, from the copy; past the end it gives zeros and says so. */
typedef struct Bytes {
    u64 at;
    u64 end;
    u64 shift;
    int overrun;
} Bytes;

typedef enum RuleKind { RULE_SAME, RULE_AT_CFA, RULE_EXPRESSION, RULE_UNDEFINED, RULE_UNKNOWN } RuleKind;

typedef struct Rule {
    RuleKind kind;
    i64 offset;
    u64 expression; /* of its length */
} Rule;

typedef struct Row {
    u32 cfa_register;
    i64 cfa_offset;
    u64 cfa_expression; /* 0: register and offset */
    Rule rbp;
    Rule ret;
} Row;

typedef struct Entry {
    u64 start;
    u64 size;
    u64 code_align;
    i64 data_align;
    Bytes common;  /* the CIE's instructions */
    Bytes special; /* the FDE's */
} Entry;

static u64 take(Bytes *bytes, u32 size)
{
    u64 value = 0;
    if (bytes->end < size || bytes->at > bytes->end - size) {
        bytes->overrun = 1;
        bytes->at = bytes->end;
        return 0;
    }
    for (u32 i = 0; i < size; i++)
        value |= (u64)((const u8 *)(bytes->at + bytes->shift))[i] << (8 * i);
    bytes->at += size;
    return value;
}

static u64 take_uleb(Bytes *bytes)
{
    u64 value = 0;
    for (u32 shift = 0; shift < 64; shift += 7) {
        u64 next = take(bytes, 1);
        value |= (next & 0x7F) << shift;
        if (!(next & 0x80))
            return value;
    }
    bytes->overrun = 1;
    return 0;
}

static i64 take_sleb(Bytes *bytes)
{
    u64 value = 0;
    for (u32 shift = 0; shift < 64; shift += 7) {
        u64 next = take(bytes, 1);
        value |= (next & 0x7F) << shift;
        if (!(next & 0x80))
            return (i64)(next & 0x40 && shift + 7 < 64 ? value | ~UINT64_C(0) << (shift + 7) : value);
    }
    bytes->overrun = 1;
    return 0;
}

static i64 take_i32(Bytes *bytes)
{
    return (i32)take(bytes, 4);
}

static const CfiModule *module_of(u64 ip)
{
    u32 count = __atomic_load_n(&cfi_module_count, __ATOMIC_ACQUIRE);
    for (u32 i = 0; i < count; i++) {
        if (ip >= cfi_modules[i].text_low && ip < cfi_modules[i].text_high)
            return &cfi_modules[i];
    }
    return 0;
}

/* The frame description of the last function that starts at or below ip, 0 for none. */
static u64 search(const CfiModule *module, u64 ip)
{
    const i32 *table = (const i32 *)(module->header + module->shift + 12);
    i64 wanted = (i64)(ip - module->header);
    u64 low = 0, high = module->count;
    while (low < high) {
        u64 middle = (low + high) / 2;
        if (table[2 * middle] <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : module->header + (u64)(i64)table[2 * (low - 1) + 1];
}

/* Only what linkers for x86-64 write: addresses as 4 bytes from where they stand. */
static int read_common(const CfiModule *module, u64 at, Entry *entry, int *augmented)
{
    Bytes bytes = {at, module->high, module->shift, at < module->low};
    u64 length = take(&bytes, 4);
    if (bytes.overrun || length > bytes.end - bytes.at)
        return 0;
    bytes.end = bytes.at + length;
    u64 id = take(&bytes, 4), version = take(&bytes, 1);
    if (id != 0 || (version != 1 && version != 3))
        return 0;
    u8 letters[8];
    u32 count = 0;
    for (u8 letter; (letter = (u8)take(&bytes, 1)) != 0;) {
        if (count == sizeof letters)
            return 0;
        letters[count++] = letter;
    }
    entry->code_align = take_uleb(&bytes);
    entry->data_align = take_sleb(&bytes);
    u64 ret = version == 1 ? take(&bytes, 1) : take_uleb(&bytes);
    *augmented = count > 0 && letters[0] == 'z';
    if (!*augmented || ret != RETURN_ADDRESS)
        return 0;
    u64 size = take_uleb(&bytes), data = bytes.at;
    for (u32 i = 1; i < count; i++) {
        if (letters[i] == 'R') {
            if (take(&bytes, 1) != 0x1B)
                return 0;
        } else if (letters[i] == 'L') {
            take(&bytes, 1);
        } else if (letters[i] == 'P') {
            u64 encoding = take(&bytes, 1) & 15;
            take(&bytes, encoding == 3 || encoding == 11 ? 4 : 8);
        } else if (letters[i] != 'S') {
            return 0;
        }
    }
    entry->common = (Bytes){data + size, bytes.end, bytes.shift, bytes.overrun};
    return !bytes.overrun && size <= bytes.end - data;
}

static int read_entry(const CfiModule *module, u64 at, Entry *entry)
{
    Bytes bytes = {at, module->high, module->shift, at < module->low || at >= module->high};
    u64 length = take(&bytes, 4);
    if (bytes.overrun || length < 12 || length > bytes.end - bytes.at)
        return 0;
    bytes.end = bytes.at + length;
    u64 here = bytes.at, distance = take(&bytes, 4);
    int augmented = 0;
    if (distance == 0 || distance > here - module->low || !read_common(module, here - distance, entry, &augmented))
        return 0;
    here = bytes.at;
    entry->start = here + (u64)take_i32(&bytes);
    entry->size = take(&bytes, 4);
    u64 skip = take_uleb(&bytes);
    if (bytes.overrun || skip > bytes.end - bytes.at)
        return 0;
    bytes.at += skip;
    entry->special = bytes;
    return 1;
}

static Rule *rule_of(Row *row, u64 reg)
{
    return reg == CFI_RBP ? &row->rbp : reg == RETURN_ADDRESS ? &row->ret : 0;
}

static void set_rule(Row *row, u64 reg, RuleKind kind, i64 offset, u64 expression)
{
    Rule *rule = rule_of(row, reg);
    if (rule)
        *rule = (Rule){kind, offset, expression};
}

static u64 skip_block(Bytes *bytes)
{
    u64 at = bytes->at, length = take_uleb(bytes);
    if (length > bytes->end - bytes->at)
        bytes->overrun = 1;
    else
        bytes->at += length;
    return at;
}

/* Runs instructions until the row for `ip` is there. False on one that is not understood. */
static int run(Bytes bytes, const Entry *entry, const Row *initial, u64 ip, Row *row)
{
    Row remembered[REMEMBERED];
    u32 depth = 0;
    u64 location = entry->start, reg;
    while (bytes.at < bytes.end) {
        u64 op = take(&bytes, 1), low = op & 0x3F;
        switch (op & 0xC0) {
        case 0x40:
            location += low * entry->code_align;
            if (location > ip)
                return !bytes.overrun;
            continue;
        case 0x80:
            set_rule(row, low, RULE_AT_CFA, (i64)take_uleb(&bytes) * entry->data_align, 0);
            continue;
        case 0xC0:
            if (rule_of(row, low))
                *rule_of(row, low) = low == CFI_RBP ? initial->rbp : initial->ret;
            continue;
        }
        switch (op) {
        case 0x00: /* nop */
            break;
        case 0x02: /* advance_loc1, 2, 4 */
        case 0x03:
        case 0x04:
            location += take(&bytes, op == 2 ? 1 : op == 3 ? 2 : 4) * entry->code_align;
            if (location > ip)
                return !bytes.overrun;
            break;
        case 0x05: /* offset_extended */
            reg = take_uleb(&bytes);
            set_rule(row, reg, RULE_AT_CFA, (i64)take_uleb(&bytes) * entry->data_align, 0);
            break;
        case 0x06: /* restore_extended */
            reg = take_uleb(&bytes);
            if (rule_of(row, reg))
                *rule_of(row, reg) = reg == CFI_RBP ? initial->rbp : initial->ret;
            break;
        case 0x07: /* undefined */
            set_rule(row, take_uleb(&bytes), RULE_UNDEFINED, 0, 0);
            break;
        case 0x08: /* same_value */
            set_rule(row, take_uleb(&bytes), RULE_SAME, 0, 0);
            break;
        case 0x09: /* register */
            set_rule(row, take_uleb(&bytes), RULE_UNKNOWN, 0, 0);
            take_uleb(&bytes);
            break;
        case 0x0A: /* remember_state */
            if (depth == REMEMBERED)
                return 0;
            remembered[depth++] = *row;
            break;
        case 0x0B: /* restore_state */
            if (depth == 0)
                return 0;
            *row = remembered[--depth];
            break;
        case 0x0C: /* def_cfa, def_cfa_sf */
        case 0x12:
            row->cfa_register = (u32)take_uleb(&bytes);
            row->cfa_offset = op == 0x0C ? (i64)take_uleb(&bytes) : take_sleb(&bytes) * entry->data_align;
            row->cfa_expression = 0;
            break;
        case 0x0D: /* def_cfa_register */
            row->cfa_register = (u32)take_uleb(&bytes);
            row->cfa_expression = 0;
            break;
        case 0x0E: /* def_cfa_offset */
            row->cfa_offset = (i64)take_uleb(&bytes);
            break;
        case 0x13: /* def_cfa_offset_sf */
            row->cfa_offset = take_sleb(&bytes) * entry->data_align;
            break;
        case 0x0F: /* def_cfa_expression */
            row->cfa_expression = skip_block(&bytes);
            break;
        case 0x10: /* expression */
            reg = take_uleb(&bytes);
            set_rule(row, reg, RULE_EXPRESSION, 0, skip_block(&bytes));
            break;
        case 0x11: /* offset_extended_sf */
            reg = take_uleb(&bytes);
            set_rule(row, reg, RULE_AT_CFA, take_sleb(&bytes) * entry->data_align, 0);
            break;
        case 0x16: /* val_expression */
            set_rule(row, take_uleb(&bytes), RULE_UNKNOWN, 0, 0);
            skip_block(&bytes);
            break;
        case 0x2E: /* GNU_args_size */
            take_uleb(&bytes);
            break;
        default:
            return 0;
        }
    }
    return !bytes.overrun;
}

/* The few operations that expressions of compilers, linkers and hand-written assembly are made of. */
static int evaluate(const CfiModule *module, const CfiFrame *frame, u64 expression, CfiLoad load, void *context, u64 *result)
{
    Bytes bytes = {expression, module->high, module->shift, 0};
    u64 length = take_uleb(&bytes);
    if (bytes.overrun || length > bytes.end - bytes.at)
        return 0;
    bytes.end = bytes.at + length;
    u64 stack[EXPRESSION_STACK];
    u32 depth = 0;
    while (bytes.at < bytes.end && !bytes.overrun) {
        u64 op = take(&bytes, 1), pushed = 0;
        if (op == 0x06) { /* deref */
            if (depth < 1 || !load(context, stack[depth - 1], &stack[depth - 1]))
                return 0;
            continue;
        }
        if (op == 0x23) { /* plus_uconst */
            if (depth < 1)
                return 0;
            stack[depth - 1] += take_uleb(&bytes);
            continue;
        }
        if (op == 0x1A || op == 0x22 || op == 0x24 || op == 0x2A) { /* and, plus, shl, ge */
            if (depth < 2)
                return 0;
            u64 right = stack[--depth], left = stack[depth - 1];
            stack[depth - 1] = op == 0x1A ? left & right : op == 0x22 ? left + right : op == 0x24 ? left << (right & 63)
                                                                                                 : (u64)((i64)left >= (i64)right);
            continue;
        }
        if (op >= 0x30 && op <= 0x4F) { /* lit */
            pushed = op - 0x30;
        } else if (op >= 0x70 && op <= 0x80) { /* breg0 to breg16 */
            u64 reg = op - 0x70;
            if (reg < 16 && !(frame->valid >> reg & 1))
                return 0;
            pushed = (reg < 16 ? frame->regs[reg] : frame->ip) + (u64)take_sleb(&bytes);
        } else if (op == 0x08 || op == 0x0A) { /* const1u, const2u */
            pushed = take(&bytes, op == 0x08 ? 1 : 2);
        } else {
            return 0;
        }
        if (depth == EXPRESSION_STACK)
            return 0;
        stack[depth++] = pushed;
    }
    if (bytes.overrun || depth != 1)
        return 0;
    *result = stack[0];
    return 1;
}

static int apply(const CfiModule *module, const Row *row, CfiFrame *frame, CfiLoad load, void *context)
{
    u64 cfa, ret, rbp = frame->regs[CFI_RBP], at;
    if (row->cfa_expression) {
        if (!evaluate(module, frame, row->cfa_expression, load, context, &cfa))
            return CFI_FAILED;
    } else {
        if (row->cfa_register > 15 || !(frame->valid >> row->cfa_register & 1))
            return CFI_FAILED;
        cfa = frame->regs[row->cfa_register] + (u64)row->cfa_offset;
    }
    /* A caller's frame is further out: without that a walk need not end. */
    if (cfa & 7 || cfa <= frame->regs[CFI_RSP])
        return CFI_FAILED;
    if (row->ret.kind == RULE_UNDEFINED)
        return CFI_OUTERMOST;
    if (row->ret.kind != RULE_AT_CFA || !load(context, cfa + (u64)row->ret.offset, &ret))
        return CFI_FAILED;
    u32 rbp_known = frame->valid >> CFI_RBP & 1;
    switch (row->rbp.kind) {
    case RULE_SAME:
        break;
    case RULE_AT_CFA:
        at = cfa + (u64)row->rbp.offset;
        if (!load(context, at, &rbp))
            return CFI_FAILED;
        rbp_known = 1;
        break;
    case RULE_EXPRESSION:
        if (!evaluate(module, frame, row->rbp.expression, load, context, &at) || !load(context, at, &rbp))
            return CFI_FAILED;
        rbp_known = 1;
        break;
    default:
        rbp_known = 0;
    }
    frame->regs[CFI_RBP] = rbp;
    frame->regs[CFI_RSP] = cfa;
    frame->ip = ret;
    frame->is_caller = 1;
    frame->valid = 1u << CFI_RSP | rbp_known << CFI_RBP;
    return CFI_STEPPED;
}

int cfi_step(CfiFrame *frame, CfiLoad load, void *context)
{
    u64 ip = frame->ip - frame->is_caller;
    const CfiModule *module = module_of(ip);
    if (!module)
        return CFI_NO_TABLE;
    u64 description = search(module, ip);
    Entry entry;
    if (description == 0 || !read_entry(module, description, &entry) || ip - entry.start >= entry.size)
        return CFI_FAILED;
    Row row = {.cfa_register = 255, .ret = {.kind = RULE_UNKNOWN}};
    Row initial = row;
    if (!run(entry.common, &entry, &initial, ~UINT64_C(0), &row))
        return CFI_FAILED;
    initial = row;
    if (!run(entry.special, &entry, &initial, ip, &row))
        return CFI_FAILED;
    return apply(module, &row, frame, load, context);
}
