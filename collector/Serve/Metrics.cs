using System.Globalization;
using System.Text;
using DotnetPprof.Session;

namespace DotnetPprof.Serve;

/// <summary>The numbers of this program in Prometheus' text format, version 0.0.4.</summary>
internal sealed class Metrics(Supervisor supervisor)
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    public string Write()
    {
        var text = new StringBuilder();
        IReadOnlyList<ServedTarget> targets = supervisor.Targets;
        Family(text, "targets", "gauge", "Processes known, by state.");
        foreach (TargetState state in Enum.GetValues<TargetState>())
            Value(text, "targets", targets.Count(target => target.State == state), ("state", Enum.GetName(state)!.ToLowerInvariant()));
        OfTargets("samples_total", "counter", "Stack samples in finished windows.", target => target.History.Totals.Samples);
        OfTargets("cpu_seconds_total", "counter", "CPU time of the process in finished windows.", target => target.History.Totals.CpuNanos / 1e9);
        OfTargets("unsampled_seconds_total", "counter", "The part of it that no sample stands for.", target => target.History.Totals.UnsampledNanos / 1e9);
        OfTargets("windows_total", "counter", "Windows finished.", target => target.History.Totals.Windows);
        OfTargets("open_windows", "gauge", "Windows being sampled, those of requests among them.", target => target.OpenWindows);
        OfTargets("interruptions_total", "counter", "Times sampling broke off while the process lived.", target => target.LostStretches);
        OfTargets("overhead_ratio", "gauge", "What sampling took of the CPU time of the last window.", target => target.History.Last is [.., var last] ? last.Overhead : 0);
        OfTargets("rate_hertz", "gauge", "Samples per second of a thread's CPU time in the last window, as armed within --max-overhead.", target => target.History.Last is [.., var last] ? last.RateHz : 0);
        Family(text, "lost_total", "counter", "Losses in finished windows, by reason.");
        foreach (ServedTarget target in targets)
        {
            foreach (LossCount loss in target.History.Losses)
                Value(text, "lost_total", loss.Count, [.. Labels(target), ("reason", loss.Key)]);
        }
        OfSinks(text);
        Family(text, "own_cpu_seconds_total", "counter", "CPU time of this program.");
        Value(text, "own_cpu_seconds_total", Environment.CpuUsage.TotalTime.TotalSeconds);
        Family(text, "own_resident_bytes", "gauge", "Resident memory of this program.");
        Value(text, "own_resident_bytes", Environment.WorkingSet);
        return text.ToString();

        void OfTargets(string name, string type, string help, Func<ServedTarget, double> value)
        {
            Family(text, name, type, help);
            foreach (ServedTarget target in targets)
                Value(text, name, value(target), Labels(target));
        }
    }

    private void OfSinks(StringBuilder text)
    {
        var accounts = supervisor.Sinks.Select(sink => (sink.Name, sink.Account)).ToList();
        OfSink("sink_given_windows_total", "counter", "Windows made for a sink; with the recovered ones they are the delivered, the dropped and the queued.", account => account.Given);
        Family(text, "sink_windows_total", "counter", "What became of windows, by sink.");
        foreach ((string name, SinkAccount account) in accounts)
        {
            Value(text, "sink_windows_total", account.Delivered, ("sink", name), ("result", "delivered"));
            foreach ((string reason, long count) in account.Dropped)
                Value(text, "sink_windows_total", count, ("sink", name), ("result", "dropped"), ("reason", reason));
        }
        OfSink("sink_recovered_windows_total", "counter", "Windows that an earlier run had left to be uploaded.", account => account.Recovered);
        OfSink("sink_queued_windows", "gauge", "Windows that wait, by sink.", account => account.Queued);
        OfSink("sink_queued_bytes", "gauge", "What they take on disk.", account => account.QueuedBytes);
        OfSink("sink_retries_total", "counter", "Uploads that failed and are tried again.", account => account.Retries);

        void OfSink(string metric, string type, string help, Func<SinkAccount, double> value)
        {
            Family(text, metric, type, help);
            foreach ((string name, SinkAccount account) in accounts)
                Value(text, metric, value(account), ("sink", name));
        }
    }

    private static (string, string)[] Labels(ServedTarget target) =>
        [("service", target.Process.Service), ("pid", target.Process.Pid.ToString(CultureInfo.InvariantCulture))];

    private static void Family(StringBuilder text, string name, string type, string help) =>
        text.Append(CultureInfo.InvariantCulture, $"# HELP dotnet_pprof_{name} {help}\n# TYPE dotnet_pprof_{name} {type}\n");

    private static void Value(StringBuilder text, string name, double value, params (string Name, string Value)[] labels)
    {
        text.Append("dotnet_pprof_").Append(name);
        if (labels.Length > 0)
            text.Append('{').AppendJoin(',', labels.Select(label => $"{label.Name}=\"{Escaped(label.Value)}\"")).Append('}');
        text.Append(CultureInfo.InvariantCulture, $" {value:R}\n");
    }

    private static string Escaped(string value) => value.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n");
}
