/*
 * Which modules the handler may step through by their call frame information. Runs on the agent's thread.
 *
 * The system's own libraries are pinned: what their tables say stays true. Any other can be unloaded and something else
 * come to its addresses; its tables are taken out of force when it is found gone, which is looked for as often as for new
 * ones, and their memory is used again once no handler can be reading them.
 */
#include "assembly.h"
#include "perf.h"
#include "slots.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* libcrypto's, the largest seen, take half a megabyte. */
#define COPY_LIMIT (UINT64_C(4) << 20)
#define COPIES_LIMIT (UINT64_C(32) << 20)

/* Never unloaded by an application to be replaced. */
static const char *const systems[] = {"libc.so", "libc-", "ld-linux", "libm.so", "libm-", "libpthread", "libstdc++.so", "libgcc_s.so",
                                      "libcrypto.so", "libssl.so", "libicu", "libz.so", "libgssapi", "libkrb5", "linux-vdso"};

/* The runtime's: built with frame pointers, so that tables matter in prologues, epilogues and assembly alone. */
static const char *const framed[] = {"libcoreclr.so", "libclrjit.so", "libclrgc", "libSystem.", "libhostfxr.so", "libhostpolicy.so",
                                     "libdotnet-pprof-agent.so"};

static int begins_with_one(const char *path, const char *const *prefixes, u64 count)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    for (u64 i = 0; i < count; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return 1;
    }
    return 0;
}

#define BEGINS_WITH_ONE(path, prefixes) begins_with_one(path, prefixes, sizeof prefixes / sizeof *prefixes)

/* What the agent alone knows of an entry of cfi_modules. */
typedef struct Known {
    u32 pinned;
    u32 seen;    /* in this round */
    u32 retired; /* out of force; 2: and no handler reads it */
} Known;

static Known known[CFI_MODULES];
static u64 copied; /* bytes of copies */

static Known *known_at(u64 header)
{
    for (u32 i = 0; i < cfi_module_count; i++) {
        if (!known[i].retired && cfi_modules[i].header == header)
            return &known[i];
    }
    return 0;
}

static void take_module(const struct dl_phdr_info *info, CfiModule *module)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_GNU_EH_FRAME)
            module->header = info->dlpi_addr + segment->p_vaddr;
    }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        u64 low = info->dlpi_addr + segment->p_vaddr, high = low + segment->p_memsz;
        if (segment->p_type != PT_LOAD)
            continue;
        if (segment->p_flags & PF_X)
            module->text_low = low, module->text_high = high;
        if (module->header >= low && module->header < high)
            module->low = low, module->high = low + segment->p_filesz;
    }
}

/* Libraries ever loaded and unloaded when they were last looked at: most of the time there is nothing new. */
static u64 loads_seen, unloads_seen;

static int is_launcher(void)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    return length >= 7 && memcmp(path + length - 7, "/dotnet", 7) == 0;
}

#define NAME_BYTES 256u

typedef struct Found {
    CfiModule modules[CFI_MODULES];
    char pinnable[CFI_MODULES][NAME_BYTES]; /* a system library's path, kept: the loader's goes with the library; else empty */
    u32 count;
    u64 loads;
    u64 unloads;
    u32 nothing_new;
} Found;

static int visit(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    Found *found = context;
    found->loads = info->dlpi_adds;
    found->unloads = info->dlpi_subs;
    found->nothing_new = found->loads == loads_seen && found->unloads == unloads_seen;
    if (found->nothing_new || found->count == CFI_MODULES)
        return 1;
    /* The program itself has no name: the runtime's launcher, or anything. */
    CfiModule module = {.leaf_only = BEGINS_WITH_ONE(info->dlpi_name, framed) || (info->dlpi_name[0] == 0 && is_launcher())};
    take_module(info, &module);
    if (module.header == 0 || module.low == 0 || module.text_low == 0 || module.high - module.header < 12)
        return 0;
    Known *before = known_at(module.header);
    if (before) {
        before->seen = 1;
        return 0;
    }
    /* Version 1; the table's count in 4 bytes, its entries as 4-byte offsets from the header. */
    const u8 *header = (const u8 *)module.header;
    if (header[0] != 1 || header[1] != 0x1B || header[2] != 0x03 || header[3] != 0x3B)
        return 0;
    module.count = *(const u32 *)(header + 8);
    if (module.count > (module.high - module.header - 12) / 8)
        return 0;
    /* .eh_frame itself, 4 bytes from where they stand; linkers put it behind its index. */
    u64 tables = module.header + 4 + (u64)(i64)*(const i32 *)(header + 4);
    if (tables < module.low || tables >= module.high)
        return 0;
    module.low = tables < module.header ? tables : module.header;
    if (module.high - module.low > COPY_LIMIT)
        return 0;
    found->modules[found->count] = module;
    found->pinnable[found->count][0] = 0;
    if (BEGINS_WITH_ONE(info->dlpi_name, systems) && strlen(info->dlpi_name) < NAME_BYTES)
        strcpy(found->pinnable[found->count], info->dlpi_name);
    found->count++;
    return 0;
}

