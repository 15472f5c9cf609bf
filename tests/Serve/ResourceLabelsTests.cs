using DotnetPprof.Serve;
using Xunit;

namespace DotnetPprof.Tests.Serve;

public class ResourceLabelsTests
{
    [Theory]
    [InlineData("", "", "", "", "", "")]
    [InlineData("shop", "", "shop", "", "", "")]
    [InlineData("", "service.name=shop,service.version=1.2,deployment.environment.name=prod,host.name=a", "shop", "1.2", "prod", "a")]
    [InlineData("cart", "service.name=shop", "cart", "", "", "")]
    [InlineData("", "deployment.environment=old", "", "", "old", "")]
    [InlineData("", "deployment.environment=old,deployment.environment.name=new", "", "", "new", "")]
    [InlineData("", " service.name = my%20shop%2C%3D , =x, y, service.version=", "my shop,=", "", "", "")]
    [InlineData("", "service.name=%zz%", "%zz%", "", "", "")]
    [InlineData("a\nb", "", "ab", "", "", "")]
    public void AreOpenTelemetrys(string name, string attributes, string service, string version, string environment, string host)
    {
        var variables = new Dictionary<string, string> { ["OTEL_SERVICE_NAME"] = name, ["OTEL_RESOURCE_ATTRIBUTES"] = attributes, ["SECRET"] = "service.name=x" };
        Assert.Equal(new ResourceLabels(service, version, environment, host), ResourceLabels.Of(variables));
    }

    [Fact]
    public void LongValuesAreCut() =>
        Assert.Equal(255, ResourceLabels.Of(new Dictionary<string, string> { ["OTEL_SERVICE_NAME"] = new('a', 100_000) }).Service.Length);

    [Theory]
    [InlineData("", "", true)]
    [InlineData("shop", "", true)]
    [InlineData("Shop.Web", "", true)]
    [InlineData("sh*", "", true)]
    [InlineData("cart", "", false)]
    [InlineData("", "*.Web", false)]
    [InlineData("shop", "shop", false)]
    public void SelectionIsByServiceOrByName(string name, string excluded, bool wanted)
    {
        ServeOptions options = ServeFakes.Options with { Names = List(name), Excluded = List(excluded) };
        Assert.Equal(wanted, options.Wants(ServeFakes.Process("shop") with { Name = "Shop.Web" }));
        static string[] List(string item) => item.Length == 0 ? [] : [item];
    }
}
