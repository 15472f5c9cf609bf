using DotnetPprof.Tests.RealPrograms;
using DotnetPprof.Tests.Serve;
using DotnetPprof.Tests.Upload.Servers;

namespace DotnetPprof.ServeSoak;

/// <summary>
/// One service under load while its windows are uploaded to a receiver that is good, to one that is bad, and to none, in
/// turns. Its work per CPU second is compared between turns of one round; in between and at the end the counts must add up.
/// </summary>
internal sealed class ReceiversRun(TimeSpan length)
{
    private const double MostDifference = 0.02;

    /// <summary>Two windows and their uploads fall into each.</summary>
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(10);

    /// <summary>After an attach; the service compiles its code better and better at first, too.</summary>
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(6);

    private readonly Findings findings = new();
    private readonly List<(double Good, double Bad, double None)> rounds = [];

    internal async Task<Findings> Run()
    {
        FindingsTable sums = findings.Table("round", "given", "recovered", "delivered", "dropped", "queued", "queued bytes", "retries");
        await using var receiver = new PyroscopeServer();
        using var serve = new ServeProcess();
        serve.Variables["STATE_DIRECTORY"] = Path.Join(serve.Directory, "state");
        string[] push = ["--window", "5s", "--push", receiver.Url.AbsoluteUri];
        using var service = new LoadedService(serve, TimeSpan.Zero);
        using var cpu = new CpuWitness(service.Pid);
        await Task.Delay(s_settle * 3).ConfigureAwait(false);
        DateTime end = DateTime.UtcNow + length;
        while (DateTime.UtcNow < end || rounds.Count == 0)
        {
            await Start(serve, service, push).ConfigureAwait(false);
            bool goodFirst = rounds.Count % 2 == 0;
            double first = await Turn(receiver, service, cpu, isGood: goodFirst).ConfigureAwait(false);
            double second = await Turn(receiver, service, cpu, isGood: !goodFirst).ConfigureAwait(false);
            AddSums(sums, await serve.Metrics().ConfigureAwait(false));
            End(serve);
            await Start(serve, service, "--window", "5s").ConfigureAwait(false);
            double none = await Turn(receiver, service, cpu, isGood: true).ConfigureAwait(false);
            End(serve);
            rounds.Add(goodFirst ? (first, second, none) : (second, first, none));
        }
        receiver.Script = _ => Answer.Accept;
        serve.Start(push);
        Dictionary<string, double> metrics;
        DateTime patience = DateTime.UtcNow + TimeSpan.FromMinutes(1);
        do
        {
            await Task.Delay(200).ConfigureAwait(false);
            metrics = await serve.Metrics().ConfigureAwait(false);
        }
        while (metrics[Sink("queued_windows")] > 0 && DateTime.UtcNow < patience);
        AddSums(sums, metrics);
        findings.Require(metrics[Sink("queued_windows")] == 0, $"the queue was not emptied when the receiver was good again");
        findings.Require(receiver.Violations.Count == 0, $"the receiver was sent what breaks its rules: {receiver.Violations.FirstOrDefault()}");
        Report();
        return findings;
    }

    private static async Task Start(ServeProcess serve, LoadedService service, params string[] arguments)
    {
        serve.Start(arguments);
        await serve.WaitUntilSampling(service.Pid).ConfigureAwait(false);
        await Task.Delay(s_settle).ConfigureAwait(false);
    }

    private static void End(ServeProcess serve)
    {
        serve.Process.Signal(Interop.ProcessInterop.SigTerm);
        serve.Process.WaitForExit();
    }

    /// <returns>Requests that the service answered per second of its CPU time.</returns>
    private static async Task<double> Turn(PyroscopeServer receiver, LoadedService service, CpuWitness cpu, bool isGood)
    {
        receiver.Script = isGood ? _ => Answer.Accept : Bad;
        long from = Now, before = service.Requests;
        await Task.Delay(s_turn).ConfigureAwait(false);
        return (service.Requests - before) / (cpu.Between(from, Now - 5_000_000) / 1e9);
    }

    private static Answer Bad(int request)
    {
        switch (request % 4)
        {
            case 0:
                Thread.Sleep(2000);
                return Answer.Refuse(500);
            case 1:
                return Answer.Refuse(429, "1");
            case 2:
                return new Answer(AnswerKind.BreakRequest);
            default:
                return new Answer(AnswerKind.BreakReply);
        }
    }

    private static long Now => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;

    private static string Sink(string name) => $"dotnet_pprof_sink_{name}{{sink=\"pyroscope\"}}";

    private void AddSums(FindingsTable sums, Dictionary<string, double> metrics)
    {
        double given = metrics[Sink("given_windows_total")], recovered = metrics[Sink("recovered_windows_total")], queued = metrics[Sink("queued_windows")];
        double delivered = All("result=\"delivered\""), dropped = All("result=\"dropped\"");
        sums.Add($"{rounds.Count}", $"{given}", $"{recovered}", $"{delivered}", $"{dropped}", $"{queued}", $"{metrics[Sink("queued_bytes")]}", $"{metrics[Sink("retries_total")]}");
        findings.Require(given + recovered == delivered + dropped + queued, $"round {rounds.Count}: {given} + {recovered} windows are not {delivered} + {dropped} + {queued}");

        double All(string result) => metrics.Where(metric => metric.Key.StartsWith("dotnet_pprof_sink_windows_total{sink=\"pyroscope\"", StringComparison.Ordinal) && metric.Key.Contains(result, StringComparison.Ordinal)).Sum(metric => metric.Value);
    }

    private void Report()
    {
        FindingsTable table = findings.Table("work per CPU second", "rounds", "mean", "standard error");
        Add("bad receiver, of a good one's", round => round.Bad / round.Good);
        Add("no receiver, of a good one's", round => round.None / round.Good);

        void Add(string what, Func<(double Good, double Bad, double None), double> ratio)
        {
            double[] ratios = [.. rounds.Select(ratio)];
            double mean = ratios.Average();
            double error = Math.Sqrt(ratios.Sum(one => (one - mean) * (one - mean)) / Math.Max(1, ratios.Length - 1) / ratios.Length);
            table.Add($"{what}", $"{ratios.Length}", $"{mean:P2}", $"{error:P2}");
            findings.Require(ratios.Length < 3 || Math.Abs(mean - 1) <= Math.Max(MostDifference, 3 * error), $"{what}: {mean:P1}");
        }
    }
}
