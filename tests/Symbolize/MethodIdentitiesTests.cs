using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using DotnetPprof.Symbolize.Lines;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class MethodIdentitiesTests
{
    private const long Second = 1_000_000_000;
    private const ulong Id = 0x7000;

    private readonly MethodIdentities identities = new();

    [Fact]
    public void AMethodsFirstBodySaysWhoItIs()
    {
        MethodCode first = Body(7, "A");
        identities.AddNamed(first, At(1));
        identities.AddNamed(Body(7, "A"), At(2));
        Assert.Same(first, identities.Find(Id, At(0)));
        Assert.Same(first, identities.Find(Id, At(9)));
        Assert.Null(identities.Find(Id + 1, At(9)));
    }

    [Fact]
    public void AnIdThatIsReusedMeansWhatItMeantThen()
    {
        MethodCode first = Body(7, "A");
        identities.AddNamed(first, At(1));
        identities.AddNamed(Body(8, "B"), At(5));
        identities.AddNamed(Body(9, "C"), At(9));
        Assert.Same(first, identities.Find(Id, At(4)));
        Assert.Equal("B", identities.Find(Id, At(5))?.Function?.Name);
        Assert.Equal("B", identities.Find(Id, At(8))?.Function?.Name);
        Assert.Equal("C", identities.Find(Id, At(9))?.Function?.Name);
        Assert.Equal(9u, identities.Find(Id, At(9))?.Token);
    }

    [Fact]
    public void AnIdThatIsReusedAndReusedAgainIsNotTakenForItsFirst()
    {
        identities.AddType(3, 42);
        identities.AddDetails(Id, 3, 7, At(1));
        identities.AddDetails(Id, 3, 8, At(5));
        identities.AddDetails(Id, 3, 7, At(9));
        Assert.Equal([7u, 8u, 7u], new[] { At(4), At(8), At(9) }.Select(time => identities.Find(Id, time)!.Token));
    }

    [Fact]
    public void AnEventMayFollowTheOneThatAsks()
    {
        identities.AddNamed(Body(7, "A"), At(1));
        identities.AddNamed(Body(8, "B"), At(5));
        Assert.Equal("B", identities.Find(Id, new MonotonicNanos(At(5).Value - 50_000_000))?.Function?.Name);
    }

    [Fact]
    public void AMethodIsKnownWithoutABodyAndNamedByItsFirst()
    {
        identities.AddDetails(Id, 3, 7, At(1));
        Assert.Null(identities.Find(Id, At(1)));
        identities.AddType(3, 42);
        identities.AddDetails(Id, 3, 7, At(1));
        Assert.Equal((7u, 42ul, null), Said(At(1)));
        MethodCode body = Body(7, "A");
        identities.AddNamed(body, At(4));
        Assert.Same(body, identities.Find(Id, At(1)));
        identities.AddDetails(Id, 3, 7, At(5));
        Assert.Same(body, identities.Find(Id, At(6)));
    }

    [Fact]
    public void ANameDoesNotChangeSinceWhenAnIdWasReused()
    {
        identities.AddNamed(Body(7, "A"), At(1));
        identities.AddType(3, 42);
        identities.AddDetails(Id, 3, 8, At(5));
        Assert.Equal((8u, 42ul, null), Said(At(5)));
        identities.AddNamed(Body(8, "B"), At(9));
        Assert.Equal((8u, 1ul, "B"), Said(At(5)));
        Assert.Equal((7u, 1ul, "A"), Said(At(4)));
    }

    private (uint? Token, ulong? Module, string? Name) Said(MonotonicNanos time)
    {
        IMethodIdentity? found = identities.Find(Id, time);
        return (found?.Token, found?.ModuleId, found?.Function?.Name);
    }

    private static MethodCode Body(uint token, string name) =>
        new(new MethodCodeKey(Id, 0, 0x1000), 0x100, 1, null, new Function(name, name + "()", "", 0)) { Token = token };

    private static MonotonicNanos At(long seconds) => new(seconds * Second);
}
