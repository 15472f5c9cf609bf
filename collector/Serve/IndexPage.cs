using System.Globalization;
using System.Net;
using System.Text;
using DotnetPprof.Session;

namespace DotnetPprof.Serve;

/// <summary>The page a person finds: what is profiled, how it goes, and links to all there is.</summary>
internal sealed class IndexPage(Supervisor supervisor, ServeOptions options)
{
    private const string Style =
        "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse;margin:.5em 0 1.5em}td,th{padding:.2em .8em;text-align:left;border-bottom:1px solid #ddd}td.n{text-align:right}";

    /// <param name="hasFiles">Whether windows are kept as files, to be linked to.</param>
    public string Write(bool hasFiles)
    {
        var page = new StringBuilder();
        IReadOnlyList<ServedTarget> targets = supervisor.Targets;
        page.Append(CultureInfo.InvariantCulture, $"<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>/debug/pprof/</title><style>{Style}</style></head><body><h1>/debug/pprof/</h1>\n");
        page.Append(CultureInfo.InvariantCulture, $"<p>dotnet-pprof samples at {options.RateHz} Hz{Limit()}, in windows of {options.Window.TotalSeconds:0} s. ");
        page.Append("<code>go tool pprof http://HOST/debug/pprof/profile?seconds=5</code>, with <code>&amp;pid=</code> or <code>&amp;service=</code> where there are several.</p>\n");
        page.Append("<p><a href=\"/metrics\">metrics</a> · <a href=\"/healthz\">health</a> · <a href=\"/readyz\">readiness</a></p>\n<h2>Processes</h2>\n");
        if (targets.Count == 0)
            page.Append("<p>None yet. Start a service with the variables that <code>dotnet-pprof env</code> prints.</p>\n");
        foreach (ServedTarget target in targets)
            Write(page, target, hasFiles);
        Sinks(page);
        return page.Append("</body></html>\n").ToString();
    }

    private static void Write(StringBuilder page, ServedTarget target, bool hasFiles)
    {
        ServedProcess process = target.Process;
        string labels = string.Join(", ", new[] { process.Version, process.Environment, process.Host, process.Runtime.Length > 0 ? $".NET {process.Runtime}" : "" }.Where(label => label.Length > 0));
        string state = Enum.GetName(target.State)!.ToLowerInvariant() + (target.Problem is { } problem ? $": {problem}" : "");
        WindowTotals totals = target.History.Totals;
        page.Append(CultureInfo.InvariantCulture, $"<h3>{Html(process.Service)} ({process.Pid})</h3>\n<p>{Html(state)}. {Html(labels)}.");
        if (target.State == TargetState.Sampling)
        {
            page.Append(" Profile of the next");
            foreach (int seconds in (int[])[5, 30])
                page.Append(CultureInfo.InvariantCulture, $" <a href=\"profile?seconds={seconds}&amp;pid={process.Pid}\">{seconds} s</a>");
        }
        if (target.State != TargetState.Ended)
            page.Append(CultureInfo.InvariantCulture, $" · <a href=\"cmdline?pid={process.Pid}\">cmdline</a>");
        page.Append(CultureInfo.InvariantCulture, $"</p>\n<p>{totals.Windows} windows, {totals.Samples:N0} samples, {totals.CpuNanos / 1e9:N2} s of CPU time, {totals.UnsampledNanos / 1e9:N2} s of it unsampled");
        foreach (LossCount loss in target.History.Losses)
            page.Append(CultureInfo.InvariantCulture, $"; lost {loss.Count:N0} {Html(loss.Reason)}");
        if (target.LostStretches > 0)
            page.Append(CultureInfo.InvariantCulture, $"; sampling broke off {target.LostStretches} times");
        page.Append(".</p>\n");
        Windows(page, target.History.Last, hasFiles);
    }

    private static void Windows(StringBuilder page, IReadOnlyList<PastWindow> windows, bool hasFiles)
    {
        if (windows.Count == 0)
            return;
        page.Append("<table><tr><th>window (UTC)</th><th>length</th><th>samples</th><th>CPU time</th><th>unsampled</th><th>overhead</th><th>rate</th></tr>\n");
        foreach (PastWindow window in windows.Reverse())
        {
            string begin = WindowName.TimeOf(window.From).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
            string link = hasFiles ? $"<a href=\"/windows/{Uri.EscapeDataString(window.FileName)}\">{begin}</a>" : begin;
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{link}</td><td class=\"n\">{(window.To.Value - window.From.Value) / 1e9:N1} s{(window.IsCut ? " (cut)" : "")}</td>");
            page.Append(CultureInfo.InvariantCulture, $"<td class=\"n\">{window.Samples:N0}</td><td class=\"n\">{window.CpuNanos / 1e9:N2} s</td><td class=\"n\">{window.UnsampledNanos / 1e9:N2} s</td><td class=\"n\">{window.Overhead:P2}</td><td class=\"n\" title=\"{Html(window.RateNote)}\">{window.RateHz:0} Hz</td></tr>\n");
        }
        page.Append("</table>\n");
    }

    private void Sinks(StringBuilder page)
    {
        if (supervisor.Sinks.Count == 0)
            return;
        page.Append("<h2>Where windows go</h2>\n<table><tr><th>sink</th><th>delivered</th><th>queued</th><th>dropped</th></tr>\n");
        foreach (WindowDispatch sink in supervisor.Sinks)
        {
            SinkAccount account = sink.Account;
            string dropped = string.Join(", ", account.Dropped.Select(drop => string.Create(CultureInfo.InvariantCulture, $"{drop.Value:N0} {drop.Key}")));
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{Html(sink.Name)}</td><td class=\"n\">{account.Delivered:N0}</td><td class=\"n\">{account.Queued:N0}</td><td>{Html(dropped.Length > 0 ? dropped : "0")}</td></tr>\n");
        }
        page.Append("</table>\n");
    }

    private string Limit() => options.MaxOverheadPpm == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", or as many as {options.MaxOverheadPpm / 1e4:0.##} % of a thread's time allows");

    private static string Html(string text) => WebUtility.HtmlEncode(text);
}
