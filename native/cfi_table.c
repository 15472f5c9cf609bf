#include "cfi_table.h"

CfiModule cfi_modules[CFI_MODULES];
u32 cfi_module_count;
CfiBlocks cfi_blocks __attribute__((aligned(REGION_PAGE)));

const CfiModule *cfi_module_of(u64 ip)
{
    u32 count = __atomic_load_n(&cfi_module_count, __ATOMIC_ACQUIRE);
    for (u32 i = 0; i < count; i++) {
        if (ip < __atomic_load_n(&cfi_modules[i].text_high, __ATOMIC_ACQUIRE) && ip >= cfi_modules[i].text_low)
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
    entry->is_signal = 0;
    entry->code_align = take_uleb(&bytes);
    entry->data_align = take_sleb(&bytes);
    u64 ret = version == 1 ? take(&bytes, 1) : take_uleb(&bytes);
    *augmented = count > 0 && letters[0] == 'z';
    if (!*augmented || ret != CFI_RETURN_ADDRESS)
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
        } else if (letters[i] == 'S') {
            entry->is_signal = 1;
        } else {
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

int cfi_find(const CfiModule *module, u64 ip, Entry *entry)
{
    u64 description = search(module, ip);
    return description != 0 && read_entry(module, description, entry) && ip - entry->start < entry->size;
}

int cfi_entry(const CfiModule *module, u64 index, Entry *entry)
{
    const i32 *table = (const i32 *)(module->header + module->shift + 12);
    return index < module->count && read_entry(module, module->header + (u64)(i64)table[2 * index + 1], entry);
}
