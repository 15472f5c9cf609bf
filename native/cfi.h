/*
 * Steps out of code that keeps no frame pointers, by the call frame information that its module carries for exceptions
 * (.eh_frame; LSB Core, DWARF 4 section 6.4). libc, ld.so, OpenSSL, ICU and the C++ library are built that way on every
 * distribution, and a thread in a system call is always in one of them.
 *
 * The handler reads copies of the tables in anonymous memory: the loader's own mappings are of files, and a page of them
 * may have to be fetched from a disk. A module that could be unloaded and replaced by another at the same addresses must
 * not be among them: cfi_modules.c takes the system's only, and pins them.
 */
#ifndef DPP_CFI_H
#define DPP_CFI_H

#include "region.h"

#define CFI_MODULES 48u

typedef struct CfiModule {
    u64 text_low; /* code */
    u64 text_high;
    u64 low; /* where the loader has the tables: the addresses that they themselves speak of */
    u64 high;
    u64 header; /* .eh_frame_hdr */
    u64 count;  /* entries of its table */
    u64 shift;  /* from there to the copy */
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

/* Written by the agent, once for each module: the count is released after the entry. */
extern CfiModule cfi_modules[CFI_MODULES] __attribute__((visibility("hidden")));
extern u32 cfi_module_count __attribute__((visibility("hidden")));

#endif
