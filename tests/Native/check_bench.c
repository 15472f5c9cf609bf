#include "check_bench.h"

#include "syscalls.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONTROL_OFFSET UINT64_C(4096)
#define SLOTS_OFFSET UINT64_C(8192)
#define CHAINS_OFFSET (SLOTS_OFFSET + REGION_SLOTS * sizeof(RegionSlot))
#define RINGS_OFFSET (CHAINS_OFFSET + REGION_CHAINS_BYTES)
#define TOTAL_BYTES (RINGS_OFFSET + REGION_RINGS_BYTES)

u8 *bench_region;
Seen seen;

u64 bench_signal_mask(void)
{
    u64 mask = 0;
    syscall4(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)&mask, sizeof mask);
    return mask;
}

void bench_previous(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    seen.code = info->si_code;
    seen.value = (u64)info->si_value.sival_ptr;
    seen.error = errno;
    seen.mask = bench_signal_mask();
    errno = EDOM;
    seen.calls++;
}

void bench_start(u64 (*clock)(void))
{
    bench_region = mmap(0, TOTAL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(bench_region != MAP_FAILED, "no memory for the region");
    RegionHeader *header = (RegionHeader *)bench_region;
    header->control_offset = CONTROL_OFFSET;
    header->slots_offset = SLOTS_OFFSET;
    header->chains_offset = CHAINS_OFFSET;
    header->rings_offset = RINGS_OFFSET;
    CHECK(slots_install((u32)SIGRTMIN) == 0, "there was no handler to be put in front of");

    struct sigaction previous = {.sa_sigaction = bench_previous, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaddset(&previous.sa_mask, SIGUSR1);
    CHECK(sigaction(SIGRTMIN, &previous, 0) == 0, "errno %d", errno);
    CHECK(slots_initialize(bench_region, clock) == 0, "no memory");
    for (u32 half = 0; half < 2; half++)
        slots_set_chains_room(half, REGION_CHAINS_BYTES / 2);
    CHECK(slots_install((u32)SIGRTMIN) == (u32)SIGRTMIN, "not installed");
    CHECK(slots_installed(), "not installed");
}

RegionSlot *bench_slot(u32 index)
{
    return (RegionSlot *)(bench_region + SLOTS_OFFSET) + index;
}

static u64 ring_offset(const Bench *bench)
{
    return bench->index * bench->ring_records * sizeof(RegionRecord);
}

const RegionRecord *bench_record(const Bench *bench, u64 position)
{
    return (const RegionRecord *)(bench_region + RINGS_OFFSET + ring_offset(bench)) + (position & (bench->ring_records - 1));
}

void bench_arm(Bench *bench)
{
    static u32 generation;
    bench->generation = ++generation;
    if (bench->tid == 0)
        bench->tid = (u32)gettid();
    SlotSetup setup = {
        .index = bench->index,
        .generation = bench->generation,
        .tid = bench->tid,
        .random = 12345,
        .ring_offset = ring_offset(bench),
        .ring_records = bench->ring_records,
        .cpu_now_ns = (u64)thread_cpu_ns(bench->tid),
        .tick_first_ns = bench->tick_period_ns,
        .tick_period_ns = bench->tick_period_ns,
        .shot_period_ns = bench->shot_period_ns,
        .shots_per_tick = bench->shot_period_ns ? bench->tick_period_ns / bench->shot_period_ns + 1 : 0};
    i64 error = slot_arm(&setup);
    if (error == -EAGAIN || error == -EPERM || error == -ENOSYS) {
        printf("the kernel gives this process no timers (errno %d)\n", (int)-error);
        exit(SKIPPED);
    }
    CHECK(error == 0, "slot_arm gave %d", (int)error);
}

void bench_disarm(const Bench *bench)
{
    slot_disarm(bench->index);
    AWAIT(slot_quiet(bench->index));
}

void bench_send(u64 cookie)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = SIGRTMIN;
    info.si_code = SI_TIMER;
    info.si_value.sival_ptr = (void *)cookie;
    long result = syscall4(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGRTMIN, (long)&info);
    CHECK(result == 0, "rt_tgsigqueueinfo gave %ld", result);
}

u64 bench_count(u32 index, u32 counter)
{
    u64 counts[16];
    slot_counts(index, counts);
    return counts[counter];
}

void bench_own_stack(u32 index)
{
    pthread_attr_t attributes;
    void *low;
    size_t bytes;
    CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0, "no stack known");
    pthread_attr_getstack(&attributes, &low, &bytes);
    pthread_attr_destroy(&attributes);
    slot_set_stack(index, (u64)low, (u64)low + bytes);
}
