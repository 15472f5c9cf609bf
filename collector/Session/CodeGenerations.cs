using DotnetPprof.Aggregate;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Session;

/// <summary>Tells the aggregation when code was unloaded.</summary>
internal sealed class CodeGenerations(CodeMap code) : ICodeGenerations
{
    public int GenerationAt(MonotonicNanos time) => code.GenerationAt(time);
}
