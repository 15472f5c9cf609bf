using DotnetPprof.Session;
using Xunit;

namespace DotnetPprof.Tests.Session;

public class EntryPointTests
{
    private const string Host = "/usr/share/dotnet/dotnet";

    [Theory]
    [InlineData("app", false, "dotnet", "/srv/app.dll", "run")]
    [InlineData("app", false, "dotnet", "exec", "/srv/app.dll")]
    [InlineData("app", false, "dotnet", "exec", "--runtimeconfig", "x.json", "--depsfile", "y.json", "/srv/app.dll")]
    [InlineData("app", false, "dotnet", "--fx-version", "10.0.0", "app.dll")]
    [InlineData("dotnet run", true, "dotnet", "run", "--project", "app.dll")]
    [InlineData("dotnet test", true, "dotnet", "test")]
    [InlineData("dotnet", true, "dotnet")]
    public void TheHostsArgumentsNameTheAssembly(string name, bool tool, params string[] commandLine)
    {
        var entry = EntryPoint.Of(Host, commandLine);
        Assert.Equal(name, entry.Name);
        Assert.Equal(tool, entry.IsCommandLineTool);
    }

    [Fact]
    public void AnAppHostIsItsOwnEntry()
    {
        var entry = EntryPoint.Of("/srv/Shop.Web", ["./Shop.Web", "run"]);
        Assert.Equal(new EntryPoint("/srv/Shop.Web", "Shop.Web", false), entry);
    }

    [Theory]
    [InlineData("/usr/share/dotnet/sdk/10.0.401/MSBuild.dll", true)]
    [InlineData("/usr/share/dotnet/sdk/10.0.401/Roslyn/bincore/VBCSCompiler.dll", true)]
    [InlineData("/home/me/sdk/app.dll", false)]
    [InlineData("/usr/share/dotnet/sdk/", false)]
    [InlineData("/srv/app.dll", false)]
    public void SdkFoldersCarryAVersion(string path, bool expected) => Assert.Equal(expected, EntryPoint.Of(Host, ["dotnet", path]).IsInSdk && path.EndsWith(".dll", StringComparison.Ordinal));
}
