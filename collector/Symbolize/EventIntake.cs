using DotnetPprof.Model;
using DotnetPprof.Symbolize.Lines;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Turns the runtime's events into the code map. Called on the threads that read the sessions, the stream's and a
/// rundown's at once.
/// </summary>
/// <param name="options">What names show.</param>
/// <param name="names">Shared with other targets.</param>
internal sealed class EventIntake(SymbolOptions options, FunctionNames names)
{
    private const int MaxWarnings = 100;

    private readonly Lock gate = new();
    private readonly List<string> warnings = [];
    private volatile bool toldInlinees;

    public CodeMap Code { get; } = new();

    public ManagedModules Modules { get; } = new();

    public MethodIdentities Identities { get; } = new();

    /// <summary>Whether the runtime tells what it inlines: it must have been started so.</summary>
    public bool TellsInlinees => toldInlinees;

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

    public void ModuleExists(in ModuleEvent e) =>
        Modules.Add(e.ModuleId, e.Path.ToString(), ManagedModules.PdbId(e.PdbSignature, e.PdbAge));

    /// <summary>The methods of a collectible assembly go with it, without events of their own.</summary>
    public void ModuleUnloaded(in ModuleEvent e, MonotonicNanos time) => Code.UnloadModule(e.ModuleId, time);

    /// <returns>What is known of the body from now on.</returns>
    public MethodCode MethodExists(in MethodEvent e, MonotonicNanos time)
    {
        // Most have been told of before: nothing is made for those.
        Function function = FunctionOf(e);
        if (Code.Living(new MethodCodeKey(e.MethodId, e.NativeCodeId, e.Start), function) is { } known && known.ModuleId == e.ModuleId && known.Token == TokenOf(e))
        {
            if (!e.IsDynamic) Identities.AddNamed(known, time);
            return known;
        }

        MethodCode told = CodeOf(e, function);
        return Identify(told, Code.Exists(told, time), time);
    }

    /// <returns>What is known of the body from now on.</returns>
    public MethodCode MethodLoaded(in MethodEvent e, MonotonicNanos time)
    {
        MethodCode told = CodeOf(e, FunctionOf(e));
        return Identify(told, Code.Load(told, time), time);
    }

    /// <summary>The runtime told what it inlined somewhere.</summary>
    public void ToldInlinees() => toldInlinees = true;

    public void MethodUnloaded(in MethodEvent e, MonotonicNanos time)
    {
        MethodCode told = CodeOf(e, FunctionOf(e));
        Code.Unload(told, time);
        Identify(told, told, time);
    }

    /// <param name="methodId">The runtime's MethodDesc.</param>
    /// <param name="methodNames">See <see cref="FunctionNames.Of"/>.</param>
    /// <param name="start">First byte of the code.</param>
    public void EntryPointFound(ulong methodId, ReadOnlySpan<char> methodNames, ulong start) =>
        Code.EntryPoint(methodId, start, names.Of(methodNames, Tier(OptimizationTier.ReadyToRun)));

    private MethodCode CodeOf(in MethodEvent e, Function function)
    {
        var key = new MethodCodeKey(e.MethodId, e.NativeCodeId, e.Start);
        Mapping? mapping = e.IsDynamic ? ManagedModules.Dynamic : Modules.Find(e.ModuleId);
        return new MethodCode(key, e.Size, e.ModuleId, mapping, function, e.IsPrecompiled) { Token = TokenOf(e) };
    }

    private Function FunctionOf(in MethodEvent e) => names.Of(e.Names, e.IsDynamic ? "" : Tier((OptimizationTier)e.Tier));

    private static uint TokenOf(in MethodEvent e) => e.IsDynamic ? 0 : e.Token;

    /// <summary>
    /// An event also tells who the method is. What was known of its body before serves for that too where it says the
    /// same: the copy that was made of the event need not be kept then.
    /// </summary>
    /// <returns>What is known of the body.</returns>
    private MethodCode Identify(MethodCode told, MethodCode known, MonotonicNanos time)
    {
        bool saysTheSame = (known.MethodId, known.Token, known.ModuleId, known.Function) == (told.MethodId, told.Token, told.ModuleId, told.Function);
        if (!ReferenceEquals(told.Mapping, ManagedModules.Dynamic)) Identities.AddNamed(saysTheSame ? known : told, time);
        return known;
    }

    /// <summary>As the runtime's events call it, where that is asked for.</summary>
    private string Tier(OptimizationTier tier) => !options.Tiers || tier == OptimizationTier.Unknown ? "" : tier switch
    {
        OptimizationTier.QuickJitted => "Tier0",
        OptimizationTier.OptimizedTier1 => "Tier1",
        OptimizationTier.OptimizedTier1OSR => "Tier1-OSR",
        _ => tier.ToString(),
    };
}
