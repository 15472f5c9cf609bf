using DotnetPprof.Aggregate;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Session;

/// <summary>
/// Passes samples on, and has the target's mappings read when one lies in none that is known. Names are looked up at the
/// end, when a target that has ended can no longer say what it had loaded in its last second.
/// </summary>
internal sealed class ModuleWatch(NativeModules modules, ISettledSampleSink next) : ISettledSampleSink
{
    public void Add(in SettledSample sample)
    {
        if (sample.Stack is { Leaf.Value: > 0 } stack)
            modules.Find(stack.Leaf);
        next.Add(sample);
    }
}
