using DotnetPprof.Model;

namespace DotnetPprof.Aggregate;

/// <summary>Turns interned stacks into locations; equal places give the same instance.</summary>
internal interface IStackResolver
{
    /// <summary>Leaf first, root last.</summary>
    /// <param name="stack">A stack of this session.</param>
    /// <param name="time">When it was seen; decides among methods that had the same address one after another.</param>
    IReadOnlyList<Location> Resolve(StackKey stack, MonotonicNanos time);

    /// <summary>A frame that stands for something other than code, such as <c>[lost samples]</c>.</summary>
    Location Synthetic(string name);
}
