using DotnetPprof.Commands;
using Xunit;

namespace DotnetPprof.Tests.Commands;

public class DurationsTests
{
    [Theory]
    [InlineData("30", 30)]
    [InlineData("30s", 30)]
    [InlineData("5m", 300)]
    [InlineData("2h", 7200)]
    [InlineData("00:00:05", 5)]
    [InlineData("01:02:03", 3723)]
    [InlineData("1:2:3", 3723)]
    [InlineData("02:03:04:05", 183845)]
    [InlineData("00:00:01:00", 60)]
    public void AcceptsWhatPeopleWrite(string text, int seconds)
    {
        Assert.True(Durations.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromSeconds(seconds), duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("0")]
    [InlineData("00:00:00")]
    [InlineData("-5")]
    [InlineData("+5")]
    [InlineData(" 5")]
    [InlineData("5x")]
    [InlineData("5ss")]
    [InlineData("1.5s")]
    [InlineData("05:00")]
    [InlineData("00:60:00")]
    [InlineData("24:00:00")]
    [InlineData("00:24:00:00")]
    [InlineData("1:2:3:4:5")]
    [InlineData("::")]
    [InlineData("99999999999999999999")]
    [InlineData("999999999h")]
    public void RefusesTheRest(string text) => Assert.False(Durations.TryParse(text, out _));
}
