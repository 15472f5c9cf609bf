/*
 * What the perf engine asks of the kernel: rings, events, counts. During a session the descriptors are in the pump's
 * table, and only the pump calls what is here, but for perf_events_uncover and perf_events_have_room.
 */
#include "perf.h"
#include "sandbox.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MOST_DESCRIPTORS (UINT64_C(1) << 22)
#define RINGS_BYTES (UINT64_C(32) << 20) /* all of them */
#define LARGEST_RING (UINT64_C(8) << 20)
#define SMALLEST_RING (UINT64_C(64) << 10)
#define FIXED_BYTES 256u   /* of a sample, beside the stack; rounded up */
#define LEAST_STACK 1024u
#define LARGEST_RECORD UINT64_C(65528)
#define HOLD_NS UINT64_C(100000000) /* what a ring should hold of one CPU's samples: the pump has to wait for a CPU too */

PerfEvents perf_events;
static PerfBuffer buffers[PERF_MOST_CPUS];
static struct perf_event_attr attributes;
static i32 *descriptors; /* of cover n, from n * cpus on; -1 when closed */
static u8 *condemned;    /* cover n is to be closed; behind the descriptors */
static u32 any_condemned;
static u64 descriptors_bytes;
static u64 most_covers;
static u64 covers;
static u64 counted_closed;
static u32 disabled;

