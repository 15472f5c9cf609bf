using System.CommandLine;
using DotnetPprof.Commands;
using DotnetPprof.Model;
using DotnetPprof.Serve;
using DotnetPprof.Session;
using DotnetPprof.Tests.Upload.Servers;
using DotnetPprof.Upload;
using DotnetPprof.Upload.Otlp;
using DotnetPprof.Upload.Pyroscope;
using Microsoft.Extensions.Logging.Abstractions;
using OpenTelemetry.Proto.Collector.Profiles.V1Development;
using Xunit;

namespace DotnetPprof.Tests.Upload;

public sealed class UploadSinkTests : IDisposable
{
    private static readonly ServedProcess Process = new(
        Environment.ProcessId, 7, "Shop", "shop", "1.2", "production", "node-7", "10.0.12", ["dotnet", "Shop.dll"]);

    private readonly UploadDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task WindowsAreTakenAtOnceAndArriveLater()
    {
        await using var server = new PyroscopeServer(i => i < 1 ? Answer.Refuse(503) : Answer.Accept);
        using (var sink = new UploadSink("pyroscope", new PyroscopeFormat(), new PyroscopeClient(server.Url, [], TimeSpan.FromMinutes(1)), directory.Open(), NullLogger.Instance))
        {
            await sink.TakeAsync(Window(SampleProfiles.Whole()));
            await sink.TakeAsync(Window(SampleProfiles.Of()));
            await Task.Run(() => Harm.Eventually.True(() => sink.Account.Delivered == 2, "the window is uploaded and the empty one is done with"));
            Assert.Equal((0, 0), (sink.Account.Queued, sink.Account.Dropped.Count));
        }
        Assert.Empty(server.Violations);
        Assert.Equal(
            ["__name__=process_cpu", "deployment_environment_name=production", "host_name=node-7", $"process_pid={Environment.ProcessId}",
                "process_runtime_name=.NET", "process_runtime_version=10.0.12", "service_name=shop", "service_version=1.2"],
            Assert.Single(server.Requested).Series[0].Labels.Select(label => $"{label.Name}={label.Value}"));
    }

    /// <summary>Nobody is there at first; what was left is sent by the next run, and counted as that.</summary>
    [Fact]
    public async Task NextRunSendsWhatWasLeft()
    {
        var nowhere = new Uri("http://127.0.0.1:1");
        using (var sink = new UploadSink("otlp", Format(), new OtlpHttpClient(OtlpAddress.Endpoint(nowhere), [], TimeSpan.FromMinutes(1)), directory.Open(), NullLogger.Instance))
            await sink.TakeAsync(Window(SampleProfiles.Whole()));

        await using var server = new OtlpHttpServer();
        using (var sink = new UploadSink("otlp", Format(), new OtlpHttpClient(OtlpAddress.Endpoint(server.Url), [], TimeSpan.FromMinutes(1)), directory.Open(), NullLogger.Instance))
        {
            await Task.Run(() => Harm.Eventually.True(() => sink.Account.Delivered == 1, "the window is uploaded"));
            Assert.Equal((1, 0), (sink.Account.Recovered, sink.Account.Queued));
        }
        Assert.Empty(server.Violations);
        ExportProfilesServiceRequest request = ExportProfilesServiceRequest.Parser.ParseFrom(Assert.Single(server.Accepted));
        Assert.Contains(request.ResourceProfiles[0].Resource.Attributes, attribute => attribute.Key == "process.executable.path");
    }

    [Fact]
    public async Task LastWindowIsSentAtTheEnd()
    {
        using var queue = directory.Open();
        queue.Add([[1]]);
        var client = new Counting();
        var uploader = new Uploader(queue, client, NullLogger.Instance);
        await uploader.FinishAsync(default);
        Assert.Equal((1, 1), (client.Sent, queue.Account.Delivered));
    }

    [Theory]
    [InlineData("", null, null, UploadOptions.DefaultQueueMegabytes)]
    [InlineData("--push http://a:4040 --otlp https://b/otlp --queue-mb 5", "http://a:4040/", "https://b/otlp", 5)]
    public void OptionsAreRead(string arguments, string? push, string? otlp, int megabytes)
    {
        UploadOptions options = Read(arguments);
        Assert.Equal((push, otlp, megabytes), (options.Push?.AbsoluteUri, options.Otlp?.AbsoluteUri, options.QueueMegabytes));
    }

    [Theory]
    [InlineData("--push nowhere")]
    [InlineData("--queue-mb 0")]
    public void WrongOptionsAreErrors(string arguments) => Assert.Equal(ExitCode.Argument, Assert.Throws<UserError>(() => Read(arguments)).Code);

    private static UploadOptions Read(string arguments)
    {
        var command = new RootCommand();
        var flags = new UploadFlags();
        flags.AddTo(command);
        ParseResult parsed = command.Parse(arguments);
        Assert.Empty(parsed.Errors);
        return flags.Read(parsed);
    }

    private static OtlpFormat Format() => new((_, _) => null);

    private static FinishedWindow Window(Profile profile) => new(
        Process, profile.Start, new UnixNanos(profile.Start.Value + profile.DurationNanos), IsCut: false, profile,
        new CaptureSummary(TimeSpan.FromMinutes(1), 1, 1, 0, 100, 100, "", "timer", "tsc", [], [], []));

    private sealed class Counting : IUploadClient
    {
        public int Sent { get; private set; }

        public Task<UploadOutcome> SendAsync(byte[] message, CancellationToken cancel)
        {
            Sent++;
            return Task.FromResult(UploadOutcome.Delivered());
        }

        public void Dispose()
        {
        }
    }
}