/* False when there is no memory for them, or they are gone. */
static int copy_tables(CfiModule *module)
{
    u64 bytes = module->high - module->low;
    void *copy = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED)
        return 0;
    /* It may be unloaded at any time. */
    if (!code_read(module->low, copy, (u32)bytes)) {
        munmap(copy, bytes);
        return 0;
    }
    mprotect(copy, bytes, PROT_READ);
    module->shift = (u64)copy - module->low;
    return 1;
}

static void mark_blocks(const CfiModule *module)
{
    for (u64 at = module->text_low >> CFI_BLOCK_SHIFT; at <= (module->text_high - 1) >> CFI_BLOCK_SHIFT; at++) {
        u32 bit = cfi_block_bit(at << CFI_BLOCK_SHIFT);
        for (u32 callers = 0; callers < (module->leaf_only ? 1u : 2u); callers++) {
            u64 *word = &cfi_blocks.bits[callers][bit / 64];
            __atomic_store_n(word, *word | UINT64_C(1) << (bit % 64), __ATOMIC_RELAXED);
        }
    }
}

/* Slots whose handlers may be reading the tables of modules retired before; the perf engine's pump is waited for. */
static u8 reading[REGION_SLOTS];
static u32 waiting;

static void retire_missing(void)
{
    u32 any = 0;
    for (u32 i = 0; i < cfi_module_count; i++) {
        if (known[i].retired || known[i].pinned || known[i].seen)
            continue;
        u64 text_high = cfi_modules[i].text_high;
        /* An empty range has no address in it: a reader sees one end or both. */
        __atomic_store_n(&cfi_modules[i].text_high, 0, __ATOMIC_SEQ_CST);
        rules_clear(cfi_modules[i].text_low, text_high);
        known[i].retired = 1;
        any = 1;
    }
    if (!any)
        return;
    perf_flush();
    for (u32 i = 0; i < hot.slot_count; i++)
        reading[i] = 1;
    waiting = 1;
}

static void free_retired(void)
{
    for (u32 i = 0; waiting && i < hot.slot_count; i++) {
        if (reading[i] && !slot_quiet(i))
            return;
        reading[i] = 0;
    }
    waiting = 0;
    for (u32 i = 0; i < cfi_module_count; i++) {
        if (known[i].retired != 1)
            continue;
        u64 bytes = cfi_modules[i].high - cfi_modules[i].low;
        munmap((void *)(cfi_modules[i].low + cfi_modules[i].shift), bytes);
        copied -= bytes;
        known[i].retired = 2;
    }
}

static u32 free_entry(void)
{
    u32 i = 0;
    while (i < cfi_module_count && known[i].retired != 2)
        i++;
    return i;
}

static void add(CfiModule *module, const char *pinnable)
{
    u32 at = free_entry();
    u32 pinned = pinnable[0] != 0;
    if (at == CFI_MODULES || copied + (module->high - module->low) > COPIES_LIMIT)
        return;
    /* What the handler reads must stay. The vdso does so by itself. */
    if (pinned && strncmp(pinnable, "linux-vdso", 10) != 0 && !dlopen(pinnable, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE))
        return;
    if (!copy_tables(module))
        return;
    copied += module->high - module->low;
    if (module->leaf_only)
        assembly_inspect(module);
    known[at] = (Known){.pinned = pinned, .seen = 1};
    /* Nobody is in the entry: it is new, or was empty when all handlers had left it. Its range comes last. */
    u64 text_high = module->text_high;
    module->text_high = 0;
    cfi_modules[at] = *module;
    __atomic_store_n(&cfi_modules[at].text_high, text_high, __ATOMIC_RELEASE);
    module->text_high = text_high;
    mark_blocks(module);
    if (at == cfi_module_count)
        __atomic_store_n(&cfi_module_count, at + 1, __ATOMIC_RELEASE);
}

void cfi_find_modules(void)
{
    static Found found;
    /* The handler must not be the first to touch a page of it. */
    for (u64 page = 0; page < sizeof cfi_blocks && cfi_module_count == 0; page += REGION_PAGE)
        __atomic_fetch_or((u8 *)&cfi_blocks + page, 0, __ATOMIC_RELAXED);
    if (waiting)
        free_retired();
    for (u32 i = 0; i < cfi_module_count; i++)
        known[i].seen = 0;
    found.count = 0;
    dl_iterate_phdr(visit, &found);
    if (found.nothing_new)
        return;
    loads_seen = found.loads;
    unloads_seen = found.unloads;
    retire_missing();
    /* Afterwards: dlopen inside the iteration would take the loader's locks in the wrong order. */
    for (u32 i = 0; i < found.count; i++)
        add(&found.modules[i], found.pinnable[i]);
}
