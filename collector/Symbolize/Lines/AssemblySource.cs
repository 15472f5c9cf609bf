namespace DotnetPprof.Symbolize.Lines;

/// <summary>An assembly's source as one target asks for it. Damage that any target came upon is told to each, once.</summary>
/// <param name="name">The assembly's path in the target.</param>
/// <param name="shared">With other targets.</param>
/// <param name="warn">Receives a line when it is damaged.</param>
internal sealed class AssemblySource(string name, SharedSource shared, Action<string> warn)
{
    private bool warned;

    public SharedSource Shared => shared;

    /// <inheritdoc cref="SharedSource.LineAt"/>
    public SourceLine? LineAt(uint token, uint il) => Checked(shared.LineAt(token, il));

    /// <inheritdoc cref="SharedSource.StartOf"/>
    public SourceLine? StartOf(uint token) => Checked(shared.StartOf(token));

    /// <inheritdoc cref="SharedSource.NameOf"/>
    public (string Type, string Method, string Signature)? NameOf(uint token) => Checked(shared.NameOf(token));

    /// <inheritdoc cref="SharedSource.CallOf"/>
    public uint? CallOf(uint token, uint hint, string callee) => Checked(shared.CallOf(token, hint, callee));

    private T Checked<T>(T answer)
    {
        if (!warned && shared.Problem is { } problem)
        {
            warned = true;
            warn($"{name}: {problem}; its methods have no lines from here on");
        }

        return answer;
    }
}
