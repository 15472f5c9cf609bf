using CsCheck;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class CodePagesTests
{
    private readonly CodePages pages = new();

    [Fact]
    public void TheDeadHaveNoRoomBeforeThereAreAny()
    {
        MethodCode code = Code(0x1f80, 0x100);
        pages.Insert(code);
        Assert.All(new ulong[] { 0x1000, 0x2000 }, at =>
        {
            Assert.Equal([code], pages.At(at).Living);
            Assert.Null(pages.At(at).Dead);
        });
        pages.Bury(code);
        Assert.Empty(pages.At(0x1000).Living);
        Assert.Equal([code], pages.At(0x2000).Dead);
        Assert.Equal([code], pages.Overlapping(code, new MonotonicNanos(1)));
        pages.Exhume(code);
        Assert.Equal([code], pages.At(0x2000).Living);
        Assert.Equal([code], pages.All.Distinct());
    }

    /// <summary>Against lists, which pages were.</summary>
    [Fact]
    public void TheLivingStayInTheOrderTheyCame() => Gen.Select(Gen.Int[0, 9], Gen.Bool).Array[0, 60].Sample(steps =>
    {
        var one = new CodePages();
        var expected = new List<MethodCode>();
        MethodCode[] codes = [.. Enumerable.Range(0, 10).Select(i => Code(0x1000 + ((ulong)i * 16), 16))];
        foreach ((int which, bool adds) in steps)
        {
            if (adds && !expected.Contains(codes[which]))
            {
                one.Insert(codes[which]);
                expected.Add(codes[which]);
            }
            else if (expected.Remove(codes[which]))
            {
                one.Bury(codes[which]);
            }
            Assert.Equal(expected, one.At(0x1000).Living);
            Assert.Equal(expected, one.AllLiving);
        }
    });

    [Fact]
    public void TheFirstPageIsOneToo()
    {
        MethodCode code = Code(0x10, 0x10);
        pages.Insert(code);
        Assert.Equal([code], pages.At(0x18).Living);
        Assert.Equal(code, pages.Living(code.Key));
    }

    private static MethodCode Code(ulong start, uint size) => new(new MethodCodeKey(start, 0, start), size, 1, null, new Function("A", "A()", "", 0));
}
