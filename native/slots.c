#include "slots.h"

#include "quiet.h"
#include "sandbox.h"
#include "syscalls.h"
#include "vdso.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Entries of a store's table: half full when its half of the arena holds chains of 15 callers only. */
#define CHAIN_TABLE_ENTRIES (UINT64_C(1) << 18)

static u8 *region_base;

static RegionSlot *shared_slot(u32 index)
{
    const RegionHeader *header = (const RegionHeader *)region_base;
    return (RegionSlot *)(region_base + header->slots_offset) + index;
}

/* Where a store's part of the chain section begins; id 0 means none, so the first does not begin at 0. */
static u64 chain_start(u32 store)
{
    return store == 0 ? REGION_CHAIN_UNIT : REGION_CHAINS_BYTES / CHAIN_STORES * store;
}

static void *map_private(u64 bytes)
{
    void *memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? 0 : memory;
}

i64 slots_initialize(u8 *region, u64 (*clock)(void))
{
    const RegionHeader *header = (const RegionHeader *)region;
    region_base = region;
    hot.clock = clock;
    hot.pid = (u32)getpid();
    hot.thread_root_return = header->thread_root_return;
    hot.main_root_return = header->main_root_return;
    for (u32 i = 0; i < CHAIN_STORES; i++) {
        ChainStore *store = &hot.stores[i];
        store->arena = region + header->chains_offset;
        store->arena_bytes = chain_start(i); /* no room: nothing has memory yet */
        store->table_mask = CHAIN_TABLE_ENTRIES - 1;
        /* From an attempt that failed, perhaps. */
        if (!store->table)
            store->table = map_private(CHAIN_TABLE_ENTRIES * sizeof(u64));
        if (!store->table)
            return -ENOMEM;
    }
    Slot *slots = map_private((REGION_SLOTS + 1) * sizeof(Slot));
    if (!slots)
        return -ENOMEM;
    for (u32 i = 0; i <= REGION_SLOTS; i++) {
        slots[i].shared = i < REGION_SLOTS ? shared_slot(i) : 0;
        slots[i].tick_timer = slots[i].shot_timer = -1;
    }
    hot.slots = slots;
    __atomic_store_n(&hot.slot_count, REGION_SLOTS + 1, __ATOMIC_RELEASE);
    slots_reset_chains();
    quiet_watch_forks();
    return 0;
}

void *clock_pointer(u32 kind)
{
    if (kind == CLOCK_KIND_VDSO && vdso_find())
        return (void *)clock_vdso;
    return kind == CLOCK_KIND_STOPWATCH ? (void *)clock_stopwatch : 0;
}

void slots_set_clock(u64 (*clock)(void))
{
    __atomic_store_n(&hot.clock, clock, __ATOMIC_RELEASE);
}

u32 slots_install(u32 number)
{
    struct sigaction current;
    /* Once only: whoever has put a handler in front of ours since then chains to it, and would be chained to in turn,
       round and round. One that does not chain keeps our signals from us, which the calibration finds out. */
    if (hot.signal_number != 0)
        return hot.signal_number;
    if (number == 0 || sigaction((int)number, 0, &current) != 0)
        return 0;
    if (!(current.sa_flags & SA_SIGINFO) && (current.sa_handler == SIG_DFL || current.sa_handler == SIG_IGN))
        return 0;
    hot.previous = current;
    /* No SA_ONSTACK: the runtime runs on a small alternate stack of its own when it handles a fault. */
    struct sigaction ours = {.sa_sigaction = handler_entry, .sa_flags = SA_SIGINFO | SA_RESTART};
    /* Every bit: sigfillset leaves out the two signals that libc keeps to itself (thread cancellation and setuid). */
    memset(&ours.sa_mask, 0xFF, sizeof ours.sa_mask);
    if (sigaction((int)number, &ours, 0) != 0)
        return 0;
    hot.signal_number = number;
    return number;
}

u32 slots_installed(void)
{
    struct sigaction current;
    return hot.signal_number != 0 && sigaction((int)hot.signal_number, 0, &current) == 0 &&
           (current.sa_flags & SA_SIGINFO) && current.sa_sigaction == handler_entry;
}

