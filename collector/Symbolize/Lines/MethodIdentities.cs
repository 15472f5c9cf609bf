using DotnetPprof.Model;

namespace DotnetPprof.Symbolize.Lines;

/// <summary>What a method's id stands for.</summary>
internal interface IMethodIdentity
{
    /// <summary>Of its definition.</summary>
    uint Token { get; }

    /// <summary>Of the module it is defined in.</summary>
    ulong ModuleId { get; }

    /// <summary>Its name as the runtime spells it; null where only the token is known.</summary>
    Function? Function { get; }
}

/// <summary>A method that is known without a body: most inlinees have none of their own.</summary>
internal sealed record UnnamedMethod(uint Token, ulong ModuleId) : IMethodIdentity
{
    public Function? Function => null;
}

/// <summary>A method whose id stood for another before.</summary>
/// <param name="Since">When the runtime told.</param>
/// <param name="Earlier">What the id stood for before.</param>
internal sealed record MethodIdentity(MonotonicNanos Since, uint Token, ulong ModuleId, Function? Function, IMethodIdentity Earlier) : IMethodIdentity;

/// <summary>Which method an id stood for at a time: ids are addresses, and reused after an unload.</summary>
internal sealed class MethodIdentities
{
    /// <summary>What an event says of a method may follow the one that asks by this much.</summary>
    private const long SlackNanos = 100_000_000;

    private readonly Lock gate = new();

    /* Most are the method's first body, which knows all that is asked: only what is more has an object of its own. */
    private readonly Dictionary<ulong, IMethodIdentity> latest = [];

    private readonly Dictionary<ulong, ulong> modules = [];

    /// <summary>A type was told of, and the module it is defined in.</summary>
    public void AddType(ulong typeId, ulong moduleId)
    {
        lock (gate)
        {
            modules[typeId] = moduleId;
        }
    }

    /// <summary>A method was told of by its type and token.</summary>
    public void AddDetails(ulong methodId, ulong typeId, uint token, MonotonicNanos time)
    {
        lock (gate)
        {
            if (!modules.TryGetValue(typeId, out ulong module)) return;
            IMethodIdentity? last = latest.GetValueOrDefault(methodId);
            if (last is null) latest[methodId] = new UnnamedMethod(token, module);
            else if (last.Token != token) latest[methodId] = new MethodIdentity(time, token, module, null, last);
        }
    }

    /// <summary>A method was told of by a body of its, which has a name.</summary>
    public void AddNamed(MethodCode body, MonotonicNanos time)
    {
        lock (gate)
        {
            IMethodIdentity? last = latest.GetValueOrDefault(body.MethodId);
            if (last is null || (last.Token == body.Token && last is UnnamedMethod))
                latest[body.MethodId] = body;
            else if (last.Token != body.Token)
                latest[body.MethodId] = new MethodIdentity(time, body.Token, body.ModuleId, body.Function, last);
            else if (last is MethodIdentity { Function: null } unnamed)
                latest[body.MethodId] = new MethodIdentity(unnamed.Since, body.Token, body.ModuleId, body.Function, unnamed.Earlier);
        }
    }

    public IMethodIdentity? Find(ulong methodId, MonotonicNanos time)
    {
        lock (gate)
        {
            IMethodIdentity? one = latest.GetValueOrDefault(methodId);
            while (one is MethodIdentity reused && reused.Since.Value > time.Value + SlackNanos) one = reused.Earlier;
            return one;
        }
    }
}
