using System.Net;
using DotnetPprof.Model;
using DotnetPprof.Serve;
using DotnetPprof.Session;
using DotnetPprof.Upload;

namespace DotnetPprof.Tests.Serve;

/// <summary>Options, processes and windows for tests.</summary>
internal static class ServeFakes
{
    private static readonly Mapping s_module = new(0, 0, 0, "/srv/shop.dll", "", HasFunctions: true);

    public static ServeOptions Options { get; } = new(
        new IPEndPoint(IPAddress.Loopback, 0), null, null, TimeSpan.FromSeconds(60), TimeSpan.FromDays(1), 1_000_000, 100, 20_000, [], [], AttachAll: false, new UploadOptions(null, null));

    public static ServedProcess Process(string service, int pid = 7) => new(pid, 1, "Shop", service, "1.0", "test", "here", "10.0.0", ["dotnet", "Shop.dll"]);

    /// <param name="service">Whose.</param>
    /// <param name="from">Its begin.</param>
    /// <param name="stacks">How large it is.</param>
    public static FinishedWindow Window(string service, DateTime from, int stacks = 1)
    {
        var start = new UnixNanos((from.ToUniversalTime() - DateTime.UnixEpoch).Ticks * 100);
        var random = new Random(1);
        List<ProfileSample> samples = [.. Enumerable.Range(0, stacks).Select(i => new ProfileSample(
            [new Location(s_module, new((ulong)random.NextInt64()), [new Line(new Function($"Shop.M{random.Next()}", "", "", 0), 0)])], null, 1, 1000, null))];
        var profile = new Profile(start, 60_000_000_000, 10_000_000, s_module, samples, []);
        var summary = new CaptureSummary(TimeSpan.FromSeconds(60), stacks, stacks * 1000L, 0, 100, 100, "", "timer", "tsc", [], [], []);
        return new FinishedWindow(Process(service), start, new(start.Value + 60_000_000_000), false, profile, summary);
    }
}
