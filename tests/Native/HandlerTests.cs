using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>The signal handler on real threads, each scenario in a process of its own; see hot_check.c.</summary>
public class HandlerTests
{
    [Theory]
    [InlineData("self-sent")]
    [InlineData("ring-full")]
    [InlineData("stack-short")]
    [InlineData("masked")]
    [InlineData("foreign")]
    [InlineData("foreign-plain")]
    [InlineData("front-handler")]
    [InlineData("late")]
    [InlineData("late-beside-live")]
    [InlineData("samples")]
    [InlineData("restart")]
    [InlineData("lease-returned")]
    [InlineData("restarted-call")]
    [InlineData("calibrate")]
    [InlineData("calibrate-starved")]
    [InlineData("walk-bounds")]
    [InlineData("burst")]
    [InlineData("burst-busy")]
    [InlineData("quiet")]
    [InlineData("overruns")]
    [InlineData("off-cpu")]
    public void Scenario(string name) => NativeBuild.RunScenario(name);
}
