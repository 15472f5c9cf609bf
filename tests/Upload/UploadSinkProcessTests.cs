using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using DotnetPprof.Tests.Serve;
using DotnetPprof.Tests.Upload.Servers;
using OpenTelemetry.Proto.Collector.Profiles.V1Development;
using Xunit;
using Wire = OpenTelemetry.Proto.Profiles.V1Development;

namespace DotnetPprof.Tests.Upload;

/// <summary>A real service's windows, from <c>serve</c> to two receivers.</summary>
public sealed class UploadSinkProcessTests : IDisposable
{
    private const int SigKill = 9;

    private readonly ServeProcess serve = new();

    public void Dispose() => serve.Dispose();

    [Fact]
    public async Task WhatWaitsOutlivesAKill()
    {
        await using var pyroscope = new PyroscopeServer(_ => Answer.Refuse(503));
        await using var otlp = new OtlpHttpServer();
        string[] arguments = ["--window", "5s", "--push", pyroscope.Url.AbsoluteUri, "--otlp", otlp.Url.AbsoluteUri];
        serve.Variables["STATE_DIRECTORY"] = Path.Join(serve.Directory, "state");
        serve.Start(arguments);
        using TargetProgram target = serve.StartService("Burner", "1");
        await MetricAsync("sink_queued_windows{sink=\"pyroscope\"}");
        await MetricAsync("sink_windows_total{sink=\"otlp\",result=\"delivered\"}", 2); // the first may be short
        serve.Process.Signal(SigKill);
        serve.Process.WaitForExit();

        pyroscope.Script = _ => Answer.Accept;
        serve.Start(arguments);
        double recovered = await MetricAsync("sink_recovered_windows_total{sink=\"pyroscope\"}");
        await MetricAsync("sink_windows_total{sink=\"pyroscope\",result=\"delivered\"}", recovered);
        serve.Process.Signal(Interop.ProcessInterop.SigTerm);
        Assert.Equal(0, serve.Process.WaitForExit());

        Assert.Empty(pyroscope.Violations);
        Assert.Empty(otlp.Violations);
        List<Wire.Profile> profiles = [.. otlp.Accepted.Select(message => ExportProfilesServiceRequest.Parser.ParseFrom(message).ResourceProfiles[0].ScopeProfiles[0].Profiles[0])];
        Assert.Contains(profiles, profile => profile.Samples.Max(sample => sample.TimestampsUnixNano.Distinct().Count()) > 2);
        List<PprofFile> windows = [.. pyroscope.Requested.Select(request => ServeProcess.Read(request.Series[0].Samples[0].RawProfile.ToByteArray()))];
        Assert.True(windows.Count >= recovered);
        Assert.Contains(windows, window => window.CpuNanosUnder("Burner.Program.Heavy") > 0);
        Assert.All(pyroscope.Requested, request => Assert.Contains(request.Series[0].Labels, label => label.Name == "service_name" && label.Value == serve.Service));
    }

    /// <summary>Whatever a receiver does, every window that was made for it can be found in /metrics.</summary>
    [Fact]
    public async Task MetricsAddUpWhateverTheReceiverDoes()
    {
        await using var moody = new PyroscopeServer(Moods);
        await using var strict = new OtlpHttpServer(i => i % 2 == 0 ? Answer.Refuse(400) : Answer.Refuse(429, "1"));
        serve.Variables["STATE_DIRECTORY"] = Path.Join(serve.Directory, "state");
        serve.Start("--window", "5s", "--push", moody.Url.AbsoluteUri, "--otlp", strict.Url.AbsoluteUri);
        List<TargetProgram> targets = [.. Enumerable.Range(0, 4).Select(_ => serve.StartService("Burner", "1"))];
        try
        {
            while (CheckSums(await serve.Metrics(), "pyroscope") < 16)
                await Task.Delay(20);
        }
        finally
        {
            targets.ForEach(target => target.Dispose());
        }
        moody.Script = _ => Answer.Accept;
        await MetricAsync("targets{state=\"ended\"}", targets.Count);
        Dictionary<string, double> end;
        do
        {
            await Task.Delay(50);
            end = await serve.Metrics();
            CheckSums(end, "pyroscope");
            CheckSums(end, "otlp");
        }
        while (end["dotnet_pprof_sink_queued_windows{sink=\"pyroscope\"}"] > 0);
        Assert.Equal(0, end["dotnet_pprof_sink_queued_bytes{sink=\"pyroscope\"}"]);
        Assert.True(end["dotnet_pprof_sink_retries_total{sink=\"pyroscope\"}"] > 0);
        Assert.True(end["dotnet_pprof_sink_windows_total{sink=\"otlp\",result=\"dropped\",reason=\"rejected\"}"] > 0);
        Assert.Equal(0, end.GetValueOrDefault("dotnet_pprof_sink_windows_total{sink=\"otlp\",result=\"delivered\"}"));
        Assert.Empty(moody.Violations);
        Assert.Empty(strict.Violations);

        static Answer Moods(int request)
        {
            switch (request % 6)
            {
                case 0:
                    Thread.Sleep(1000); // slow
                    return Answer.Accept;
                case 1:
                    return Answer.Refuse(429, "1");
                case 2:
                    return Answer.Refuse(500);
                case 3:
                    return new Answer(AnswerKind.BreakRequest);
                case 4:
                    return new Answer(AnswerKind.BreakReply);
                default:
                    return Answer.Accept;
            }
        }
    }

    /// <returns>Windows made for the sink so far.</returns>
    private static double CheckSums(Dictionary<string, double> metrics, string sink)
    {
        double given = Of("given_windows_total");
        Assert.Equal(given + Of("recovered_windows_total"), Of("queued_windows") + All("windows_total"));
        Assert.InRange(Of("queued_windows"), 0, given);
        return given;

        double Of(string name) => metrics[$"dotnet_pprof_sink_{name}{{sink=\"{sink}\"}}"];

        double All(string name) => metrics.Where(metric => metric.Key.StartsWith($"dotnet_pprof_sink_{name}{{sink=\"{sink}\",", StringComparison.Ordinal)).Sum(metric => metric.Value);
    }

    /// <summary>Waits until a metric has reached a number, and gives it.</summary>
    private async Task<double> MetricAsync(string name, double least = 1)
    {
        while (true)
        {
            double value = (await serve.Metrics()).GetValueOrDefault("dotnet_pprof_" + name);
            if (value >= least)
                return value;
            await Task.Delay(100);
        }
    }
}