void slots_set_rates(u64 ticks_per_ns, u64 ns_per_tick, u64 late_tolerance_ns)
{
    hot.ticks_per_ns = ticks_per_ns;
    hot.ns_per_tick = ns_per_tick;
    hot.late_tolerance_ns = late_tolerance_ns;
}

static void clear_store(ChainStore *store)
{
    memset(store->table, 0, (store->table_mask + 1) * sizeof(u64));
    store->arena_used = chain_start((u32)(store - hot.stores));
}

void slots_reset_chains(void)
{
    for (u32 i = 0; i < CHAIN_STORES; i++)
        clear_store(&hot.stores[i]);
    hot.stores[0].generation = 0;
    __atomic_store_n(&hot.chains, &hot.stores[0], __ATOMIC_RELEASE);
}

static ChainStore *other_store(void)
{
    return hot.chains == &hot.stores[0] ? &hot.stores[1] : &hot.stores[0];
}

void slots_switch_chains(void)
{
    ChainStore *next = other_store();
    next->generation = (u8)(hot.chains->generation + 1);
    __atomic_store_n(&hot.chains, next, __ATOMIC_RELEASE);
}

void slots_clear_retired_chains(void)
{
    clear_store(other_store());
}

void slots_set_chains_room(u32 half, u64 bytes)
{
    u64 most = REGION_CHAINS_BYTES / CHAIN_STORES;
    __atomic_store_n(&hot.stores[half].arena_bytes, most * half + (bytes < most ? bytes : most), __ATOMIC_RELEASE);
}

u64 slots_chains_used(void)
{
    u64 used = __atomic_load_n(&hot.chains->arena_used, __ATOMIC_RELAXED);
    u64 end = hot.chains->arena_bytes;
    return (used < end ? used : end) - chain_start((u32)(hot.chains - hot.stores));
}

u64 slots_chained_signals(void)
{
    return __atomic_load_n(&hot.chained, __ATOMIC_RELAXED);
}

u64 slots_late_signals(void)
{
    return __atomic_load_n(&hot.late, __ATOMIC_RELAXED);
}

/* linux/posix-timers_types.h: a thread's scheduler clock, CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED */
static i32 thread_clock(u32 tid)
{
    return (i32)(~tid << 3 | 6);
}

