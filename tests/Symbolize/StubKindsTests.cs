using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class StubKindsTests
{
    /// <summary>Bytes as they stood in a running .NET 10 process.</summary>
    [Theory]
    [InlineData("fixup precode", "ff25fa3f00004c8b15fb3f0000ff25fd3f000090662e0f1f")]
    [InlineData("stub precode", "4c8b15f93f0000ff25fb3f0000906690ff25fa3f00004c8b")]
    [InlineData("call counting", "488b05f93f000066ff087406ff25f63f0000ff25f83f0000")]
    [InlineData("virtual stub dispatch", "48b8302b7ca5157f00004839079048b820318ea6157f00000f85d7620000ffe0")]
    [InlineData("virtual stub resolve", "488b075249bac86ba6dbfc550000488bd048c1e80c4803c24835180500004825")]
    [InlineData("virtual call", "488b07488b4050ff6028150000000000")]
    [InlineData("delegate shuffle", "488bc44989fb4889f74d8b53204983c32041ffe2")]
    [InlineData("generic lookup", "488b4730488b4000488b40104885c07401c348bec8072fa3157f0000e9a713f6ff")]
    [InlineData("precompiled helper", "48ba38ae72a5157f0000e93994f8ff")]
    [InlineData("instantiating", "48bec08234a6157f000048b808b733a6157f0000ffe0")]
    public void StubsAreRecognisedFromEachOfTheirInstructions(string kind, string code)
    {
        byte[] before = new byte[40], stub = Convert.FromHexString(code);
        foreach (int at in (int[])[0, 3, 7])
            Assert.Equal(kind, StubKinds.Find([.. before, .. stub, .. before], before.Length + at));
    }

    [Fact]
    public void OtherCodeAndAnythingCutOffHasNoKind()
    {
        byte[] code = Convert.FromHexString("554889e54883ec10488b4510c9c3");
        for (int at = 0; at < code.Length; at++) Assert.Null(StubKinds.Find(code, at));
        byte[] stub = Convert.FromHexString("488b05f93f000066ff087406ff25f63f0000ff25f83f00");
        for (int length = 0; length < stub.Length; length++) Assert.Null(StubKinds.Find(stub.AsSpan(0, length), length / 2));
        Assert.Null(StubKinds.Find([], 0));
    }
}
