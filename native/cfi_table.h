/* Where a frame description is and what it is made of: the half of cfi.h's work that knows the tables' layout. */
#ifndef DPP_CFI_TABLE_H
#define DPP_CFI_TABLE_H

#include "cfi.h"

#define CFI_RETURN_ADDRESS 16u /* DWARF's number for it */

/* Reads what stands between `at` and `end`, from the copy; past the end it gives zeros and says so. */
typedef struct Bytes {
    u64 at;
    u64 end;
    u64 shift;
    int overrun;
} Bytes;

typedef struct Entry {
    u64 start;
    u64 size;
    u64 code_align;
    i64 data_align;
    u64 is_signal; /* what called it is an interrupted instruction, no call */
    Bytes common;  /* the CIE's instructions */
    Bytes special; /* the FDE's */
} Entry;

static inline u64 take(Bytes *bytes, u32 size)
{
    u64 value = 0;
    if (bytes->overrun || bytes->end < size || bytes->at > bytes->end - size) {
        bytes->overrun = 1;
        bytes->at = bytes->end;
        return 0;
    }
    for (u32 i = 0; i < size; i++)
        value |= (u64)((const u8 *)(bytes->at + bytes->shift))[i] << (8 * i);
    bytes->at += size;
    return value;
}

static inline u64 take_uleb(Bytes *bytes)
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

static inline i64 take_sleb(Bytes *bytes)
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

static inline i64 take_i32(Bytes *bytes)
{
    return (i32)take(bytes, 4);
}

/* What describes the code at ip; false when its module's tables, which there are, do not. */
int cfi_find(const CfiModule *module, u64 ip, Entry *entry);

/* A module's descriptions one by one; false past the last, or when it is not understood. */
int cfi_entry(const CfiModule *module, u64 index, Entry *entry);

/* The module of an ip, null when it is none of ours. */
const CfiModule *cfi_module_of(u64 ip);

#endif
