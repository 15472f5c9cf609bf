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
    private readonly TwoGenerations<string, Function> functions = new(Most, StringComparer.Ordinal);

    /// <param name="names">Type, method and signature as the runtime spells them (<see cref="ManagedName"/>), a zero after each.</param>
    /// <param name="tier">Shown behind the name; empty for none.</param>
    public Function Of(ReadOnlySpan<char> names, string tier)
    {
        if (tier.Length > 0) names = string.Concat(names, tier);
        lock (gate)
        {
            functions.TurnAt(Environment.TickCount64, SharedSymbols.GenerationMilliseconds);
            if (!functions.TryGetValue(names, out Function? function))
            {
                string key = new(names);
                string[] parts = key.Split('\0');
                function = ManagedName.ToFunction(parts[0], parts[1], parts[2]);
                if (tier.Length > 0) function = function with { Name = $"{function.Name} [{tier}]" };
                functions.Set(key, function);
            }

            return function;
        }
    }
}
