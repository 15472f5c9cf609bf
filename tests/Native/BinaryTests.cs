using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>What the signal handler and the agent may need from the process they are loaded into, read off the binaries.</summary>
public class BinaryTests(ITestOutputHelper output)
{
    /// <summary>The handler and all it reaches, linked together.</summary>
    private static readonly ElfObject s_hot = ElfObject.Read(NativeBuild.HotPath("hot.o"));

    [Fact]
    public void HandlerReachesNothingThatIsNotAsyncSignalSafe()
    {
        string[] allowed = ["__errno_location", "clock_gettime"];
        IEnumerable<string> undefined = s_hot.Symbols.Where(symbol => symbol is { IsDefined: false, Name.Length: > 0 }).Select(symbol => symbol.Name);
        Assert.Equal([], undefined.Except(allowed));
        Assert.Contains(s_hot.Symbols, symbol => symbol is { IsDefined: true, Name: "handler_entry" });
    }

    [Fact]
    public void HandlerHasNoThreadLocalsAndNothingResolvedAtRunTime()
    {
        Assert.DoesNotContain(s_hot.Symbols, symbol => symbol.IsThreadLocal || symbol.IsIndirectFunction);
        Assert.False(s_hot.HasThreadLocalSections);
        Assert.Empty(s_hot.ThreadLocalRelocations);
    }

    [Fact]
    public void AgentExportsItsTwoEntriesAlone()
    {
        ElfObject agent = ReadAgent();
        string[] allowed = ["DllGetClassObject", "agent_main", "DotNetRuntimeDebugHeader"];
        string[] exported = [.. agent.DynamicSymbols.Where(symbol => symbol is { IsDefined: true, IsVersionName: false }).Select(symbol => symbol.Name)];
        Assert.Equal([], exported.Except(allowed));
        Assert.Contains("DllGetClassObject", exported);
    }

    /// <summary>Nothing is left to the lazy resolver, which the handler would enter; and the library is never unloaded.</summary>
    [Fact]
    public void AgentIsBoundAtLoadAndStays()
    {
        ElfObject agent = ReadAgent();
        Assert.True(agent.BindsNow);
        Assert.True(agent.NeverUnloads);
    }

    /// <summary>It is the application's, and its runtime's settings would be the agent's too.</summary>
    [Fact]
    public void AgentReadsNoEnvironment()
    {
        string[] readers = ["getenv", "secure_getenv", "__secure_getenv", "environ", "__environ", "_environ"];
        Assert.Empty(ReadAgent().DynamicSymbols.Where(symbol => !symbol.IsDefined).Select(symbol => symbol.Name).Intersect(readers));
    }

    [Fact]
    public void AgentNeedsNoNewerLibcThanIsPromised()
    {
        Version[] needed = [.. ReadAgent().NeededVersions.Where(name => name.StartsWith("GLIBC_2")).Select(name => Version.Parse(name["GLIBC_".Length..]))];
        Assert.NotEmpty(needed);
        output.WriteLine($"the agent needs glibc {needed.Max()}");
        Assert.True(needed.Max() <= new Version(2, 34), $"the agent needs glibc {needed.Max()}");
    }

    private static ElfObject ReadAgent()
    {
        Assert.SkipUnless(File.Exists(NativeBuild.Agent), "the agent has not been published");
        return ElfObject.Read(NativeBuild.Agent);
    }
}
