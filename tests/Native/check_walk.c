/* The walk over stacks that say anything, between pages that cannot be read: it must never leave its bounds. */
#include "cfi.h"
#include "check_bench.h"

#include <sys/mman.h>
#include <unistd.h>

#define PAGES 4u
#define RUNS 200000u

static u64 state = 42;

static u64 next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Something like a frame pointer: inside, just outside, unaligned, or nonsense. */
static u64 any_pointer(u64 low, u64 bytes)
{
    switch (next_random() % 8) {
    case 0:
        return next_random();
    case 1:
        return low - 16 + next_random() % 32;
    case 2:
        return low + bytes - 24 + next_random() % 48;
    case 3:
        return next_random() % 4096;
    default:
        return low + (next_random() % bytes & ~UINT64_C(7));
    }
}

int scenario_walk_bounds(void)
{
    u64 bytes = (PAGES - 2) * REGION_PAGE;
    u8 *memory = mmap(0, PAGES * REGION_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED, "no memory");
    u64 low = (u64)memory + REGION_PAGE;
    CHECK(mprotect((void *)low, bytes, PROT_READ | PROT_WRITE) == 0, "mprotect");

    static Slot slot;
    static u64 returns[REGION_MAX_DEPTH + 1];
    hot.pid = (u32)getpid();
    u32 deepest = 0;
    for (u32 run = 0; run < RUNS; run++) {
        u64 *words = (u64 *)low;
        for (u32 i = 0; i < 64; i++)
            words[next_random() % (bytes / 8)] = any_pointer(low, bytes);
        /* Known bounds for most; for some runs the stack is another one, so that the walk goes through the kernel. */
        slot.stack_low = low;
        slot.stack_high = run % 64 == 0 ? low : low + bytes;
        slot.stack_wanted = 0;
        u64 sp = low + next_random() % bytes;
        u16 stop = 0xFFFF;
        returns[REGION_MAX_DEPTH] = 0x5EA1;
        CfiFrame frame = cfi_caller(0, sp, any_pointer(low, bytes), 1);
        u32 depth = walk_frame(&slot, &frame, returns, &stop);
        CHECK(depth <= REGION_MAX_DEPTH && returns[REGION_MAX_DEPTH] == 0x5EA1, "depth %u", depth);
        CHECK(stop <= STOP_UNREADABLE, "stop %u", stop);
        deepest = depth > deepest ? depth : deepest;
    }
    CHECK(deepest > 1, "the stacks were too poor to walk");
    return 0;
}
