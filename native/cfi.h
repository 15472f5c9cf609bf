/*
 * Steps out of code that keeps no frame pointers, by the call frame information that its module carries for exceptions
 * (.eh_frame; LSB Core, DWARF 4 section 6.4). libc, ld.so, OpenSSL, ICU and the C++ library are built that way on every
 * distribution, and a thread in a system call is always in one of them.
 *
 * The handler reads copies of the tables in anonymous memory: the loader's own mappings are of files, and a page of them
 * may have to be fetched from a disk. cfi_modules.c says which modules, and what becomes of one that is unloaded.
 */
#ifndef DPP_CFI_H
#define DPP_CFI_H

#include "region.h"

#define CFI_MODULES 128u

typedef struct CfiModule {
    u64 leaf_only; /* its code heads frames by rbp: stepped by table only where it is interrupted */
    u64 text_low; /* code */
    u64 text_high;
    u64 low; /* where the loader has the tables: the addresses that they themselves speak of */
    u64 high;
    u64 header; /* .eh_frame_hdr */
    u64 count;  /* entries of its table */
    u64 shift;  /* from there to the copy */
    u64 returns_into_own; /* start of a function that returns to the first word it pushed; 0 for none */
} CfiModule;

/* What a frame's registers are, by DWARF's numbers; only those in `valid` are known. */
typedef struct CfiFrame {
    u64 regs[16];
    u64 ip;
    u32 valid; /* bit per register */
    u32 is_caller; /* ip is a return address: the call before it is what is looked up */
} CfiFrame;

#define CFI_RBP 6u
#define CFI_RSP 7u

/* A load from the target's stack; false when it cannot be made. */
typedef int (*CfiLoad)(void *context, u64 address, u64 *value);

enum {
    CFI_NO_TABLE, /* the module of this ip is not ours to step: by frame pointer, then */
    CFI_STEPPED,
    CFI_OUTERMOST, /* the tables say that nobody called this */
    CFI_FAILED     /* a rule that is not understood, or a load that failed */
};

/* Makes *frame its caller's. */
int cfi_step(CfiFrame *frame, CfiLoad load, void *context);

/*
 * The rule that the tables have for a caller, where it is as simple as those of rules.h; for the agent, which publishes it:
 * that is faster than following the tables, and the only way to step callers of modules that are leaf_only.
 */
enum {
    CFI_NO_RULE,
    CFI_KNOWN_RULE, /* it was followed all along */
    CFI_NEW_RULE,   /* frame pointers were followed instead */
    CFI_INTERRUPTED /* of a frame that was put over what a fault interrupted, which called nobody */
};
struct StepRule;
int cfi_rule(u64 ret, struct StepRule *rule);

/* Whether a module's function, by its number among the descriptions, never heads a frame by rbp; and where it is. */
u32 cfi_frameless(const CfiModule *module, u32 index, u64 *start, u64 *size);

/* Whether what a signal's handler returns to is at an address: its caller was interrupted there, and called nobody. */
u32 cfi_is_signal(u64 ret);

/* How far above rsp the return address lies by the tables; false where it is not counted from rsp. */
int cfi_return_at(const CfiModule *module, u64 ip, i64 *offset);

/* The registers that are known of a caller. */
static inline CfiFrame cfi_caller(u64 ret, u64 sp, u64 fp, u32 fp_known)
{
    CfiFrame frame = {.ip = ret, .valid = 1u << CFI_RSP | fp_known << CFI_RBP, .is_caller = 1};
    frame.regs[CFI_RSP] = sp;
    frame.regs[CFI_RBP] = fp;
    return frame;
}

/*
 * Which blocks of 64 KiB have code that is stepped by table, by a hash: a frame elsewhere costs a look at one bit. Those of
 * callers are a part of those of leaves.
 */
#define CFI_BLOCK_SHIFT 16
#define CFI_BLOCK_BITS_LOG2 15
typedef struct CfiBlocks {
    u64 bits[2][(1u << CFI_BLOCK_BITS_LOG2) / 64]; /* [0]: of leaves, [1]: of callers */
} CfiBlocks;
extern CfiBlocks cfi_blocks __attribute__((visibility("hidden")));

static inline u32 cfi_block_bit(u64 address)
{
    return (u32)((address >> CFI_BLOCK_SHIFT) * UINT64_C(0x9E3779B97F4A7C15) >> (64 - CFI_BLOCK_BITS_LOG2));
}

/* Whether a frame there may be one for cfi_step. */
static inline int cfi_covers(u64 address, u32 is_caller)
{
    u32 bit = cfi_block_bit(address);
    return (int)(__atomic_load_n(&cfi_blocks.bits[is_caller][bit / 64], __ATOMIC_RELAXED) >> (bit % 64) & 1);
}

/*
 * Written by the agent. The count is released after the entry, and an entry's range is empty (text_high = 0) before and
 * while anything else of it changes.
 */
extern CfiModule cfi_modules[CFI_MODULES] __attribute__((visibility("hidden")));
extern u32 cfi_module_count __attribute__((visibility("hidden")));

#endif
