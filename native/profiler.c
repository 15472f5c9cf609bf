/*
 * The COM face the runtime sees. It is C because its callbacks run on the application's threads: managed code there
 * would join those threads to the agent's own runtime. The callbacks only enqueue.
 */
#include "corprof.h"
#include "entry.h"
#include "events.h"

#include <errno.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>

static const Guid IID_UNKNOWN = {0x00000000, 0x0000, 0x0000, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
static const Guid IID_CLASS_FACTORY = {0x00000001, 0x0000, 0x0000, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
static const Guid IID_PROFILER_INFO5 = {0x07602928, 0xCE38, 0x4B83, {0x81, 0xE7, 0x74, 0xAD, 0xAF, 0x78, 0x12, 0x14}};
static const Guid IID_PROFILER_INFO11 = {0x06398876, 0x8987, 0x4154, {0xB6, 0x21, 0x40, 0xA0, 0x0D, 0x6E, 0x4D, 0x04}};
/* {8f1b1a5e-6d0c-4b6f-9a54-64706f727031} */
static const Guid CLSID_AGENT = {0x8F1B1A5E, 0x6D0C, 0x4B6F, {0x9A, 0x54, 0x64, 0x70, 0x6F, 0x72, 0x70, 0x31}};

static const Guid IID_CALLBACKS[] = {
    {0x176FBED1, 0xA55C, 0x4796, {0x98, 0xCA, 0xA9, 0xDA, 0x0E, 0xF8, 0x83, 0xE7}},
    {0x8A8CC829, 0xCCF2, 0x49FE, {0xBB, 0xAE, 0x0F, 0x02, 0x22, 0x28, 0x07, 0x1A}},
    {0x4FD2ED52, 0x7731, 0x4B8D, {0x94, 0x69, 0x03, 0xD2, 0xCC, 0x30, 0x86, 0xC5}},
    {0x7B63B2E3, 0x107D, 0x4D48, {0xB2, 0xF6, 0xF6, 0x1E, 0x22, 0x94, 0x70, 0xD2}},
    {0x8DFBA405, 0x8C9F, 0x45F8, {0xBF, 0xFA, 0x83, 0xB1, 0x4C, 0xEF, 0x78, 0xB5}},
    {0xFC13DF4B, 0x4448, 0x4F4F, {0x95, 0x0C, 0xBA, 0x8D, 0x19, 0xD0, 0x0C, 0x36}},
    {0xF76A2DBA, 0x1D52, 0x4539, {0x86, 0x6C, 0x2A, 0xA5, 0x18, 0xF9, 0xEF, 0xC3}},
    {0x5BED9B15, 0xC079, 0x4D47, {0xBF, 0xE2, 0x21, 0x5A, 0x14, 0x0C, 0x07, 0xE0}},
    {0x27583EC3, 0xC8F5, 0x482F, {0x80, 0x52, 0x19, 0x4B, 0x8C, 0xE4, 0x70, 0x5A}},
    {0xCEC5B60E, 0xC69C, 0x495F, {0x87, 0xF6, 0x84, 0xD2, 0x8E, 0xE1, 0x6F, 0xFB}},
    {0x42350846, 0xAAED, 0x47F7, {0xB1, 0x28, 0xFD, 0x0C, 0x98, 0x88, 0x1C, 0xDE}},
};

typedef struct Object Object;
typedef HRESULT (*QueryInterface)(Object *, const Guid *, void **);

/* A COM object is a pointer to its vtable; ours live for ever and are never counted. */
struct Object {
    void *const *methods;
};

static int same(const Guid *a, const Guid *b)
{
    return memcmp(a, b, sizeof(Guid)) == 0;
}

static u32 count_nothing(Object *self)
{
    (void)self;
    return 1;
}

static HRESULT ok(void)
{
    return S_OK;
}

/* ---- thread callbacks: application threads ---- */

static HRESULT thread_assigned(Object *self, u64 managed_id, u32 os_id)
{
    (void)self;
    AgentEvent event = {.kind = EVENT_THREAD_STARTED, .tid = os_id, .managed_id = managed_id};
    if ((u32)gettid() == os_id) {
        event.sp = (u64)__builtin_frame_address(0);
        event.tcb = (u64)__builtin_thread_pointer();
    }
    events_put(&event);
    return S_OK;
}

static HRESULT thread_destroyed(Object *self, u64 managed_id)
{
    (void)self;
    AgentEvent event = {
        .kind = EVENT_THREAD_ENDED, .tid = (u32)gettid(), .managed_id = managed_id, .cpu_ns = clock_own_thread_cpu()};
    events_put(&event);
    return S_OK;
}

/* On the namer's thread, and before thread_assigned when the thread was named before it was started. */
static HRESULT thread_named(Object *self, u64 managed_id, u32 units, const u16 *name)
{
    (void)self;
    AgentEvent event = {.kind = EVENT_THREAD_NAMED, .managed_id = managed_id};
    if (name) {
        event.name_units = units < EVENT_NAME_UNITS ? units : EVENT_NAME_UNITS;
        memcpy(event.name, name, event.name_units * sizeof(u16));
    }
    events_put(&event);
    return S_OK;
}

/* ---- code about to be freed: its rules must not outlive it. Whatever thread frees it. ---- */

static HRESULT module_unload_started(Object *self, u64 module_id)
{
    (void)self;
    AgentEvent event = {.kind = EVENT_MODULE_UNLOADED, .managed_id = module_id};
    events_put(&event);
    return S_OK;
}

static HRESULT dynamic_method_unloaded(Object *self, u64 method_id)
{
    (void)self;
    AgentEvent event = {.kind = EVENT_METHOD_UNLOADED, .managed_id = method_id};
    events_put(&event);
    return S_OK;
}

/* ---- loading ---- */

static HRESULT load_as_notification_only(Object *self, i32 *answer)
{
    (void)self;
    *answer = 1;
    return S_OK;
}

static void describe_runtime(Object *info, char *text, size_t size)
{
    typedef HRESULT (*GetRuntimeInformation)(Object *, u16 *, i32 *, u16 *, u16 *, u16 *, u16 *, u32, u32 *, u16 *);
    u16 instance = 0, major = 0, minor = 0, build = 0, patch = 0;
    i32 type = 0;
    u32 written = 0;
    u16 version[64];
    GetRuntimeInformation get = (GetRuntimeInformation)info->methods[INFO_GET_RUNTIME_INFORMATION];
    if (get(info, &instance, &type, &major, &minor, &build, &patch, 64, &written, version) == S_OK)
        snprintf(text, size, "%u.%u.%u", major, minor, build);
}

/*
 * Asked of the runtime, not of libc, whose environment another thread may be changing; and the collector sets variables
 * through the diagnostic port, and so in the runtime's own copy. Empty where there is no such variable; ASCII only.
 */
#define VALUE_UNITS 64u
static void environment(Object *unknown, const u16 *name, char value[VALUE_UNITS])
{
    typedef HRESULT (*GetEnvironmentVariable)(Object *, const u16 *, u32, u32 *, u16 *);
    Object *info = 0;
    u16 wide[VALUE_UNITS];
    u32 units = 0;
    value[0] = 0;
    if (((QueryInterface)unknown->methods[0])(unknown, &IID_PROFILER_INFO11, (void **)&info) != S_OK || !info)
        return;
    GetEnvironmentVariable get = (GetEnvironmentVariable)info->methods[INFO_GET_ENVIRONMENT_VARIABLE];
    if (get(info, name, VALUE_UNITS, &units, wide) != S_OK)
        return;
    u32 length = 0;
    for (; length < units && length < VALUE_UNITS - 1 && wide[length]; length++)
        value[length] = (char)(wide[length] < 128 ? wide[length] : '?');
    value[length] = 0;
}

/* DOTNET_PPROF_LAUNCH: how long a collector that launched the process wants it held at its start. */
static u32 launch_wait_ms(Object *unknown)
{
    char value[VALUE_UNITS];
    u32 wait = 0;
    environment(unknown, u"DOTNET_PPROF_LAUNCH", value);
    for (u32 i = 0; i < 7 && value[i] >= '0' && value[i] <= '9'; i++)
        wait = wait * 10 + (u32)(value[i] - '0');
    return wait;
}

/* DOTNET_PPROF_TEST_FAIL_CLOCKS=tsc,runtime,vdso: for tests alone, the clocks whose probes are to fail. */
static u32 failing_clocks(Object *unknown)
{
    char value[VALUE_UNITS];
    environment(unknown, u"DOTNET_PPROF_TEST_FAIL_CLOCKS", value);
    return (strstr(value, "tsc") ? 1u << CLOCK_KIND_TSC : 0) | (strstr(value, "runtime") ? 1u << CLOCK_KIND_RUNTIME : 0) |
           (strstr(value, "vdso") ? 1u << CLOCK_KIND_VDSO : 0);
}

/* DOTNET_PPROF_TEST_PERF=late,dear: likewise, what is to go wrong with the perf engine. */
static u32 perf_tests(Object *unknown)
{
    char value[VALUE_UNITS];
    environment(unknown, u"DOTNET_PPROF_TEST_PERF", value);
    return (strstr(value, "late") ? 1u << PERF_TEST_LATE : 0) | (strstr(value, "dear") ? 1u << PERF_TEST_DEAR : 0);
}

static HRESULT load_first(Object *unknown, u32 wait_ms)
{
    typedef HRESULT (*SetEventMask2)(Object *, u32, u32);
    Object *info = 0;
    HRESULT result = ((QueryInterface)unknown->methods[0])(unknown, &IID_PROFILER_INFO5, (void **)&info);
    if (result != S_OK || !info)
        return E_NOINTERFACE;
    char version[32] = "";
    describe_runtime(info, version, sizeof version);
    /* The hook for new threads before the agent lists the old ones, so that none falls between. */
    SetEventMask2 set_mask = (SetEventMask2)info->methods[INFO_SET_EVENT_MASK2];
    result = set_mask(info, COR_PRF_MONITOR_THREADS | COR_PRF_MONITOR_MODULE_LOADS, COR_PRF_HIGH_MONITOR_DYNAMIC_FUNCTION_UNLOADS);
    if (result != S_OK)
        return result;
    i32 error = agent_start(version, wait_ms, failing_clocks(unknown), perf_tests(unknown));
    return error == 0 ? S_OK : AGENT_E_ERRNO(-error);
}

static HRESULT load(Object *unknown, u32 wait_ms)
{
    static u32 loaded;
    if (__atomic_exchange_n(&loaded, 1, __ATOMIC_ACQ_REL))
        return AGENT_E_ALREADY_LOADED;
    HRESULT result = load_first(unknown, wait_ms);
    /* What was missing may be there next time: memory, a file descriptor. An agent that is late has started. */
    if (result != S_OK && result != AGENT_E_ERRNO(ETIMEDOUT))
        __atomic_store_n(&loaded, 0, __ATOMIC_RELEASE);
    return result;
}

static HRESULT initialize(Object *self, Object *unknown)
{
    (void)self;
    return load(unknown, launch_wait_ms(unknown));
}

static HRESULT initialize_for_attach(Object *self, Object *unknown, void *data, u32 bytes)
{
    (void)self, (void)data, (void)bytes;
    return load(unknown, 0);
}

static HRESULT callback_query(Object *self, const Guid *iid, void **out)
{
    if (!out)
        return E_POINTER;
    int known = same(iid, &IID_UNKNOWN);
    for (size_t i = 0; i < sizeof IID_CALLBACKS / sizeof *IID_CALLBACKS; i++)
        known |= same(iid, &IID_CALLBACKS[i]);
    *out = known ? self : 0;
    return known ? S_OK : E_NOINTERFACE;
}

static void *callback_methods[CALLBACK_SLOTS];
static Object callback = {callback_methods};

static void __attribute__((constructor)) fill_callback(void)
{
    for (u32 i = 0; i < CALLBACK_SLOTS; i++)
        callback_methods[i] = (void *)ok;
    callback_methods[0] = (void *)callback_query;
    callback_methods[1] = callback_methods[2] = (void *)count_nothing;
    callback_methods[CALLBACK_INITIALIZE] = (void *)initialize;
    callback_methods[CALLBACK_THREAD_DESTROYED] = (void *)thread_destroyed;
    callback_methods[CALLBACK_THREAD_ASSIGNED_TO_OS_THREAD] = (void *)thread_assigned;
    callback_methods[CALLBACK_THREAD_NAME_CHANGED] = (void *)thread_named;
    callback_methods[CALLBACK_MODULE_UNLOAD_STARTED] = (void *)module_unload_started;
    callback_methods[CALLBACK_DYNAMIC_METHOD_UNLOADED] = (void *)dynamic_method_unloaded;
    callback_methods[CALLBACK_INITIALIZE_FOR_ATTACH] = (void *)initialize_for_attach;
    callback_methods[CALLBACK_LOAD_AS_NOTIFICATION_ONLY] = (void *)load_as_notification_only;
}

/* ---- the class factory ---- */

static HRESULT factory_query(Object *self, const Guid *iid, void **out)
{
    if (!out)
        return E_POINTER;
    int known = same(iid, &IID_UNKNOWN) || same(iid, &IID_CLASS_FACTORY);
    *out = known ? self : 0;
    return known ? S_OK : E_NOINTERFACE;
}

static HRESULT factory_create(Object *self, Object *outer, const Guid *iid, void **out)
{
    (void)self;
    return outer ? CLASS_E_NOAGGREGATION : callback_query(&callback, iid, out);
}

static void *const factory_methods[] = {
    (void *)factory_query, (void *)count_nothing, (void *)count_nothing, (void *)factory_create, (void *)ok};
static Object factory = {factory_methods};

DPP_API HRESULT DllGetClassObject(const Guid *clsid, const Guid *iid, void **out);

HRESULT DllGetClassObject(const Guid *clsid, const Guid *iid, void **out)
{
    if (!same(clsid, &CLSID_AGENT))
        return CLASS_E_CLASSNOTAVAILABLE;
    return factory_query(&factory, iid, out);
}
