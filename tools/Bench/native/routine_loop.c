/*
 * The sampling routine at full speed, with one clock after the other:
 *
 *   routine_loop MODE ROUNDS SAMPLES RUNTIME_LIBRARY CLOCK...
 *
 * MODE signal: the thread sends itself the signals its timers would send, through the unmodified handler. MODE direct:
 * the handler is called as a function, with the registers of one real signal: the same work without the kernel's. The
 * clock "empty" stands for a handler that does nothing; "constant" reads nothing, "bare" is the same without learned rules
 * and modules' tables, "ruled" with a rule for every caller that is no library's. Every round runs all clocks, beginning
 * with another one each time. Prints "callers N" and then, for every block, "CLOCK SAMPLES CPU_NS".
 */
#include "cfi.h"
#include "rules.h"
#include "slots.h"
#include "sources.h"
#include "syscalls.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONTROL_OFFSET UINT64_C(4096)
#define SLOTS_OFFSET UINT64_C(8192)
#define CHAINS_OFFSET (SLOTS_OFFSET + REGION_SLOTS * sizeof(RegionSlot))
#define RINGS_OFFSET (CHAINS_OFFSET + REGION_CHAINS_BYTES)
#define TOTAL_BYTES (RINGS_OFFSET + REGION_RINGS_BYTES)

#define CALLERS 15u
#define RING_RECORDS 1024u
#define DRAIN_EVERY 512u
#define MAX_CLOCKS 16
#define LEARNED 200000u
#define NEVER_NS (UINT64_C(3600) * 1000000000u)
#define SHOT_PERIOD_NS UINT64_C(100000)
/* Bytes of locals in each frame, so that 15 frames lie on as many cache lines as a program's would. */
#define FRAME_BYTES 96

typedef void (*signal_entry)(int, siginfo_t *, void *);

static u8 *region;
static u64 cookie;
static int direct;
static int own_signal;   /* goes to our handler */
static int empty_signal; /* goes to one that does nothing */
static ucontext_t captured;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "routine_loop: %s\n", what);
    exit(1);
}

static void empty_handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
}

static void capture_handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    memcpy(&captured, context, sizeof captured);
}

static void install(int number, signal_entry handler)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    memset(&action.sa_mask, 0xFF, sizeof action.sa_mask);
    if (sigaction(number, &action, 0) != 0)
        fail("no signal handler could be installed");
}

/* As many rules as a large program's, of code that is not in this stack: what every sample pays. */
static void learn(void)
{
    if (rules_begin() != 0)
        fail("no memory for rules");
    for (u64 i = 0; i < LEARNED; i++) {
        RegionRule rule = {.cfa = 16, .kind = (u8)(i % 8 == 0 ? RULE_KIND_RETURN : RULE_KIND_HERE)};
        rules_publish(UINT64_C(0x7f0012340000) + i * 7, &rule, 1);
    }
}

/* This program's frames stand for managed ones: headed by rbp, in code of no module. */
static void hide_own_code(void)
{
    u64 own = (u64)hide_own_code;
    for (u32 i = 0; i < cfi_module_count; i++) {
        CfiModule *module = &cfi_modules[i];
        if (own < module->text_low || own >= module->text_high)
            continue;
        for (u64 at = module->text_low >> CFI_BLOCK_SHIFT; at <= module->text_high >> CFI_BLOCK_SHIFT; at++) {
            u32 bit = cfi_block_bit(at << CFI_BLOCK_SHIFT);
            for (u32 callers = 0; callers < 2; callers++)
                cfi_blocks.bits[callers][bit / 64] &= ~(UINT64_C(1) << (bit % 64));
        }
    }
}

/* What the walk knows beside frame pointers. */
typedef struct Knowledge {
    RuleTable *rules;
    CfiBlocks blocks;
} Knowledge;

static Knowledge usual, bare, ruled;

static void use_knowledge(const Knowledge *knowledge)
{
    rule_table = knowledge->rules;
    cfi_blocks = knowledge->blocks;
}

