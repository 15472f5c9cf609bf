/*
 * The little of the .NET profiling API that the agent uses, by vtable slot. Source: corprof.idl of dotnet/runtime,
 * interfaces ICorProfilerCallback to ICorProfilerCallback11 and ICorProfilerInfo to ICorProfilerInfo11.
 */
#ifndef DPP_CORPROF_H
#define DPP_CORPROF_H

#include "region.h"

typedef i32 HRESULT;

#define S_OK 0
#define E_NOINTERFACE ((HRESULT)0x80004002u)
#define E_POINTER ((HRESULT)0x80004003u)
#define E_FAIL ((HRESULT)0x80004005u)
#define CLASS_E_NOAGGREGATION ((HRESULT)0x80040110u)
#define CLASS_E_CLASSNOTAVAILABLE ((HRESULT)0x80040111u)

/* Customer HRESULTs of ours, which reach the client of a failed attach. */
#define AGENT_E_ALREADY_LOADED ((HRESULT)0xA0DD0001u)
#define AGENT_E_ERRNO(number) ((HRESULT)(0xA0DE0000u | ((u32)(number) & 0xFFFFu)))

typedef struct Guid {
    u32 data1;
    u16 data2;
    u16 data3;
    u8 data4[8];
} Guid;

#define COR_PRF_MONITOR_MODULE_LOADS 0x4u
#define COR_PRF_MONITOR_THREADS 0x200u
#define COR_PRF_HIGH_MONITOR_DYNAMIC_FUNCTION_UNLOADS 0x4u

/* ICorProfilerCallback..11 */
enum {
    CALLBACK_INITIALIZE = 3,
    CALLBACK_MODULE_UNLOAD_STARTED = 15,
    CALLBACK_THREAD_DESTROYED = 30,
    CALLBACK_THREAD_ASSIGNED_TO_OS_THREAD = 31,
    CALLBACK_THREAD_NAME_CHANGED = 72,
    CALLBACK_INITIALIZE_FOR_ATTACH = 80,
    CALLBACK_DYNAMIC_METHOD_UNLOADED = 94,
    CALLBACK_LOAD_AS_NOTIFICATION_ONLY = 97,
    CALLBACK_SLOTS = 98,
};

/* ICorProfilerInfo..5 */
enum {
    INFO_GET_RUNTIME_INFORMATION = 67,
    INFO_SET_EVENT_MASK2 = 82,
    INFO_GET_ENVIRONMENT_VARIABLE = 99, /* ICorProfilerInfo11 */
};

#endif
