/* The walk over stacks that say anything, between pages that cannot be read: it must never leave its bounds. */
#include "cfi.h"
#include "check_bench.h"
#include "rules.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGES 4u
#define RUNS 200000u

/* Places in code, nowhere, that have rules; and the one that a signal's handler returns to. */
#define PLACES 64u
#define FIRST_PLACE UINT64_C(0x7F0012345000)
static u64 signal_return;

static u64 state = 42;

static u64 next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static u64 any_place(void)
{
    return next_random() % 4 == 0 ? signal_return : FIRST_PLACE + next_random() % PLACES;
}

/* Something like a frame pointer: inside, just outside, unaligned, or nonsense. And now and then a place in code. */
static u64 any_pointer(u64 low, u64 bytes)
{
    switch (next_random() % 10) {
    case 8:
    case 9:
        return any_place();
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

static void ignore(int number)
{
    (void)number;
}

/* Rules of all kinds, sane ones or not; none is too far for a walk of several steps. */
static int publish_rules(void)
{
    struct sigaction action = {.sa_handler = ignore};
    u64 kernels[4] = {0}; /* handler, flags, restorer, mask */
    if (sigaction(SIGUSR2, &action, 0) != 0 || syscall(SYS_rt_sigaction, SIGUSR2, 0, kernels, sizeof(u64)) != 0)
        return 0;
    signal_return = kernels[2];
    if (rules_begin() != 0)
        return 0;
    for (u32 i = 0; i < PLACES; i++) {
        StepRule rule = {(i32)(next_random() % 64) * 8 - 64, (u16)(next_random() % 32 * 8), i % 3 == 0, i % 2 ? (u8)(next_random() % 32) : 0};
        rules_publish_here(FIRST_PLACE + i, &rule);
    }
    return 1;
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
    CHECK(publish_rules(), "no rules");
    u32 deepest = 0, interrupted = 0, elsewhere = 0;
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
        CfiFrame frame = cfi_caller(run % 2 ? any_place() : 0, sp, any_pointer(low, bytes), 1);
        frame.is_caller = !(run % 2);
        u32 depth = walk_frame(&slot, &frame, returns, &stop);
        CHECK(depth <= REGION_MAX_DEPTH && returns[REGION_MAX_DEPTH] == 0x5EA1, "depth %u", depth);
        CHECK(stop <= STOP_UNREADABLE || stop == STOP_OTHER_STACK, "stop %u", stop);
        deepest = depth > deepest ? depth : deepest;
        for (u32 i = 0; i + 1 < depth; i++)
            interrupted += returns[i] - 1 - FIRST_PLACE < PLACES;
        elsewhere += stop == STOP_OTHER_STACK;
    }
    CHECK(deepest > 1, "the stacks were too poor to walk");
    CHECK(interrupted > 100 && elsewhere > 100, "walked through %u interrupted places, and to %u other stacks", interrupted, elsewhere);
    return 0;
}