static void set_up(void)
{
    region = mmap(0, TOTAL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region == MAP_FAILED)
        fail("no memory for the region");
    RegionHeader *header = (RegionHeader *)region;
    header->control_offset = CONTROL_OFFSET;
    header->slots_offset = SLOTS_OFFSET;
    header->chains_offset = CHAINS_OFFSET;
    header->rings_offset = RINGS_OFFSET;
    header->main_root_return = root_of_main();
    own_signal = SIGRTMIN;
    empty_signal = SIGRTMIN + 1;
    install(empty_signal, empty_handler);
    install(own_signal, empty_handler);
    if (slots_initialize(region, bench_source("constant", 0)) != 0 || slots_install((u32)own_signal) != (u32)own_signal)
        fail("the handler could not be set up");
    for (u32 half = 0; half < 2; half++)
        slots_set_chains_room(half, REGION_CHAINS_BYTES / 2);
    slots_set_rates(1u << RATE_SHIFT, 1u << RATE_SHIFT, 1000000);
    cfi_find_modules();
    hide_own_code();
    learn();

    pthread_attr_t attributes;
    void *low;
    size_t bytes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        fail("the stack's bounds are not known");
    pthread_attr_getstack(&attributes, &low, &bytes);
    pthread_attr_destroy(&attributes);
    SlotSetup setup = {.index = 0,
                       .generation = 1,
                       .tid = (u32)gettid(),
                       .random = 12345,
                       .ring_records = RING_RECORDS,
                       .cpu_now_ns = clock_own_thread_cpu(),
                       .tick_first_ns = NEVER_NS,
                       .tick_period_ns = NEVER_NS,
                       .shot_period_ns = SHOT_PERIOD_NS,
                       .shots_per_tick = 1,
                       .stack_low = (u64)low,
                       .stack_high = (u64)low + bytes};
    if (slot_arm(&setup) != 0)
        fail("the kernel gives this process no timers");
    cookie = cookie_make(0, 1) | COOKIE_SHOT;
}

/* As if a lease without end had been granted, none of whose shots is ever late by this clock. */
static void use_clock(clock_read clock)
{
    Slot *slot = &hot.slots[0];
    hot.clock = clock;
    slot->shots_left = UINT32_MAX;
    slot->due = clock() + (UINT64_C(1) << 62);
}

static u64 run_signals(int number, u64 samples)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = number;
    info.si_code = SI_TIMER;
    info.si_value.sival_ptr = (void *)cookie;
    RegionSlot *shared = hot.slots[0].shared;
    long process = getpid();
    long thread = gettid();
    u64 before = clock_own_thread_cpu();
    for (u64 i = 0; i < samples; i++) {
        if (i % DRAIN_EVERY == 0)
            __atomic_store_n(&shared->tail, shared->head, __ATOMIC_RELEASE);
        syscall4(SYS_rt_tgsigqueueinfo, process, thread, number, (long)&info);
    }
    return clock_own_thread_cpu() - before;
}

static u64 run_calls(int number, u64 samples)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = number;
    info.si_code = SI_TIMER;
    info.si_value.sival_ptr = (void *)cookie;
    RegionSlot *shared = hot.slots[0].shared;
    struct sigaction action;
    sigaction(number, 0, &action);
    volatile signal_entry handler = action.sa_sigaction;

    /* The registers of this very frame, which stays where it is as long as the loop runs. */
    install(empty_signal + 1, capture_handler);
    syscall4(SYS_tgkill, getpid(), gettid(), empty_signal + 1, 0);
    u64 before = clock_own_thread_cpu();
    for (u64 i = 0; i < samples; i++) {
        if (i % DRAIN_EVERY == 0)
            __atomic_store_n(&shared->tail, shared->head, __ATOMIC_RELEASE);
        handler(number, &info, &captured);
    }
    return clock_own_thread_cpu() - before;
}

/* Runs the block `frames` frames further in. */
static __attribute__((noinline)) u64 descend(u32 frames, int number, u64 samples)
{
    volatile u8 locals[FRAME_BYTES];
    locals[0] = (u8)frames;
    u64 result;
    if (frames != 0)
        result = descend(frames - 1, number, samples);
    else if (direct)
        result = run_calls(number, samples);
    else
        result = run_signals(number, samples);
    __asm__ volatile("" : : "r"(locals[0]) : "memory");
    return result;
}

