using System.Diagnostics;
using Xunit;

namespace DotnetPprof.Tests.Harm;

internal static class Eventually
{
    /// <summary>Waits for something that is to happen by itself, and gives how long it took.</summary>
    internal static TimeSpan True(Func<bool> condition, string what)
    {
        var time = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(time.Elapsed < Child.HangBound, $"it never came true that {what}");
            Thread.Sleep(20);
        }
        return time.Elapsed;
    }
}
