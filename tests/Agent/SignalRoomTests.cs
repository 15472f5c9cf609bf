using DotnetPprof.Agent;
using Xunit;

namespace DotnetPprof.Tests.Agent;

/// <summary>How much of RLIMIT_SIGPENDING timers may take: an eighth is left to the runtime's own signals.</summary>
public sealed class SignalRoomTests
{
    [Theory]
    [InlineData("\t1/96114", 84_099)]
    [InlineData("\t700/800", 0)]
    [InlineData("\t699/800", 1)]
    [InlineData("\t900/800", 0)]
    [InlineData("\t0/4", 4)] // less than eight: all of them
    [InlineData("\t0/0", 0)]
    public void AnEighthIsLeftAlone(string status, ulong room) => Assert.Equal(room, SignalRoom.Of(status));

    [Theory]
    [InlineData("")]
    [InlineData("\tmany/96114")]
    [InlineData("\t5/-1")]
    public void WhatIsNotUnderstoodIsNoLimit(string status) => Assert.Equal(ulong.MaxValue, SignalRoom.Of(status));
}
