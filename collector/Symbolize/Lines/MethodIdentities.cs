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

    /* Most are known by a body, or by a token alone, and never asked for: neither has an object of its own here. */
    private readonly DenseTable<Named> named = new();
    private readonly DenseTable<Unnamed> unnamed = new();

    /* Only ids that were reused are in here. */
    private readonly Dictionary<ulong, MethodIdentity> reused = [];

    private readonly DenseTable<DefinedType> types = new();
    private readonly Dictionary<ulong, int> modules = [];
    private readonly List<ulong> moduleIds = [];

    /// <summary>A type was told of, and the module it is defined in.</summary>
    public void AddType(ulong typeId, ulong moduleId)
    {
        lock (gate)
        {
            types.Set(new DefinedType(typeId, moduleId));
        }
    }

    /// <summary>A method was told of by its type and token.</summary>
    public void AddDetails(ulong methodId, ulong typeId, uint token, MonotonicNanos time)
    {
        lock (gate)
        {
            // Told again and again, of each method that it is inlined into.
            if (unnamed.TryGet(methodId, out Unnamed known) && known.Token == token && !reused.ContainsKey(methodId)) return;
            if (!types.TryGet(typeId, out DefinedType type)) return;
            if (Latest(methodId) is not { } last) unnamed.Set(new Unnamed(methodId, token, NumberOf(type.Module)));
            else if (last.Token != token) reused[methodId] = new MethodIdentity(time, token, type.Module, null, last);
        }
    }

    /// <summary>A method was told of by a body of its, which has a name.</summary>
    public void AddNamed(MethodCode body, MonotonicNanos time)
    {
        lock (gate)
        {
            IMethodIdentity? last = Latest(body.MethodId);
            if (last is null || (last.Token == body.Token && last is UnnamedMethod))
            {
                unnamed.Remove(body.MethodId, out _);
                named.Set(new Named(body));
            }
            else if (last.Token != body.Token)
            {
                reused[body.MethodId] = new MethodIdentity(time, body.Token, body.ModuleId, body.Function, last);
            }
            else if (last is MethodIdentity { Function: null } nameless)
            {
                reused[body.MethodId] = new MethodIdentity(nameless.Since, body.Token, body.ModuleId, body.Function, nameless.Earlier);
            }
        }
    }

    public IMethodIdentity? Find(ulong methodId, MonotonicNanos time)
    {
        lock (gate)
        {
            IMethodIdentity? one = Latest(methodId);
            while (one is MethodIdentity again && again.Since.Value > time.Value + SlackNanos) one = again.Earlier;
            return one;
        }
    }

    private IMethodIdentity? Latest(ulong methodId)
    {
        if (reused.Count > 0 && reused.TryGetValue(methodId, out MethodIdentity? again)) return again;
        if (named.TryGet(methodId, out Named known)) return known.Body;
        return unnamed.TryGet(methodId, out Unnamed method) ? new UnnamedMethod(method.Token, moduleIds[method.Module]) : null;
    }

    private int NumberOf(ulong moduleId)
    {
        if (modules.TryGetValue(moduleId, out int number)) return number;
        modules.Add(moduleId, moduleIds.Count);
        moduleIds.Add(moduleId);
        return moduleIds.Count - 1;
    }

    private readonly record struct Named(MethodCode? Body) : IKeyed
    {
        public ulong Key => Body?.MethodId ?? 0;
    }

    private readonly record struct Unnamed(ulong Key, uint Token, int Module) : IKeyed;

    private readonly record struct DefinedType(ulong Key, ulong Module) : IKeyed;
}
