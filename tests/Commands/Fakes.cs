using System.Collections.Concurrent;
using DotnetPprof.Commands;
using DotnetPprof.Model;
using DotnetPprof.Session;
using Microsoft.Diagnostics.NETCore.Client;
using Spectre.Console.Testing;

namespace DotnetPprof.Tests.Commands;

/// <summary>Captures that sample nothing and end with their process.</summary>
internal sealed class FakeCaptures : ICaptureFactory
{
    internal ConcurrentQueue<string> Calls { get; } = new();

    internal Func<CaptureOptions, Exception?> FailPrepare { get; init; } = _ => null;

    /// <summary>What attaching waits for.</summary>
    internal Action Answer { get; init; } = () => { };

    /// <summary>Completes when a capture that was attached is disposed.</summary>
    internal TaskCompletionSource Released { get; } = new();

    public ICapture Attach(CaptureOptions options)
    {
        Calls.Enqueue($"attach {options.Pid}");
        Answer();
        return new FakeCapture(options.Pid, () => Released.TrySetResult());
    }

    public ISuspendedCapture Prepare(CaptureOptions options, DiagnosticsClient client)
    {
        Calls.Enqueue($"prepare {LaunchPolicy.Describe(options.Pid)!.Name}");
        return FailPrepare(options) is { } error ? throw error : new Suspended(options.Pid, this);
    }

    private sealed class Suspended(int pid, FakeCaptures owner) : ISuspendedCapture
    {
        public ICapture Start()
        {
            owner.Calls.Enqueue($"start {pid}");
            return new FakeCapture(pid);
        }

        public void Dispose()
        {
        }
    }
}

internal sealed class FakeCapture(int pid, Action? disposed = null) : ICapture
{
    private static readonly Mapping s_main = new(0, 1, 0, "/app", "", true);

    public CaptureProgress Progress => new(TimeSpan.FromSeconds(1), 10, 0, 10);

    public Task<CaptureEnd> Ended { get; } = EndWith(pid);

    private static async Task<CaptureEnd> EndWith(int pid)
    {
        ulong? start = ProcFs.StartTime(pid);
        while (start is not null && ProcFs.StartTime(pid) == start) await Task.Delay(20);
        return CaptureEnd.TargetExited;
    }

    public CaptureResult Finish()
    {
        var profile = new Profile(new UnixNanos(0), 1, 1, s_main, [], []);
        return new CaptureResult(profile, Summary);
    }

    internal static CaptureSummary Summary { get; } = new(
        TimeSpan.FromSeconds(5), 1_250, 5_000_000_000, 20_000_000, 1000, 500, "twice a sample's cost", "timer: perf is not permitted", "tsc: invariant", ["vdso: passed, 20.0 ns a read"],
        [new LossCount("ring full", 3)], ["a warning\nof two lines"]);

    public void Dispose() => disposed?.Invoke();
}

internal sealed class FakeProfiles : IProfileStore
{
    internal static readonly TopFunction[] Rows =
    [
        new("Shop.Orders.Total(System.Int32, System.String)", 2_000_000_000, 40, 3_000_000_000, 60),
        new("Shop.Main()", 1_000_000_000, 20, 5_000_000_000, 100),
    ];

    public IReadOnlyList<string> Write(string path, Profile profile)
    {
        File.WriteAllText(path, "profile");
        return [path];
    }

    public IReadOnlyList<TopFunction> Top(Profile profile, int count, bool inclusive) => Rows;

    public IReadOnlyList<TopFunction> Top(string path, int count, bool inclusive) => [.. Rows.Take(count)];
}

/// <summary>A folder of the test's own, which is current nowhere and removed at its end.</summary>
internal sealed class TestFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("dotnet-pprof-test-");

    internal string this[string file] => Path.Combine(_folder.FullName, file);

    internal string FullPath => _folder.FullName;

    internal IEnumerable<string> Files => _folder.EnumerateFiles().Select(file => file.Name).Order();

    public void Dispose() => _folder.Delete(recursive: true);
}

internal sealed class CommandRig
{
    internal TestConsole Output { get; } = Wide();

    internal TestConsole Error { get; } = Wide();

    internal FakeCaptures Captures { get; init; } = new();

    /// <summary>No library lies there, so that no launched process waits for a collector that is a fake.</summary>
    internal CommandServices Services => new(Output, Error, Captures, new RegionAgentProbe(), new FakeProfiles(), "/nonexistent/agent.so");

    // The console keeps what goes through it; what is written raw goes through its profile's writer, the same one.
    private static TestConsole Wide() => new TestConsole().Width(1000);
}
