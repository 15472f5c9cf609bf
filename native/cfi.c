#include "cfi_table.h"
#include "rules.h"

#define REMEMBERED 6u
#define EXPRESSION_STACK 8u

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
    u32 framed;         /* the CFA was counted from rbp, here or before */
    Rule rbp;
    Rule ret;
} Row;

static Rule *rule_of(Row *row, u64 reg)
{
    return reg == CFI_RBP ? &row->rbp : reg == CFI_RETURN_ADDRESS ? &row->ret : 0;
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
            row->framed |= row->cfa_register == CFI_RBP;
            break;
        case 0x0D: /* def_cfa_register */
            row->cfa_register = (u32)take_uleb(&bytes);
            row->cfa_expression = 0;
            row->framed |= row->cfa_register == CFI_RBP;
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

/*
 * A call leaves the caller's stack pointer just above where it returns to. Where more lies between, as the red zone does,
 * the frame was put there over what a signal or a fault interrupted: the runtime does so to handle its faults.
 */
static int is_interrupted(const Entry *entry, const Row *row)
{
    return entry->is_signal || (row->ret.kind == RULE_AT_CFA && row->ret.offset < -(i64)sizeof(u64));
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

static int apply(const CfiModule *module, const Entry *entry, const Row *row, CfiFrame *frame, CfiLoad load, void *context)
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
    /* A caller's frame is further out: without that a walk need not end. What a signal interrupted may be anywhere. */
    if (cfa & 7 || (cfa <= frame->regs[CFI_RSP] && !entry->is_signal))
        return CFI_FAILED;
    if (row->ret.kind == RULE_UNDEFINED)
        return CFI_OUTERMOST;
    at = cfa + (u64)row->ret.offset;
    if (row->ret.kind == RULE_EXPRESSION && !evaluate(module, frame, row->ret.expression, load, context, &at))
        return CFI_FAILED;
    if ((row->ret.kind != RULE_AT_CFA && row->ret.kind != RULE_EXPRESSION) || !load(context, at, &ret))
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
    frame->is_caller = !is_interrupted(entry, row);
    frame->valid = 1u << CFI_RSP | rbp_known << CFI_RBP;
    return CFI_STEPPED;
}

static int row_at(const CfiModule *module, u64 ip, Entry *entry, Row *row)
{
    if (!cfi_find(module, ip, entry))
        return 0;
    *row = (Row){.cfa_register = 255, .ret = {.kind = RULE_UNKNOWN}};
    Row initial = *row;
    if (!run(entry->common, entry, &initial, ~UINT64_C(0), row))
        return 0;
    initial = *row;
    if (!run(entry->special, entry, &initial, ip, row))
        return 0;
    if (entry->start == module->returns_into_own)
        row->cfa_offset -= (i64)sizeof(u64);
    return 1;
}

int cfi_return_at(const CfiModule *module, u64 ip, i64 *offset)
{
    Entry entry;
    Row row;
    if (!row_at(module, ip, &entry, &row) || row.cfa_expression || row.cfa_register != CFI_RSP || row.ret.kind != RULE_AT_CFA)
        return 0;
    *offset = row.cfa_offset + row.ret.offset;
    return 1;
}

int cfi_step(CfiFrame *frame, CfiLoad load, void *context)
{
    u64 ip = frame->ip - frame->is_caller;
    const CfiModule *module = cfi_module_of(ip);
    if (!module || (module->leaf_only && frame->is_caller))
        return CFI_NO_TABLE;
    Entry entry;
    Row row;
    /* In sigreturn(2), a function's last instruction, a thread is past its end. */
    if (!row_at(module, ip, &entry, &row) && (frame->is_caller || !row_at(module, ip - 1, &entry, &row) || !entry.is_signal))
        return CFI_FAILED;
    return apply(module, &entry, &row, frame, load, context);
}

int cfi_rule(u64 ret, StepRule *rule)
{
    const CfiModule *module = cfi_module_of(ret - 1);
    Entry entry;
    Row row;
    if (!module || !row_at(module, ret - 1, &entry, &row) || entry.is_signal)
        return CFI_NO_RULE;
    i64 below = -row.ret.offset;
    int plain = !row.cfa_expression && (row.cfa_register == CFI_RSP || row.cfa_register == CFI_RBP) && row.cfa_offset > 0 &&
                row.cfa_offset <= INT32_MAX && row.cfa_offset % 8 == 0 && row.ret.kind == RULE_AT_CFA && below >= 8 && below % 8 == 0 &&
                below <= row.cfa_offset && below / 8 <= UINT8_MAX;
    int saved = row.rbp.kind == RULE_AT_CFA && row.rbp.offset < 0 && row.rbp.offset >= -row.cfa_offset && row.rbp.offset > -UINT16_MAX;
    if (!plain || (row.rbp.kind != RULE_SAME && !saved))
        return CFI_NO_RULE;
    *rule = (StepRule){(i32)row.cfa_offset, saved ? (u16)-row.rbp.offset : 0, row.cfa_register == CFI_RBP, (u8)(below / 8 - 1)};
    return rule->skipped ? CFI_INTERRUPTED : module->leaf_only ? CFI_NEW_RULE : CFI_KNOWN_RULE;
}

u32 cfi_is_signal(u64 ret)
{
    Entry entry;
    const CfiModule *module = cfi_module_of(ret - 1);
    return module && cfi_find(module, ret - 1, &entry) && entry.is_signal != 0;
}

u32 cfi_frameless(const CfiModule *module, u32 index, u64 *start, u64 *size)
{
    Entry entry;
    if (!cfi_entry(module, index, &entry))
        return 0;
    Row row = {.cfa_register = 255, .ret = {.kind = RULE_UNKNOWN}};
    Row initial = row;
    if (!run(entry.common, &entry, &initial, ~UINT64_C(0), &row))
        return 0;
    initial = row;
    if (!run(entry.special, &entry, &initial, ~UINT64_C(0), &row) || row.framed)
        return 0;
    *start = entry.start;
    *size = entry.size;
    return 1;
}
