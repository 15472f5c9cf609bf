using DotnetPprof.Drain;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Unwind;

/// <summary>
/// Finds the code that stacks lead through and that nobody told of: precompiled methods, by their image's function table, and
/// the runtime's stubs, where one was interrupted; and calls in native code. Belongs to the drain.
/// </summary>
internal sealed class CodeDiscovery(CodeMap code, NativeModules modules, KeptChains chains, StackLearner learner)
{
    private readonly HashSet<ulong> places = [];
    private readonly HashSet<uint> seenChains = [];
    private readonly HashSet<ulong> functions = [];

    /// <summary>A stack that was not seen before.</summary>
    public void Notice(StackKey stack)
    {
        Notice(stack.Leaf, isLeaf: true);
        if (stack.Chain == 0 || !seenChains.Add(stack.Chain))
            return;
        bool all = true;
        foreach (ReturnAddress address in chains[stack.Chain])
            all &= Notice(address.CallSite, isLeaf: false);
        if (!all)
            seenChains.Remove(stack.Chain);
    }

    /// <returns>False where nothing is mapped as far as is known yet: to be looked at again in the next stack.</returns>
    private bool Notice(InstructionPointer ip, bool isLeaf)
    {
        if (!places.Add(ip.Value))
            return true;
        if (code.Find(ip, new MonotonicNanos(RegionInterop.MonotonicNow())) is { Size: > 0 } method)
        {
            learner.LearnSeen(method);
            return true;
        }
        if (modules.Find(ip) is not { } region)
        {
            places.Remove(ip.Value);
            return false;
        }
        if (region.Module is AssemblyModule assembly && assembly.FunctionAt(region.FileOffset(ip.Value)) is { } function)
        {
            ulong start = ip.Value - function.Distance;
            if (functions.Add(start))
                learner.Learn(new CodeToLearn(start, function.Size, null));
        }
        else if (!isLeaf && region.Module is ElfModule)
        {
            learner.Learn(new CodeToLearn(ip.Value, 1, null, CodeKind.NativeCall));
        }
        else if (isLeaf && region.Module is NamelessModule)
        {
            /* The runtime's code memory is nameless too where it is told not to map it twice. */
            learner.Learn(new CodeToLearn(ip.Value, (uint)Math.Min(StubAnalyser.LongestStub, region.Region.End - ip.Value), null, CodeKind.UnmeasuredStub));
        }
        return true;
    }
}
