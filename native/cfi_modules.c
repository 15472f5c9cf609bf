/* Which modules the handler may step through by their call frame information. Runs on the agent's thread. */
#include "cfi.h"
#include "slots.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

/* libcrypto's, the largest seen, take half a megabyte. */
#define COPY_LIMIT (UINT64_C(4) << 20)

/* The system's own libraries: compiled without frame pointers, and never unloaded by an application to be replaced. */
static const char *const prefixes[] = {"libc.so", "libc-", "ld-linux", "libm.so", "libm-", "libpthread", "libstdc++.so", "libgcc_s.so",
                                       "libcrypto.so", "libssl.so", "libicu", "libz.so", "libgssapi", "libkrb5", "linux-vdso"};

static int is_systems(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    for (u32 i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return 1;
    }
    return 0;
}

static int is_known(u64 header)
{
    for (u32 i = 0; i < cfi_module_count; i++) {
        if (cfi_modules[i].header == header)
            return 1;
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

/* Libraries ever loaded when they were last looked at: most of the time there is nothing new. */
static u64 loads_seen;

typedef struct Found {
    CfiModule modules[CFI_MODULES];
    const char *names[CFI_MODULES];
    u32 count;
    u64 loads;
} Found;

static int visit(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    Found *found = context;
    found->loads = info->dlpi_adds;
    if (found->loads == loads_seen)
        return 1;
    if (cfi_module_count + found->count == CFI_MODULES || !is_systems(info->dlpi_name))
        return 0;
    CfiModule module = {0};
    take_module(info, &module);
    if (module.header == 0 || module.low == 0 || module.text_low == 0 || module.high - module.header < 12 || is_known(module.header))
        return 0;
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
    found->names[found->count++] = info->dlpi_name;
    return 0;
}

/* False when there is no memory for it. */
static int copy_tables(CfiModule *module)
{
    u64 bytes = module->high - module->low;
    void *copy = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED)
        return 0;
    memcpy(copy, (const void *)module->low, bytes);
    mprotect(copy, bytes, PROT_READ);
    module->shift = (u64)copy - module->low;
    return 1;
}

void cfi_find_modules(void)
{
    Found found = {.count = 0};
    dl_iterate_phdr(visit, &found);
    loads_seen = found.loads;
    /* Afterwards: dlopen inside the iteration would take the loader's locks in the wrong order. */
    for (u32 i = 0; i < found.count; i++) {
        /* What the handler reads must stay. The vdso does so by itself. */
        if (strncmp(found.names[i], "linux-vdso", 10) != 0 && !dlopen(found.names[i], RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE))
            continue;
        if (!copy_tables(&found.modules[i]))
            continue;
        cfi_modules[cfi_module_count] = found.modules[i];
        __atomic_store_n(&cfi_module_count, cfi_module_count + 1, __ATOMIC_RELEASE);
    }
}
