using DotnetPprof.Serve;
using DotnetPprof.Session;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>When processes are looked for, and what becomes of that when it fails.</summary>
public sealed class SupervisorTests : IDisposable
{
    private readonly ListLogger<Supervisor> log = new();
    private readonly Life life = new();
    private readonly FailingProbe probe = new();
    private readonly Supervisor supervisor;

    public SupervisorTests() => supervisor = new Supervisor(
        ServeFakes.Options with { Names = ["no process has this name"] }, new CaptureFactory("/nowhere/agent.so"), probe, [], life, log);

    public void Dispose() => supervisor.Dispose();

    [Fact]
    public async Task WhateverGoesWrongWhenItLooksIsToldOnceAndItGoesOn()
    {
        await supervisor.StartAsync(default);
        life.Started.Cancel();
        while (probe.Calls < 3)
            await Task.Delay(10);
        Assert.False(supervisor.ExecuteTask!.IsCompleted);
        life.Stopping.Cancel();
        await supervisor.StopAsync(default);
        Assert.True(supervisor.ExecuteTask.IsCompletedSuccessfully);
        Assert.Contains("nothing is known", Assert.Single(log.Lines));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task NothingIsLookedForBeforeRequestsAreAnswered(bool isHostStopping)
    {
        await supervisor.StartAsync(default);
        await Task.Delay(100);
        Assert.False(supervisor.IsReady);
        if (isHostStopping)
            life.Stopping.Cancel();
        else
            supervisor.Dispose(); // as after a start that failed
        await supervisor.ExecuteTask!.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(0, probe.Calls);
        Assert.False(supervisor.IsReady);
    }

    private sealed class FailingProbe : IAgentProbe
    {
        private int calls;

        public int Calls => Volatile.Read(ref calls);

        public AgentPresence Probe(int pid)
        {
            Interlocked.Increment(ref calls);
            throw new InvalidOperationException("nothing is known");
        }

        public SessionChoices? LastSession(int pid) => null;
    }

    private sealed class Life : IHostApplicationLifetime
    {
        public CancellationTokenSource Started { get; } = new();

        public CancellationTokenSource Stopping { get; } = new();

        public CancellationToken ApplicationStarted => Started.Token;

        public CancellationToken ApplicationStopping => Stopping.Token;

        public CancellationToken ApplicationStopped => default;

        public void StopApplication() => Stopping.Cancel();
    }
}
