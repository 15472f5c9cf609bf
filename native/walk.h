/*
 * The rules of the walk, apart from where a stack is read: the handler reads it in place, the perf engine's pump in the
 * kernel's copy of it.
 *
 * A frame is stepped by what is known of the place in its code: a learned rule (rules.h), else the call frame information
 * of its module (cfi.h), else by frame pointer. The stack pointer is followed along, as the caller's is known after every
 * step; it bounds the next one, so that a walk only ever goes outward.
 */
#ifndef DPP_WALK_H
#define DPP_WALK_H

#include "cfi.h"
#include "hot.h"
#include "rules.h"

/* How far out a walk may go on a stack whose end is not known; only fallible loads are used there. */
#define UNKNOWN_STACK_BYTES (UINT64_C(16) << 20)

/* Loads `count` words, 1 or 2, which lie inside [sp, high). False when they cannot be read. */
typedef int (*StackLoad)(void *context, u64 address, u64 *words, u32 count);

#define WALK_INLINE static inline __attribute__((always_inline))
#define SELDOM(condition) __builtin_expect(!!(condition), 0)

/* A frame on the way: what its code may have in rsp and rbp. */
typedef struct WalkFrame {
    u64 ip; /* of what is interrupted, or where a call returns to */
    u64 sp;
    u64 fp;
    u32 fp_known;
    u32 is_caller; /* ip is a return address */
} WalkFrame;

#define WALK_STEPPED 0xFFFFu /* no StopReason */

/* More than a signal's frame takes of a stack: the vector registers' largest state is 11 KiB, the red zone 128 bytes. */
#define SIGNAL_FRAME_BYTES (UINT64_C(64) << 10)

WALK_INLINE u16 step_by_rule(const StepRule *rule, WalkFrame *frame, u64 high, StackLoad load, void *context)
{
    if (rule->from_rbp && !frame->fp_known)
        return STOP_BOUNDS;
    u64 cfa = (rule->from_rbp ? frame->fp : frame->sp) + (u64)(i64)rule->cfa;
    if (cfa & 7)
        return STOP_UNALIGNED;
    if (cfa <= frame->sp)
        return STOP_NOT_OUTWARD;
    u64 below = (rule->skipped + UINT64_C(1)) * sizeof(u64);
    if (cfa > high || rule->saved_rbp > cfa - frame->sp || below > cfa - frame->sp)
        return STOP_BOUNDS;
    if (!load(context, cfa - below, &frame->ip, 1))
        return STOP_UNREADABLE;
    if (rule->saved_rbp != 0) {
        if (!load(context, cfa - rule->saved_rbp, &frame->fp, 1))
            return STOP_UNREADABLE;
        frame->fp_known = 1;
    }
    frame->sp = cfa;
    frame->is_caller = rule->skipped == 0;
    return WALK_STEPPED;
}

WALK_INLINE u16 step_by_frame_pointer(WalkFrame *frame, u64 high, StackLoad load, void *context)
{
    u64 words[2] = {0, 0};
    if (!frame->fp_known)
        return STOP_BOUNDS;
    if (frame->fp == 0)
        return STOP_ROOT;
    if (frame->fp & 7)
        return STOP_UNALIGNED;
    if (frame->fp < frame->sp)
        return STOP_NOT_OUTWARD;
    if (frame->fp > high - sizeof words)
        return STOP_BOUNDS;
    if (!load(context, frame->fp, words, 2))
        return STOP_UNREADABLE;
    frame->sp = frame->fp + sizeof words;
    frame->fp = words[0];
    frame->ip = words[1];
    frame->is_caller = 1;
    return WALK_STEPPED;
}

/*
 * Walks out from `leaf`, all of whose stack lies below `high` and can be loaded below `reach`. A signal's handler may run
 * on another stack than what it interrupted, which is walked only where it happens to lie there. Gives the number of return
 * addresses in `out`, REGION_MAX_DEPTH at most. `load_word` is what `load` is, for the call frame information's few steps.
 * Always inlined, so that `load` is no call.
 */
WALK_INLINE u32 walk_out(CfiFrame *leaf, u64 high, u64 reach, StackLoad load, CfiLoad load_word, void *context, u64 *out, u16 *stop)
{
    RuleTable *rules = __atomic_load_n(&rule_table, __ATOMIC_ACQUIRE);
    WalkFrame frame = {leaf->ip, leaf->regs[CFI_RSP], leaf->regs[CFI_RBP], leaf->valid >> CFI_RBP & 1, leaf->is_caller};
    u32 depth = 0;
    u32 linked = 0; /* rbp has been found to head a frame */
    while (depth < REGION_MAX_DEPTH) {
        const StepRule *rule = !rules ? 0 : frame.is_caller ? rule_of_caller(rules, frame.ip) : rule_of_leaf(rules, frame.ip);
        u16 stepped;
        u64 from = frame.sp;
        u32 called = frame.is_caller;
        if (SELDOM(rule)) {
            stepped = step_by_rule(rule, &frame, high, load, context);
            if (SELDOM(!frame.is_caller)) {
                *leaf = cfi_caller(frame.ip, frame.sp, frame.fp, frame.fp_known);
                leaf->is_caller = 0;
                linked = 0;
            }
        } else {
            int by_table = CFI_NO_TABLE;
            if (SELDOM(cfi_covers(frame.ip - frame.is_caller, frame.is_caller))) {
                if (frame.is_caller)
                    *leaf = cfi_caller(frame.ip, frame.sp, frame.fp, frame.fp_known);
                by_table = cfi_step(leaf, load_word, context);
            }
            if (by_table == CFI_STEPPED) {
                frame = (WalkFrame){leaf->ip, leaf->regs[CFI_RSP], leaf->regs[CFI_RBP], leaf->valid >> CFI_RBP & 1, leaf->is_caller};
                stepped = WALK_STEPPED;
                linked = 0;
            } else if (by_table == CFI_OUTERMOST) {
                stepped = STOP_ROOT;
            } else {
                stepped = step_by_frame_pointer(&frame, high, load, context);
                /* Code without frame pointers may have any number there, 0 too: nobody's caller is known then. */
                if (stepped == STOP_ROOT && !linked)
                    stepped = STOP_BOUNDS;
                linked = 1;
            }
        }
        if (SELDOM(stepped != WALK_STEPPED || frame.ip == 0)) {
            /* Who is interrupted was called by somebody: it was no stub that its rule was made for, but part of a method. */
            *stop = stepped != WALK_STEPPED ? stepped : rule && !called ? STOP_BOUNDS : STOP_ROOT;
            return depth;
        }
        /* Of a frame that a signal interrupted, the instruction itself: as a return address it would be the one before. */
        out[depth++] = frame.ip + !frame.is_caller;
        if (SELDOM(frame.ip == hot.thread_root_return || frame.ip == hot.main_root_return)) {
            *stop = STOP_ROOT;
            return depth;
        }
        if (SELDOM(!frame.is_caller && (frame.sp <= from || (frame.sp >= reach && frame.sp - from > SIGNAL_FRAME_BYTES)))) {
            *stop = STOP_OTHER_STACK;
            return depth;
        }
    }
    *stop = frame.fp == 0 && frame.fp_known ? STOP_ROOT : STOP_DEPTH;
    return depth;
}

#endif
