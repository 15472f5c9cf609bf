using DotnetPprof.Session;
using Xunit;

namespace DotnetPprof.Tests.Session;

public class LaunchPolicyTests
{
    private static readonly EntryPoint s_run = new("/usr/share/dotnet/dotnet", "dotnet run", true);
    private static readonly EntryPoint s_csc = new("/usr/share/dotnet/sdk/10.0.401/Roslyn/bincore/csc.dll", "csc", false);
    private static readonly EntryPoint s_msbuild = new("/usr/share/dotnet/sdk/10.0.401/MSBuild.dll", "MSBuild", false);
    private static readonly EntryPoint s_compilerServer = new("/usr/share/dotnet/sdk/10.0.401/Roslyn/bincore/VBCSCompiler.dll", "VBCSCompiler", false);
    private static readonly EntryPoint s_testHost = new("/home/me/.nuget/packages/microsoft.testplatform.testhost/testhost.dll", "testhost", false);
    private static readonly EntryPoint s_collector = new("/home/me/.nuget/packages/x/datacollector.dll", "datacollector", false);
    private static readonly EntryPoint s_shell = new("/bin/dash", "dash", false);
    private static readonly EntryPoint s_app = new("/srv/app", "app", false);

    [Fact]
    public void ATypedProgramIsMeantEvenFromTheSdk()
    {
        Assert.True(LaunchPolicy.IsMeant(s_app, true, []));
        Assert.True(LaunchPolicy.IsMeant(s_csc, true, []));
        Assert.False(LaunchPolicy.IsMeant(s_run, true, []));
    }

    [Fact]
    public void BelowDotnetRunOnlyTheUsersProgramsAreMeant()
    {
        Assert.True(LaunchPolicy.IsMeant(s_app, false, [s_run]));
        Assert.True(LaunchPolicy.IsMeant(s_testHost, false, [s_msbuild, s_run]));
        Assert.False(LaunchPolicy.IsMeant(s_msbuild, false, [s_run]));
        Assert.False(LaunchPolicy.IsMeant(s_csc, false, [s_msbuild, s_run]));
        Assert.False(LaunchPolicy.IsMeant(s_collector, false, [s_run]));
        Assert.False(LaunchPolicy.IsMeant(s_compilerServer, false, []));
    }

    [Fact]
    public void AScriptThatCallsTheCompilerMeansTheCompiler()
    {
        Assert.True(LaunchPolicy.IsMeant(s_csc, false, [s_shell]));
        Assert.False(LaunchPolicy.IsMeant(s_run, false, [s_shell]));
        Assert.True(LaunchPolicy.IsMeant(s_app, false, [s_run, s_shell]));
    }
}
