#include "hot.h"

static inline u64 room(const Slot *slot)
{
    u64 used = slot->head - __atomic_load_n(&slot->shared->tail, __ATOMIC_ACQUIRE);
    return used <= slot->mask ? slot->mask + 1 - used : 0;
}

static inline void put(Slot *slot, const RegionRecord *record)
{
    slot->ring[slot->head & slot->mask] = *record;
    slot->head++;
    __atomic_store_n(&slot->shared->head, slot->head, __ATOMIC_RELEASE);
}

/* Gives the room that is left. */
static u64 report_lost(Slot *slot, u64 free)
{
    if (slot->lost == 0 || free == 0)
        return free;
    RegionRecord lost = {.ticks = slot->lost_since, .value = slot->lost, .kind = RECORD_LOST};
    put(slot, &lost);
    slot->lost = 0;
    return free - 1;
}

void ring_report_lost(Slot *slot)
{
    report_lost(slot, room(slot));
}

int ring_put(Slot *slot, const RegionRecord *record)
{
    /* One look at the tail: were it to move between two, the record could be written before the losses it follows. */
    if (report_lost(slot, room(slot)) == 0)
        return 0;
    put(slot, record);
    return 1;
}

void ring_lose(Slot *slot, u64 ticks)
{
    if (slot->lost++ == 0)
        slot->lost_since = ticks;
    slot->counts[COUNTER_LOST_RING_FULL]++;
}
