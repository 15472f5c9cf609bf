using DotnetPprof.Model;
using DotnetPprof.Session;
using DotnetPprof.Symbolize;
using DotnetPprof.Tests.Drain;
using DotnetPprof.Unwind;
using Microsoft.Diagnostics.NETCore.Client;
using Xunit;

namespace DotnetPprof.Tests.Session;

public sealed class RunAccountTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(3, 1)]
    public void SamplesThatCouldNotBeHeldAreTold(long releasedEarly, int notes)
    {
        using var region = new FakeRegion();
        var options = new CaptureOptions(Environment.ProcessId, 100, Timestamps: false);
        using var target = new CaptureTarget(options, new DiagnosticsClient(options.Pid), new SharedSymbols());
        target.Modules.Refresh();
        using var learner = new StackLearner(region.View, target.Events.Code, target.Shared, () => true);
        RunAccount account = RunAccount.Of(options, region.View, new SessionAccount(region.View), target.Symbolizer, learner, releasedEarly);
        Assert.Equal(notes, account.Notes.Count(note => note.StartsWith("3 samples were not held", StringComparison.Ordinal)));
        Assert.Equal(notes, account.Notes.Count);
    }
}
