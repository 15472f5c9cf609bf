using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>The trial of a seccomp filter, behind one that ends the process for a call; see check_sandbox.c.</summary>
public class SandboxTests
{
    [Theory]
    [InlineData("sandbox")]
    [InlineData("sandbox-no-clone")]
    [InlineData("sandbox-no-clone3")]
    [InlineData("sandbox-no-wait")]
    [InlineData("sandbox-waited-for")]
    [InlineData("sandbox-large")]
    public void Scenario(string name) => NativeBuild.RunScenario(name);
}