/* The newest sample's callers; it must have reached the root. */
static const RegionChain *newest_chain(void)
{
    const Slot *slot = &hot.slots[0];
    const RegionRecord *record = &slot->ring[(slot->head - 1) & slot->mask];
    if (slot->head == 0 || record->kind != RECORD_SHOT || record->stop != STOP_ROOT)
        fail("the stack was not walked to its root");
    return (const RegionChain *)(region + CHAINS_OFFSET + (u64)record->chain * REGION_CHAIN_UNIT);
}

static u32 callers(void)
{
    return newest_chain()->depth;
}

/* Rules that say what frame pointers say, for all callers of the newest sample that rbp heads a frame of. */
static void learn_callers(void)
{
    usual = (Knowledge){rule_table, cfi_blocks};
    ruled = usual;
    ruled.rules = malloc(sizeof *ruled.rules);
    if (!ruled.rules)
        fail("no memory for rules");
    memcpy(ruled.rules, usual.rules, sizeof *ruled.rules);
    use_knowledge(&ruled);
    const RegionChain *chain = newest_chain();
    for (u32 i = 0; i < chain->depth; i++) {
        u64 ret = ((const u64 *)(chain + 1))[i];
        RegionRule rule = {.cfa = 16, .saved_rbp = 16, .from_rbp = 1, .kind = RULE_KIND_RETURN};
        if (!cfi_covers(ret - 1, 1) && rules_publish(ret, &rule, 1) != 0)
            fail("no room for a rule");
    }
    use_knowledge(&usual);
}

int main(int argc, char **argv)
{
    if (argc < 6 || argc - 5 > MAX_CLOCKS || (strcmp(argv[1], "signal") != 0 && strcmp(argv[1], "direct") != 0))
        fail("usage: routine_loop signal|direct ROUNDS SAMPLES RUNTIME_LIBRARY CLOCK...");
    direct = strcmp(argv[1], "direct") == 0;
    u64 rounds = strtoull(argv[2], 0, 10);
    u64 samples = strtoull(argv[3], 0, 10);
    int count = argc - 5;
    clock_read clocks[MAX_CLOCKS];
    const Knowledge *knowledge[MAX_CLOCKS];
    set_up();
    for (int i = 0; i < count; i++) {
        const char *name = argv[5 + i];
        int empty = strcmp(name, "empty") == 0;
        knowledge[i] = strcmp(name, "bare") == 0 ? &bare : strcmp(name, "ruled") == 0 ? &ruled : &usual;
        clocks[i] = empty ? 0 : bench_source(knowledge[i] == &usual ? name : "constant", argv[4]);
        if (!empty && !clocks[i])
            fail("a clock that this machine does not have");
    }

    use_clock(bench_source("constant", 0));
    descend(0, own_signal, 1);
    u32 shallow = callers();
    if (shallow > CALLERS)
        fail("the stack is deeper than it should be");
    u32 frames = CALLERS - shallow;
    descend(frames, own_signal, samples);
    printf("callers %u\n", callers());
    learn_callers();

    u64 expected = hot.slots[0].counts[COUNTER_SAMPLES];
    for (u64 round = 0; round < rounds; round++) {
        for (int i = 0; i < count; i++) {
            int at = (int)((round + (u64)i) % (u64)count);
            if (clocks[at]) {
                use_clock(clocks[at]);
                expected += samples;
            }
            use_knowledge(knowledge[at]);
            u64 ns = descend(frames, clocks[at] ? own_signal : empty_signal, samples);
            printf("%s %lu %lu\n", argv[5 + at], samples, ns);
            if (clocks[at] && callers() != CALLERS)
                fail("the stack was not walked whole");
        }
    }
    if (hot.slots[0].counts[COUNTER_SAMPLES] != expected || hot.slots[0].counts[COUNTER_LOST_RING_FULL] != 0)
        fail("samples were lost");
    slot_disarm(0);
    return 0;
}
