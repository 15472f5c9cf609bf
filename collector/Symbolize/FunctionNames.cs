using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>
/// One instance for all bodies of a method, for all events that tell of them, and for all targets: most run the same
/// runtime, and names are most of what is known of a target. Any thread may ask.
/// </summary>
internal sealed class FunctionNames
{
    /// <summary>
    /// Of one generation. What is forgotten is kept by its users, and made again when it is asked for again. A target can
    /// make up names without end.
    /// </summary>
    private const int Most = 100_000;

    private readonly Lock gate = new();
    private readonly TwoGenerations<(string Type, string Method, string Signature, string Tier), Function> functions = new(Most);

    /// <param name="type">As the runtime spells it, see <see cref="ManagedName"/>.</param>
    /// <param name="method">Likewise.</param>
    /// <param name="signature">Likewise.</param>
    /// <param name="tier">Shown behind the name; empty for none.</param>
    public Function Of(string type, string method, string signature, string tier)
    {
        lock (gate)
        {
            functions.TurnAt(Environment.TickCount64, SharedSymbols.GenerationMilliseconds);
            if (!functions.TryGetValue((type, method, signature, tier), out Function? function))
            {
                function = ManagedName.ToFunction(type, method, signature);
                if (tier.Length > 0) function = function with { Name = $"{function.Name} [{tier}]" };
                functions.Set((type, method, signature, tier), function);
            }

            return function;
        }
    }
}
