using DotnetPprof.Model;
using DotnetPprof.Session;
using Xunit;

namespace DotnetPprof.Tests.Serve;

public class WindowScheduleTests
{
    private const long Second = 1_000_000_000;

    private readonly WindowSchedule schedule = new(60 * Second);

    [Fact]
    public void TheFirstWindowEndsAtTheNextMultiple()
    {
        WindowBounds first = schedule.Next(null, new(1000 * Second), wallAhead: 3 * Second);
        Assert.Equal((1000 * Second, 1017 * Second), (first.From.Value, first.To.Value));
        Assert.Equal((1003 * Second, 1020 * Second), (first.WallFrom.Value, first.WallTo.Value));
    }

    [Fact]
    public void AFirstWindowOfAMomentIsJoinedToTheNext()
    {
        WindowBounds first = schedule.Next(null, new(1000 * Second), wallAhead: 19 * Second);
        Assert.Equal((1019 * Second, 1080 * Second), (first.WallFrom.Value, first.WallTo.Value));
    }

    [Fact]
    public void WindowsAbutOnBothClocksWhileTheWallClockIsSlewed()
    {
        WindowBounds window = schedule.Next(null, new(960 * Second), 0);
        long ahead = 0;
        for (int i = 0; i < 1000; i++)
        {
            ahead += 29_000_000; // 480 ppm of a minute
            WindowBounds next = schedule.Next(window, window.To, ahead);
            Assert.Equal((window.To, window.WallTo), (next.From, next.WallFrom));
            Assert.Equal(0, next.WallTo.Value % (60 * Second));
            Assert.Equal(60 * Second, next.WallTo.Value - next.WallFrom.Value);
            Assert.InRange(next.To.Value - next.From.Value, 59_900_000_000, 60_100_000_000);
            window = next;
        }
        Assert.Equal(0, schedule.SteppedNanos);
    }

    [Theory]
    [InlineData(3600)]
    [InlineData(-3600)]
    [InlineData(1)]
    public void AStepMovesTheNextWindowsOnTheWallClockAlone(long seconds)
    {
        WindowBounds before = schedule.Next(null, new(1000 * Second), 0);
        WindowBounds after = schedule.Next(before, before.To, seconds * Second);
        Assert.Equal(before.To, after.From);
        Assert.Equal(before.WallTo.Value + seconds * Second, after.WallFrom.Value);
        Assert.Equal(0, after.WallTo.Value % (60 * Second));
        Assert.Equal(after.WallTo.Value - after.WallFrom.Value, after.To.Value - after.From.Value);
        Assert.Equal(seconds * Second, schedule.SteppedNanos);
    }

    [Fact]
    public void TimesBefore1970DoNotConfuseIt()
    {
        WindowBounds first = schedule.Next(null, new(1000 * Second), -5000 * Second);
        Assert.Equal((-4000 * Second, -3960 * Second), (first.WallFrom.Value, first.WallTo.Value));
    }
}
