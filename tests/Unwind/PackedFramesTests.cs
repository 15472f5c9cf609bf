using DotnetPprof.Unwind;
using Xunit;

namespace DotnetPprof.Tests.Unwind;

public class PackedFramesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void TheySayWhatTheAnalysisSays(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 200; round++)
        {
            var rules = new List<RuleRun>();
            var calls = new List<CallSite>();
            int[] far = [0, 1, -1, 8, int.MaxValue, int.MinValue, random.Next()];
            for (int at = random.Next(300), left = random.Next(12); left > 0; left--)
            {
                int end = at + random.Next(1, 200);
                rules.Add(new RuleRun(at, end, new StepRule(random.Next(2) == 0, far[random.Next(7)], random.Next(20) * 8)));
                at = end + (random.Next(2) * random.Next(100));
            }

            for (int at = 0, left = random.Next(12); left > 0; left--)
            {
                at += random.Next(1, 300);
                calls.Add(new CallSite(at, far[random.Next(7)], random.Next(2) == 0 ? 0 : far[random.Next(7)]));
            }

            var code = new AnalysedCode(rules, calls, [], LeavesByJump: random.Next(2) == 0);
            var packed = PackedFrames.Of(code);
            Assert.Equal(code.LeavesByJump, packed.LeavesByJump);
            for (int offset = -1; offset < 3000; offset++)
            {
                Assert.Equal(code.RuleAt(offset), packed.RuleAt(offset));
                CallSite? call = calls.Exists(one => one.Return == offset) ? calls.Find(one => one.Return == offset) : null;
                Assert.Equal(call, packed.CallReturningTo(offset));
            }
        }
    }

    [Fact]
    public void ThoseOfOneContentAreOneInstanceWhereOthersMayHaveThem()
    {
        var codes = new AnalysedCodes();
        PackedFrames first = codes.Keep(Code(8), shared: true);
        Assert.Equal(first, codes.Keep(Code(8), shared: true));
        Assert.NotEqual(first, codes.Keep(Code(16), shared: true));
        Assert.NotEqual(first, codes.Keep(Code(8), shared: false));
    }

    private static AnalysedCode Code(int cfa) => new([new RuleRun(0, 4, new StepRule(FromRbp: false, cfa, 0))], [new CallSite(3, 100)], [0, 3], LeavesByJump: false);
}