i64 thread_cpu_ns(u32 tid)
{
    struct timespec t;
    if (syscall4(SYS_clock_gettime, thread_clock(tid), (long)&t, 0, 0) != 0)
        return -1;
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

i64 create_timer(i32 clock, u32 tid, u64 cookie)
{
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = (int)hot.signal_number;
    event.sigev_value.sival_ptr = (void *)cookie;
    event._sigev_un._tid = (pid_t)tid;
    if (sandbox_kills(SANDBOX_CALL_TIMER_CREATE))
        return -SANDBOX_ERRNO;
    int id = -1; /* the kernel's timer_t */
    long result = syscall4(SYS_timer_create, clock, (long)&event, (long)&id, 0);
    return result != 0 ? result : id;
}

void delete_timer(i64 *timer)
{
    if (*timer >= 0)
        syscall4(SYS_timer_delete, (long)*timer, 0, 0, 0);
    *timer = -1;
}

void slot_prepare(const SlotSetup *setup)
{
    Slot *slot = &hot.slots[setup->index];
    slot->tid = setup->tid;
    slot->by_pump = 0;
    slot->paused = 0;
    slot->gap_kind = RECORD_GAP;
    slot->paused_cpu_ns = setup->cpu_now_ns;
    slot->tick_period_ns = setup->tick_period_ns;
    slot->ring = (RegionRecord *)(region_base + ((const RegionHeader *)region_base)->rings_offset + setup->ring_offset);
    slot->mask = setup->ring_records - 1;
    slot->shot_period_ns = setup->shot_period_ns;
    slot->shots_per_tick = (u32)setup->shots_per_tick;
    slot->head = __atomic_load_n(&slot->shared->head, __ATOMIC_RELAXED);
    slot->settled_cpu_ns = setup->cpu_now_ns;
    slot->shots_left = 0;
    slot->unsettled = 0;
    slot->seen_ticks = slot->seen_cpu_ns = 0; /* read by the first tick, which comes before any shot */
    slot->lost = 0;
    slot->last_ip = slot->last_sp = 0;
    slot->stuck_run = 0;
    slot->random = setup->random;
    slot->stack_wanted = 0;
    slot->stack_low = setup->stack_low;
    slot->stack_high = setup->stack_high;
    memset(slot->counts, 0, sizeof slot->counts);
}

i64 slot_arm(const SlotSetup *setup)
{
    Slot *slot = &hot.slots[setup->index];
    u64 cookie = cookie_make(setup->index, setup->generation);
    slot_prepare(setup);
    if (setup->index >= hot.slots_armed && setup->index < REGION_SLOTS)
        __atomic_store_n(&hot.slots_armed, setup->index + 1, __ATOMIC_RELEASE);
    slot->tick_timer = create_timer(thread_clock(setup->tid), setup->tid, cookie);
    if (slot->tick_timer < 0) {
        i64 error = slot->tick_timer;
        slot->tick_timer = -1;
        return error;
    }
    if (setup->shot_period_ns != 0) {
        slot->shot_timer = create_timer(CLOCK_MONOTONIC, setup->tid, cookie | COOKIE_SHOT);
        if (slot->shot_timer < 0) {
            i64 error = slot->shot_timer;
            slot->shot_timer = -1;
            delete_timer(&slot->tick_timer);
            return error;
        }
    }
    __atomic_store_n(&slot->cookie, cookie, __ATOMIC_SEQ_CST);

    long result = timer_arm(slot->tick_timer, setup->tick_first_ns, setup->tick_period_ns);
    if (result != 0)
        slot_disarm(setup->index);
    return result;
}

void slot_disarm(u32 index)
{
    Slot *slot = &hot.slots[index];
    __atomic_store_n(&slot->cookie, 0, __ATOMIC_SEQ_CST);
    delete_timer(&slot->tick_timer);
    delete_timer(&slot->shot_timer);
}

u32 slot_quiet(u32 index)
{
    return !__atomic_load_n(&hot.slots[index].in_handler, __ATOMIC_SEQ_CST);
}

void slot_report_lost(u32 index)
{
    ring_report_lost(&hot.slots[index]);
}

u32 slot_stack_wanted(u32 index, u64 *sp, u64 *tcb)
{
    Slot *slot = &hot.slots[index];
    if (!__atomic_load_n(&slot->stack_wanted, __ATOMIC_ACQUIRE))
        return 0;
    *sp = slot->seen_sp;
    *tcb = slot->seen_tcb;
    return 1;
}

void slot_set_stack(u32 index, u64 low, u64 high)
{
    Slot *slot = &hot.slots[index];
    /* Through "not known", so that the handler never sees one stack's low with another's high. */
    __atomic_store_n(&slot->stack_high, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->stack_low, low, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->stack_high, high, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->stack_wanted, 0, __ATOMIC_RELEASE);
}

void slot_set_shot_period(u32 index, u64 period_ns, u32 shots_per_tick)
{
    Slot *slot = &hot.slots[index];
    __atomic_store_n(&slot->shots_per_tick, shots_per_tick, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->shot_period_ns, period_ns, __ATOMIC_RELAXED);
    struct itimerspec now;
    if (slot->shot_timer < 0 || syscall4(SYS_timer_gettime, (long)slot->shot_timer, (long)&now, 0, 0) != 0)
        return;
    if (now.it_interval.tv_nsec == 0 && now.it_interval.tv_sec == 0)
        return; /* no lease out */
    timer_arm(slot->shot_timer, period_ns, period_ns);
}

u32 slot_counts(u32 index, u64 *counts)
{
    Slot *slot = &hot.slots[index];
    for (u32 i = 0; i < 16; i++)
        counts[i] = __atomic_load_n(&slot->counts[i], __ATOMIC_RELAXED);
    return __atomic_load_n(&slot->stuck_run, __ATOMIC_RELAXED);
}
