using DotnetPprof.Bench.StackTruth;
using Xunit;

namespace DotnetPprof.Tests.Bench;

/// <summary>Stacks, from what <c>perf script</c> prints.</summary>
public sealed class PerfScriptTests
{
    private const string Script = """
        25454 
        	    7f1830cb9cd2 instance void [Shares] Shares.Program+Sharer::Find()[OptimizedTier1] (/tmp/perf-25445.map)
        	    7f1830cb0001 [unknown] (/memfd:doublemapper (deleted))
        	    7f1830cb0002 [unknown] (/usr/share/dotnet/System.Private.CoreLib.dll)
        	          5fa3cc [unknown] (/usr/share/dotnet/libcoreclr.so)
        	           891f5 start_thread (/usr/lib/x86_64-linux-gnu/libc.so.6)

        25453 
        	ffffffff8158c3de next_uptodate_folio ([kernel.kallsyms])
        	    7f1830cafcb8 void [System.Private.CoreLib] System.Sorter`1[System.Int32]::Sort(valuetype System.Span`1<!0>,int32)[OptimizedTier1] (/tmp/perf-25445.map)
        """;

    [Fact]
    public void FramesAreNamedAsFarAsPerfNamesThem()
    {
        SampledStack[] stacks = [.. PerfScript.Read(Script.Split('\n'))];
        Assert.Equal([25454, 25453], stacks.Select(stack => stack.Tid));
        Assert.Equal(["Shares.Program.Sharer.Find", null, null, "libcoreclr.so!", "start_thread"], stacks[0].Frames);
        Assert.Equal(["next_uptodate_folio", "System.Sorter`1[System.Int32].Sort"], stacks[1].Frames);
    }
}
