using DotnetPprof.Interop;
using DotnetPprof.Session;
using DotnetPprof.Tests.Commands;
using Xunit;

namespace DotnetPprof.Tests.Session;

[Collection(SignalCollection.Name)]
public class StopRequestsTests
{
    [Fact]
    public async Task SignalsBecomeRequestsAndEndNothing()
    {
        using var stop = new StopRequests();
        Assert.False(stop.First.IsCompleted);
        ProcessInterop.Kill(Environment.ProcessId, ProcessInterop.SigHup);
        await stop.First;
        Assert.False(stop.Second.IsCompleted);
        ProcessInterop.Kill(Environment.ProcessId, ProcessInterop.SigHup);
        await stop.Second;
    }
}
