using System.Diagnostics;
using DotnetPprof.Model;
using Microsoft.Diagnostics.Tracing;
using Microsoft.Diagnostics.Tracing.Parsers.Clr;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Turns the runtime's events into the code map. Called on the threads that read the sessions, the stream's and a
/// rundown's at once.
/// </summary>
internal sealed class EventIntake
{
    private const int MaxWarnings = 100;

    /// <summary>
    /// The runtime sends what it has every 100 ms, and the stream has to be quiet for a while before it counts as such;
    /// 60 to 180 ms from the event to here were measured, and a busy machine may take longer.
    /// </summary>
    private const long SendingNanos = 1_000_000_000;

    private readonly Lock gate = new();
    private readonly Dictionary<(string Type, string Method, string Signature), Function> functions = [];
    private readonly List<string> warnings = [];
    private long caughtUpTo = MethodCode.Beginning.Value;

    public CodeMap Code { get; } = new();

    public ManagedModules Modules { get; } = new();

    public MonotonicNanos CaughtUpTo => new(Volatile.Read(ref caughtUpTo));

    public IReadOnlyList<string> Warnings
    {
        get
        {
            lock (gate)
            {
                return Code.Forgotten == 0 ? [.. warnings] : [.. warnings, $"{Code.Forgotten} methods that are long gone were forgotten; samples of them may be unnamed"];
            }
        }
    }

    public void Warn(string warning)
    {
        lock (gate)
        {
            if (warnings.Count < MaxWarnings && !warnings.Contains(warning)) warnings.Add(warning);
        }
    }

    /// <summary>The stream is at its end for now: what is older than the runtime takes to send it has been seen.</summary>
    public void NothingNew() => Advance(new MonotonicNanos(Stopwatch.GetTimestamp() - SendingNanos));

    public void ModuleExists(ModuleLoadUnloadTraceData e) =>
        Modules.Add((ulong)e.ModuleID, e.ModuleILPath, ManagedModules.PdbId(e.ManagedPdbSignature, e.ManagedPdbAge));

    public void ModuleLoaded(ModuleLoadUnloadTraceData e)
    {
        ModuleExists(e);
        Advance(e);
    }

    public void ModuleUnloaded(ModuleLoadUnloadTraceData e)
    {
        // The methods of a collectible assembly go with it, without events of their own.
        Code.UnloadModule((ulong)e.ModuleID, TimeOf(e));
        Advance(e);
    }

    public void MethodExists(MethodLoadUnloadVerboseTraceData e) => Code.Exists(CodeOf(e), TimeOf(e));

    public void MethodLoaded(MethodLoadUnloadVerboseTraceData e)
    {
        Code.Load(CodeOf(e), TimeOf(e));
        Advance(e);
    }

    public void MethodUnloaded(MethodLoadUnloadVerboseTraceData e)
    {
        Code.Unload(CodeOf(e), TimeOf(e));
        Advance(e);
    }

    public void EntryPointFound(R2RGetEntryPointTraceData e)
    {
        var key = new MethodCodeKey((ulong)e.MethodID, 0, (ulong)e.EntryPoint);
        Code.EntryPoint(new MethodCode(key, 0, 0, null, FunctionOf(e.MethodNamespace, e.MethodName, e.MethodSignature), precompiled: true));
        Advance(e);
    }

    /// <summary>EventPipe stamps events with CLOCK_MONOTONIC in nanoseconds on Linux: QPC ticks are what we count in.</summary>
    private static MonotonicNanos TimeOf(TraceEvent e)
    {
#pragma warning disable CS0618 // "Discouraged": the encouraged one is a double, relative to the session.
        return new MonotonicNanos(e.TimeStampQPC);
#pragma warning restore CS0618
    }

    private MethodCode CodeOf(MethodLoadUnloadVerboseTraceData e)
    {
        var key = new MethodCodeKey((ulong)e.MethodID, (ulong)e.ReJITID, (ulong)e.MethodStartAddress);
        Mapping? mapping = e.IsDynamic ? ManagedModules.Dynamic : Modules.Find((ulong)e.ModuleID);
        Function function = FunctionOf(e.MethodNamespace, e.MethodName, e.MethodSignature);
        return new MethodCode(key, (uint)e.MethodSize, (ulong)e.ModuleID, mapping, function, precompiled: !e.IsJitted && !e.IsDynamic);
    }

    /// <summary>One instance for all bodies of a method, and for all events that tell of them.</summary>
    private Function FunctionOf(string type, string method, string signature)
    {
        lock (gate)
        {
            if (!functions.TryGetValue((type, method, signature), out Function? function))
                functions.Add((type, method, signature), function = ManagedName.ToFunction(type, method, signature));
            return function;
        }
    }

    private void Advance(TraceEvent e) => Advance(TimeOf(e));

    /// <summary>Called on the stream's thread alone.</summary>
    private void Advance(MonotonicNanos time)
    {
        if (time.Value > caughtUpTo) Volatile.Write(ref caughtUpTo, time.Value);
    }
}
