/* The kernel's records, read without trust in a word of them. */
#include "perf.h"

#include <linux/perf_event.h>
#include <string.h>

static u64 word(const u8 *at)
{
    u64 value;
    memcpy(&value, at, sizeof value);
    return value;
}

static u32 half(const u8 *at)
{
    u32 value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* ip, pid and tid, time, period; the registers' ABI and they; the size of the copied stack, it, and how much of it is valid. */
static int read_sample(const u8 *at, u64 size, u32 misc, PerfSample *sample)
{
    const u8 *end = at + size;
    if (size < 6 * sizeof(u64))
        return 0;
    sample->ip = word(at);
    sample->tid = half(at + 12);
    sample->time = word(at + 16);
    sample->period = word(at + 24);
    sample->in_kernel = (misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL;
    u64 abi = word(at + 32);
    at += 40;
    if (abi != PERF_SAMPLE_REGS_ABI_NONE) {
        if ((u64)(end - at) < (PERF_REGISTERS + 1) * sizeof(u64))
            return 0;
        /* A thread in 32-bit code has its registers elsewhere: it goes without callers. */
        sample->registers = abi == PERF_SAMPLE_REGS_ABI_64 ? at : 0;
        at += PERF_REGISTERS * sizeof(u64);
    }
    u64 copied = word(at);
    at += sizeof(u64);
    if (copied == 0)
        return 1;
    if (copied > (u64)(end - at) || (u64)(end - at) - copied < sizeof(u64))
        return 0;
    u64 valid = word(at + copied);
    sample->stack = at;
    sample->stack_bytes = valid < copied ? valid : copied;
    return 1;
}

static int read_body(const u8 *at, u64 size, u32 misc, PerfRecord *record)
{
    switch (record->type) {
    case PERF_RECORD_SAMPLE:
        return read_sample(at, size, misc, &record->sample);
    case PERF_RECORD_FORK: /* pid, parent's pid, tid, parent's tid, time */
    case PERF_RECORD_EXIT:
        if (size < 3 * sizeof(u64))
            return 0;
        record->tid = half(at + 8);
        record->parent = half(at + 12);
        record->time = word(at + 16); /* the same as at its end */
        return 1;
    case PERF_RECORD_LOST: /* id, lost */
        if (size < 2 * sizeof(u64))
            return 0;
        record->lost = word(at + 8);
        return 1;
    case PERF_RECORD_LOST_SAMPLES:
        if (size < sizeof(u64))
            return 0;
        record->lost = word(at);
        return 1;
    default:
        return 1;
    }
}

/* Where the next record's header is whole and believable. Records are multiples of 8 bytes, as is the ring: a header, or any word, never goes over its end. */
static int read_header(const PerfRing *ring, struct perf_event_header *header)
{
    u64 waiting = ring->head - ring->tail;
    u64 at = ring->tail & ring->mask;
    memcpy(header, ring->data + at, sizeof *header);
    return waiting <= ring->mask + 1 && !(at & 7) && header->size >= sizeof *header && !(header->size & 7) && header->size <= waiting;
}

int perf_next_time(const PerfRing *ring, u64 *time)
{
    struct perf_event_header header;
    *time = 0;
    if (ring->head == ring->tail)
        return 0;
    if (!read_header(ring, &header) || header.size < sizeof header + 3 * sizeof(u64))
        return 1;
    /* A sample's is its third word; all others have it at their end (sample_id_all). */
    u64 offset = header.type == PERF_RECORD_SAMPLE ? sizeof header + 2 * sizeof(u64) : header.size - sizeof(u64);
    *time = word(ring->data + ((ring->tail + offset) & ring->mask));
    return 1;
}

int perf_next(PerfRing *ring, u8 *copy, PerfRecord *record)
{
    struct perf_event_header header;
    if (ring->head == ring->tail)
        return 0;
    memset(record, 0, sizeof *record);
    if (!read_header(ring, &header)) {
        /* Where the next record begins is not known. */
        ring->tail = ring->head;
        return 1;
    }
    u64 at = ring->tail & ring->mask;
    const u8 *bytes = ring->data + at;
    u64 before_end = ring->mask + 1 - at;
    if (header.size > before_end) {
        memcpy(copy, bytes, before_end);
        memcpy(copy + before_end, ring->data, header.size - before_end);
        bytes = copy;
    }
    ring->tail += header.size;
    record->type = header.type;
    if (header.type != PERF_RECORD_SAMPLE && header.size >= sizeof header + 3 * sizeof(u64))
        record->time = word(bytes + header.size - sizeof(u64));
    if (!read_body(bytes + sizeof header, header.size - sizeof header, header.misc, record))
        record->type = 0;
    return 1;
}