i32 perf_event(const struct perf_event_attr *attr, u32 tid, i32 cpu)
{
    if (sandbox_kills(SANDBOX_CALL_PERF_EVENT_OPEN))
        return -SANDBOX_ERRNO;
    long fd = syscall(SYS_perf_event_open, attr, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : (i32)fd;
}

static void set_attributes(struct perf_event_attr *attr, u32 config, u32 kernel_excluded)
{
    memset(attr, 0, sizeof *attr);
    attr->size = sizeof *attr;
    attr->type = PERF_TYPE_SOFTWARE;
    attr->config = config;
    attr->exclude_hv = 1;
    attr->exclude_kernel = kernel_excluded & 1;
    attr->sample_id_all = 1; /* every record has its time */
    attr->use_clockid = 1;
    attr->clockid = CLOCK_MONOTONIC;
    /* The pump wakes by time. */
    attr->watermark = 1;
    attr->wakeup_watermark = INT32_MAX;
}

static void set_sampling(struct perf_event_attr *attr, u64 period_ns, u32 stack_bytes, u32 kernel_excluded)
{
    set_attributes(attr, PERF_COUNT_SW_TASK_CLOCK, kernel_excluded);
    attr->sample_period = period_ns;
    attr->sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_PERIOD | PERF_SAMPLE_REGS_USER |
                        PERF_SAMPLE_STACK_USER;
    attr->sample_regs_user = PERF_REGISTER_MASK;
    attr->sample_stack_user = stack_bytes;
    attr->inherit = 1;
    attr->inherit_thread = 1;
    attr->task = 1;
    attr->disabled = 1;
}

/*
 * Not more than is cheap: copying costs 0.3 µs from 2 KiB to 8 KiB and as much again to 16 KiB, where a sample costs
 * 13 µs; the kernel's own callchain costs 2.7 µs. At low rates the deepest stacks are worth it.
 */
static u64 cheap_stack(u64 period_ns)
{
    return period_ns >= 1000000 ? LARGEST_RECORD - FIXED_BYTES : period_ns >= 100000 ? 16384 : 8192;
}

static u32 stack_for(u64 ring_bytes, u64 period_ns)
{
    u64 most = cheap_stack(period_ns);
    u64 samples = HOLD_NS / period_ns + 1;
    u64 room = ring_bytes / samples > FIXED_BYTES ? ring_bytes / samples - FIXED_BYTES : 0;
    u64 bytes = room < most ? room : most;
    return (u32)(bytes < LEAST_STACK ? LEAST_STACK : bytes) & ~7u;
}

i32 perf_event_permitted(struct perf_event_attr *attr, u64 period_ns, u32 stack_bytes)
{
    set_sampling(attr, period_ns, stack_bytes, 0);
    i32 fd = perf_event(attr, 0, -1);
    if (fd == -EACCES || fd == -EPERM) {
        set_sampling(attr, period_ns, stack_bytes, 1);
        fd = perf_event(attr, 0, -1);
    }
    return fd;
}

static void unmap_buffers(void)
{
    for (u32 i = 0; i < perf_events.cpus; i++) {
        if (buffers[i].map)
            munmap(buffers[i].map, perf_events.ring_bytes + REGION_PAGE);
        buffers[i].map = 0;
    }
}

static i64 map_buffers(void)
{
    for (u32 i = 0; i < perf_events.cpus; i++) {
        void *map = mmap(0, perf_events.ring_bytes + REGION_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, buffers[i].fd, 0);
        if (map == MAP_FAILED) {
            i64 error = -errno;
            unmap_buffers();
            return error;
        }
        buffers[i].map = map;
    }
    return 0;
}

/* The rings hang on events of the agent's thread that count nothing: threads and their events come and go beside them. */
static i64 open_buffers(u64 period_ns)
{
    struct perf_event_attr none;
    set_attributes(&none, PERF_COUNT_SW_DUMMY, perf_events.kernel_excluded);
    long count = sysconf(_SC_NPROCESSORS_CONF);
    i32 refused = -ENODEV;
    perf_events.cpus = 0;
    for (u32 cpu = 0; cpu < count && cpu < PERF_MOST_CPUS; cpu++) {
        i32 fd = perf_event(&none, 0, (i32)cpu);
        if (fd >= 0) {
            buffers[perf_events.cpus++] = (PerfBuffer){.fd = fd, .cpu = cpu};
        } else if (fd != -ENODEV) { /* that CPU is switched off */
            refused = fd;
            break;
        }
    }
    if (perf_events.cpus == 0 || refused != -ENODEV)
        return refused;

    u64 wanted = (HOLD_NS / period_ns + 1) * (cheap_stack(period_ns) + FIXED_BYTES);
    u64 bytes = SMALLEST_RING;
    while (bytes < wanted && bytes < LARGEST_RING && 2 * bytes * perf_events.cpus <= RINGS_BYTES)
        bytes *= 2;
    for (;; bytes /= 2) {
        perf_events.ring_bytes = (u32)bytes;
        i64 error = map_buffers();
        /* EPERM: more than perf_event_mlock_kb and RLIMIT_MEMLOCK allow together. */
        if ((error != -EPERM && error != -ENOMEM) || bytes == SMALLEST_RING)
            return error;
    }
}

/* As many threads as the limit of file descriptors leaves room for, beside the rings: the table is ours alone. */
static u64 room_for_covers(void)
{
    struct rlimit limit;
    u64 most = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
    if (most > MOST_DESCRIPTORS)
        most = MOST_DESCRIPTORS;
    return most > perf_events.cpus ? most / perf_events.cpus - 1 : 0;
}

i64 perf_events_open(u64 period_ns)
{
    memset(&perf_events, 0, sizeof perf_events);
    perf_events.buffers = buffers;
    counted_closed = 0;
    covers = 0;
    disabled = 0;
    /* Kernel time too, where it is permitted. */
    i32 probe = perf_event_permitted(&attributes, period_ns, LEAST_STACK);
    if (probe < 0)
        return probe;
    close(probe);
    perf_events.kernel_excluded = attributes.exclude_kernel;
    i64 error = open_buffers(period_ns);
    most_covers = error == 0 ? room_for_covers() : 0;
    if (error == 0 && most_covers == 0)
        error = -EMFILE;
    descriptors_bytes = (most_covers + 1) * (perf_events.cpus * sizeof(i32) + 1);
    any_condemned = 0;
    if (error == 0) {
        descriptors = mmap(0, descriptors_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        error = descriptors == MAP_FAILED ? -ENOMEM : 0;
        condemned = (u8 *)(descriptors + (most_covers + 1) * perf_events.cpus);
    }
    if (error != 0) {
        descriptors = 0;
        perf_events_close();
        return error;
    }
    perf_events.stack_bytes = stack_for(perf_events.ring_bytes, period_ns);
    set_sampling(&attributes, period_ns, perf_events.stack_bytes, perf_events.kernel_excluded);
    return 0;
}

static void close_cover(u64 cover)
{
    for (u32 i = 0; i < perf_events.cpus; i++) {
        i32 *fd = &descriptors[cover * perf_events.cpus + i];
        u64 count;
        if (*fd < 0)
            continue;
        ioctl(*fd, PERF_EVENT_IOC_DISABLE, 0);
        if (read(*fd, &count, sizeof count) == sizeof count)
            counted_closed += count;
        close(*fd);
        *fd = -1;
    }
}

void perf_events_uncover(u32 cover)
{
    condemned[cover - 1] = 1;
    any_condemned = 1;
}

void perf_events_close_condemned(void)
{
    if (!any_condemned)
        return;
    any_condemned = 0;
    for (u64 i = 0; i < covers; i++) {
        if (condemned[i])
            close_cover(i);
        condemned[i] = 0;
    }
}

int perf_events_have_room(void)
{
    return covers < most_covers;
}

i64 perf_events_cover(u32 tid)
{
    if (covers == most_covers)
        return -EMFILE;
    i32 *fds = &descriptors[covers * perf_events.cpus];
    for (u32 i = 0; i < perf_events.cpus; i++)
        fds[i] = -1;
    for (u32 i = 0; i < perf_events.cpus; i++) {
        fds[i] = perf_event(&attributes, tid, (i32)buffers[i].cpu);
        i64 error = fds[i] < 0 ? fds[i] : ioctl(fds[i], PERF_EVENT_IOC_SET_OUTPUT, buffers[i].fd) != 0 ? -errno : 0;
        if (error == -ENODEV)
            continue; /* a CPU that was switched off meanwhile */
        if (error != 0) {
            close_cover(covers);
            return error;
        }
    }
    for (u32 i = 0; i < perf_events.cpus && !disabled; i++)
        if (fds[i] >= 0)
            ioctl(fds[i], PERF_EVENT_IOC_ENABLE, 0);
    return (i64)++covers;
}

/* Children that have inherited an event follow it; those that inherit a disabled one begin so. */
static void control_all(unsigned long request)
{
    for (u64 i = 0; i < covers * perf_events.cpus; i++)
        if (descriptors[i] >= 0)
            ioctl(descriptors[i], request, 0);
}

void perf_events_disable(void)
{
    disabled = 1;
    control_all(PERF_EVENT_IOC_DISABLE);
}

void perf_events_enable(void)
{
    disabled = 0;
    control_all(PERF_EVENT_IOC_ENABLE);
}

u64 perf_events_count(void)
{
    u64 sum = counted_closed, count;
    for (u64 i = 0; i < covers * perf_events.cpus; i++)
        if (descriptors[i] >= 0 && read(descriptors[i], &count, sizeof count) == sizeof count)
            sum += count;
    return sum;
}

static void close_covers(void)
{
    for (u64 i = 0; descriptors && i < covers; i++) {
        close_cover(i);
        condemned[i] = 0;
    }
    covers = 0;
    any_condemned = 0;
}

/*
 * PERF_EVENT_IOC_PERIOD changes the one event, and none of those that were inherited from it, so another period takes
 * other events.
 */
void perf_events_renew(u64 period_ns)
{
    close_covers();
    set_sampling(&attributes, period_ns, perf_events.stack_bytes, perf_events.kernel_excluded);
}

void perf_events_close(void)
{
    close_covers();
    if (descriptors)
        munmap(descriptors, descriptors_bytes);
    descriptors = 0;
    unmap_buffers();
    for (u32 i = 0; i < perf_events.cpus; i++)
        close(buffers[i].fd);
    perf_events.cpus = 0;
}
