using System.Globalization;
using DotnetPprof.Model;
using DotnetPprof.Session;
using Spectre.Console;

namespace DotnetPprof.Commands;

/// <summary>What a person sees of a capture: one live line while it runs, a summary when it is done.</summary>
internal sealed class CaptureView(IAnsiConsole console)
{
    internal const int TopCount = 10;

    private static readonly TimeSpan s_redraw = TimeSpan.FromMilliseconds(500);

    /// <summary>Shows progress until the task completes; only waits where nothing can be redrawn.</summary>
    internal void Follow(Task until, Func<CaptureProgress?> read)
    {
        if (!console.CanRedraw())
        {
            until.Wait();
            return;
        }

        console.Live(new Text("")).AutoClear(true).Start(context =>
        {
            do
            {
                if (read() is { } progress) context.UpdateTarget(new Text(Line(progress)));
                context.Refresh();
            }
            while (!until.Wait(s_redraw));
        });
    }

    internal static string Line(CaptureProgress progress) => string.Create(
        CultureInfo.InvariantCulture,
        $"{progress.Elapsed:hh\\:mm\\:ss}  {progress.Samples:N0} samples  {progress.SamplesPerSecond:N0}/s  {progress.Lost:N0} lost");

    internal void Say(string text) => console.WriteRaw(text + "\n");

    internal void Warn(string text)
    {
        console.Markup("[yellow]warning:[/] ");
        console.WriteRaw(CommandLine.OneLine(text) + "\n");
    }

    /// <param name="path">Where the profile was written.</param>
    /// <param name="summary">Of the capture.</param>
    /// <param name="top">Its top functions by self time.</param>
    /// <param name="files">The files it is in, when that is more than <paramref name="path"/>.</param>
    internal void Summarize(string path, CaptureSummary summary, IReadOnlyList<TopFunction> top, IReadOnlyList<string>? files = null)
    {
        console.WriteLine();
        ShowWritten(path, summary, files);
        Say($"  engine  {summary.Engine}");
        Say($"  clock   {summary.Clock}");
        Say(Invariant($"  rate    {Rate(summary)}"));
        ShowLosses(summary);
        // Where few functions ran, the ranking goes on with those that only called them.
        var shown = top.Where(row => row.ExclusiveNanos > 0).ToList();
        if (shown.Count > 0)
        {
            console.WriteLine();
            ShowTop(console, shown, "Top functions by self time", shorten: true);
        }

        console.WriteLine();
        Say($"Open it:  go tool pprof -http=: {ShellWord(path)}   or drop it on https://www.speedscope.app");
    }

    /// <summary>The same for one of several profiles that matters less: what was written and what went wrong.</summary>
    internal void SummarizeBriefly(string path, CaptureSummary summary, IReadOnlyList<string>? files = null)
    {
        ShowWritten(path, summary, files);
        ShowLosses(summary);
    }

    private void ShowWritten(string path, CaptureSummary summary, IReadOnlyList<string>? files)
    {
        Say(Invariant($"Wrote {path}: {summary.Samples:N0} samples, {Seconds(summary.CpuNanos)} of CPU time in {summary.Duration.TotalSeconds:N1} s"));
        if (files is null || files.Count < 2) return;
        Say(Invariant($"  parts   {files.Count}, each a profile of its own stretch of time; with the first one:"));
        foreach (string file in files.Skip(1)) Say($"          {file}");
    }

    private void ShowLosses(CaptureSummary summary)
    {
        if (summary.UnsampledNanos > 0) Say($"  no sample stands for {Seconds(summary.UnsampledNanos)} of CPU time; it is in the profile as [unsampled threads]");
        if (summary.Losses.Count > 0)
            Say("  lost    " + string.Join(", ", summary.Losses.Select(loss => Invariant($"{loss.Count:N0} {loss.Reason}"))));
        foreach (string warning in summary.Warnings) Warn(warning);
    }

    internal static void ShowTop(IAnsiConsole console, IReadOnlyList<TopFunction> top, string title, bool shorten)
    {
        console.MarkupLineInterpolated($"[bold]{title}[/]");
        var columns = new Columns(["self", "", "total", "", "function"], index => index < 4);
        foreach (var row in top)
        {
            columns.Add(
                Seconds(row.ExclusiveNanos),
                Percent(row.ExclusivePercent),
                Seconds(row.InclusiveNanos),
                Percent(row.InclusivePercent),
                shorten ? WithoutArguments(row.Name) : row.Name);
        }

        columns.Write(console, shorten ? Cut.Start : Cut.Nothing);
    }

    /// <summary>Cuts a method's arguments, but not parentheses inside its name, as in lambdas and explicit interfaces.</summary>
    internal static string WithoutArguments(string name)
    {
        if (!name.EndsWith(')')) return name;
        int depth = 0;
        for (int i = name.Length - 1; i > 0; i--)
        {
            if (name[i] == ')') depth++;
            if (name[i] == '(' && --depth == 0) return name[..i];
        }

        return name;
    }

    /// <summary>As it must be typed into a shell.</summary>
    internal static string ShellWord(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || "/._-+:@%".Contains(c)) ? text : EnvFormats.ShellQuote(text);

    private static string Rate(CaptureSummary summary)
    {
        string asked = Invariant($"{summary.RateAskedHz:N0} Hz");
        if (summary.RateNote.Length > 0 || summary.RateArmedHz != summary.RateAskedHz)
            asked += Invariant($" asked, {summary.RateArmedHz:N0} Hz armed");
        return summary.RateNote.Length > 0 ? $"{asked}: {summary.RateNote}" : asked;
    }

    private static string Seconds(long nanos) => Invariant($"{nanos / 1e9:N2} s");

    private static string Percent(double percent) => Invariant($"{percent:N1}%");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
