#include "vdso.h"

#include "clock.h"

#include <elf.h>
#include <string.h>
#include <sys/auxv.h>

/* What the dynamic section names, as addresses in the mapped image. */
typedef struct Dynamic {
    const Elf64_Sym *symbols;
    const char *names;
    const u32 *hash;     /* DT_HASH: nbucket, nchain, ... */
    const u32 *gnu_hash; /* DT_GNU_HASH: nbuckets, symoffset, bloom_size, bloom_shift, bloom[], buckets[], chains[] */
} Dynamic;

static int read_dynamic(const u8 *image, Dynamic *out, const u8 **base)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(image + header->e_phoff);
    const Elf64_Dyn *dynamic = 0;
    int loaded = 0;
    memset(out, 0, sizeof *out);
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64)
        return 0;
    for (u32 i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD && !loaded) {
            *base = image + segments[i].p_offset - segments[i].p_vaddr;
            loaded = 1;
        } else if (segments[i].p_type == PT_DYNAMIC) {
            dynamic = (const Elf64_Dyn *)(image + segments[i].p_offset);
        }
    }
    if (!loaded || !dynamic)
        return 0;
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        const u8 *at = *base + dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_SYMTAB)
            out->symbols = (const Elf64_Sym *)at;
        else if (dynamic->d_tag == DT_STRTAB)
            out->names = (const char *)at;
        else if (dynamic->d_tag == DT_HASH)
            out->hash = (const u32 *)at;
        else if (dynamic->d_tag == DT_GNU_HASH)
            out->gnu_hash = (const u32 *)at;
    }
    return out->symbols && out->names && (out->hash || out->gnu_hash);
}

/* An image says how many symbols it has only through its hash table, and newer kernels leave the old kind out. */
static u32 symbol_count(const Dynamic *dynamic)
{
    if (dynamic->hash)
        return dynamic->hash[1];
    const u32 *table = dynamic->gnu_hash;
    u32 bucket_count = table[0], first = table[1];
    const u32 *buckets = table + 4 + 2 * table[2];
    const u32 *chains = buckets + bucket_count;
    u32 last = 0;
    for (u32 i = 0; i < bucket_count; i++)
        if (buckets[i] > last)
            last = buckets[i];
    if (last < first)
        return first;
    while (!(chains[last - first] & 1))
        last++;
    return last + 1;
}

void *vdso_symbol(const u8 *image, const char *name)
{
    Dynamic dynamic;
    const u8 *base = 0;
    if (!read_dynamic(image, &dynamic, &base))
        return 0;
    u32 count = symbol_count(&dynamic);
    for (u32 i = 0; i < count; i++) {
        const Elf64_Sym *symbol = &dynamic.symbols[i];
        if (symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
            strcmp(dynamic.names + symbol->st_name, name) == 0)
            return (void *)(base + symbol->st_value);
    }
    return 0;
}

int vdso_find(void)
{
    const u8 *image = (const u8 *)getauxval(AT_SYSINFO_EHDR);
    if (!clock_vdso_entry && image)
        *(void **)&clock_vdso_entry = vdso_symbol(image, "__vdso_clock_gettime");
    return clock_vdso_entry != 0;
}
