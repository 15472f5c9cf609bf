using System.Collections.Concurrent;
using DotnetPprof.Serve;
using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
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

    [Fact]
    public async Task WhateverBecomesOfATargetTheSinksAreFinished()
    {
        using TargetProgram program = TargetProgram.StartReady("Burner", "1");
        var failing = new FailingLog(program.Pid);
        Sink[] sinks = [new() { Fails = true }, new()];
        using var served = new Supervisor(ServeFakes.Options, new CaptureFactory("/nowhere/agent.so"), new OneProbe(program.Pid), sinks, life, failing);
        await served.StartAsync(default);
        life.Started.Cancel();
        while (failing.Failures == 0)
            await Task.Delay(10);
        Assert.Equal(program.Pid, Assert.Single(served.Targets).Process.Pid);
        life.Stopping.Cancel();
        await served.StopAsync(default);
        Assert.True(served.ExecuteTask!.IsCompletedSuccessfully);
        Assert.All(sinks, sink => Assert.True(sink.IsComplete));
        Assert.Single(failing.Lines, line => line.Contains("the list cannot be ended", StringComparison.Ordinal));
    }

    private sealed class OneProbe(int wanted) : IAgentProbe
    {
        public AgentPresence Probe(int pid) => pid == wanted ? AgentPresence.Asleep : AgentPresence.Absent;

        public SessionChoices? LastSession(int pid) => null;
    }

    /// <summary>Fails where it is told of a process.</summary>
    private sealed class FailingLog(int pid) : ILogger<Supervisor>
    {
        private int failures;

        public int Failures => Volatile.Read(ref failures);

        public ConcurrentQueue<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            string line = formatter(state, exception);
            if (line.Contains($"({pid})", StringComparison.Ordinal))
            {
                Interlocked.Increment(ref failures);
                throw new IOException("nobody reads the log");
            }
            Lines.Enqueue(line);
        }
    }

    private sealed class Sink : IWindowSink
    {
        public bool Fails { get; init; }

        public bool IsComplete { get; private set; }

        public string Name => "fake";

        public SinkAccount Account => new(0, 0, new Dictionary<string, long>());

        public Task TakeAsync(FinishedWindow window) => Task.CompletedTask;

        public void Complete()
        {
            IsComplete = true;
            if (Fails)
                throw new IOException("the list cannot be ended");
        }
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
