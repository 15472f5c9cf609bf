/* The process's own code, read for the collector without ever faulting. */
#include "sandbox.h"
#include "slots.h"
#include "syscalls.h"

#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Where a sandbox forbids process_vm_readv; and where the process is not dumpable, /proc/self/mem may not be opened. */
static i64 read_from_file(u64 address, void *into, u64 bytes)
{
    /* Not kept: a child that goes on without exec would have it too. */
    int file = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    i64 read = file < 0 ? -1 : pread(file, into, bytes, (off_t)address);
    if (file >= 0)
        close(file);
    return read;
}

u32 code_read(u64 address, void *into, u32 bytes)
{
    struct iovec local = {into, bytes};
    struct iovec remote = {(void *)address, bytes};
    if (!sandbox_kills(SANDBOX_CALL_PROCESS_VM_READV) &&
        syscall6(SYS_process_vm_readv, hot.pid, (long)&local, 1, (long)&remote, 1, 0) == (long)bytes)
        return 1;
    return read_from_file(address, into, bytes) == (i64)bytes;
}

/* Bytes of `call [...]` or `call register`, FF /2, from its opcode on; 0 for another instruction. */
static u32 indirect_call_length(const u8 *code)
{
    u32 mode = code[1] >> 6, rm = code[1] & 7;
    if (code[0] != 0xFF || (code[1] >> 3 & 7) != 2)
        return 0;
    if (mode == 3)
        return 2;
    u32 with_index = rm == 4;
    u32 displacement = mode == 1 ? 1 : mode == 2 || (mode == 0 && (rm == 5 || (with_index && (code[2] & 7) == 5))) ? 4 : 0;
    return 2 + with_index + displacement;
}

u32 ends_with_call(const u8 code[7])
{
    u8 padded[7 + 2] = {0};
    memcpy(padded, code, 7);
    if (code[2] == 0xE8)
        return 1;
    for (u32 length = 2; length <= 7; length++) {
        if (indirect_call_length(padded + 7 - length) == length)
            return 1;
    }
    return 0;
}

u32 follows_call(u64 ret)
{
    u8 before[7];
    /* Where it cannot be read nothing speaks against it. */
    return !code_read(ret - sizeof before, before, sizeof before) || ends_with_call(before);
}
