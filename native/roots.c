/*
 * Where the first thread's main() returns to. libc calls it from a local function that has no frame pointer and no
 * symbol, so a walk that gets there can only be told whole by knowing the address.
 */
#include "slots.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

extern void *__libc_stack_end; /* ld.so: the stack pointer at the program's entry */

#define SEARCH_BYTES 4096u

typedef struct Text {
    u64 low;
    u64 high;
    u64 inside; /* an address in the wanted module */
} Text;

static int find_text(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    Text *text = context;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        u64 low = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) && text->inside >= low &&
            text->inside < low + segment->p_memsz) {
            text->low = low;
            text->high = low + segment->p_memsz;
            return 1;
        }
    }
    return 0;
}

u64 root_of_main(void)
{
    Text libc = {.inside = (u64)dlsym(RTLD_DEFAULT, "__libc_start_main")};
    if (libc.inside == 0 || !dl_iterate_phdr(find_text, &libc))
        return 0;
    /* Outermost first: the return address behind `call *%rax` that is followed by `mov %eax,%edi; call exit`. */
    u64 end = (u64)__libc_stack_end & ~UINT64_C(7);
    for (u64 at = end - 8; at > end - SEARCH_BYTES; at -= 8) {
        u64 value = *(const u64 *)at;
        if (value < libc.low + 2 || value + 3 > libc.high)
            continue;
        const u8 *code = (const u8 *)value;
        if (code[-2] == 0xFF && code[-1] == 0xD0 && code[0] == 0x89 && code[1] == 0xC7 && code[2] == 0xE8)
            return value;
    }
    return 0;
}
