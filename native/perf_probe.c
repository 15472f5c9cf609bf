/* Whether the kernel gives us samples, and what one costs: the agent's thread samples itself. */
#include "perf.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SPACING_NS 300000u
#define STACK_BYTES 8192u
#define RING_BYTES (256u << 10)

static u64 taken_by_kernel(void *context)
{
    struct perf_event_mmap_page *page = context;
    u64 head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
    __atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
    return head;
}

i64 perf_probe(u32 shots, u64 *cost_ns)
{
    struct perf_event_attr attributes;
    u64 gaps[MOST_GAPS];
    if (shots > MOST_GAPS)
        shots = MOST_GAPS;
    i32 fd = perf_event_permitted(&attributes, SPACING_NS, STACK_BYTES);
    if (fd < 0)
        return fd;
    close(fd);
    /* A ring for all CPUs at once is allowed to an event that nobody inherits. */
    attributes.inherit = 0;
    attributes.inherit_thread = 0;
    fd = perf_event(&attributes, 0, -1);
    if (fd < 0)
        return fd;
    i64 result = 0;
    u64 bytes = RING_BYTES;
    void *map = MAP_FAILED;
    for (; map == MAP_FAILED && bytes >= 4 * STACK_BYTES; bytes /= 2)
        map = mmap(0, bytes + REGION_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    bytes *= 2;
    if (map == MAP_FAILED) {
        result = -errno;
    } else {
        ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
        u32 count = measure_gaps(taken_by_kernel, map, shots, gaps);
        ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
        if (count < shots / 2 + 1)
            result = -ETIME;
        else
            *cost_ns = median(gaps, count);
        munmap(map, bytes + REGION_PAGE);
    }
    close(fd);
    return result;
}
