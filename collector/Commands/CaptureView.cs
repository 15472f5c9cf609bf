using System.Globalization;
using DotnetPprof.Model;
using DotnetPprof.Session;
using Spectre.Console;

namespace DotnetPprof.Commands;

/// <summary>What a person sees of a capture: one live line while it runs, a summary when it is done.</summary>
internal sealed class CaptureView(IAnsiConsole console)
{
    internal const int TopCount = 10;

    /* A shortfall of less is no news, or chance: so many standard deviations of as many samples as there should be. */
    private const double NearEnough = 0.97;
    private const double Chance = 4;

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
        if (Shortfall(summary) is { } shortfall) Say($"          {shortfall}");
        ShowLosses(summary);
        if (summary.Hint is { } hint) Say($"  hint    {hint}");
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
        if (summary.StackFlaws.Count > 0)
            Say("  stacks  " + string.Join(", ", summary.StackFlaws.Select(flaw => Invariant($"{flaw.Count:N0} {flaw.Reason}"))));
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

    /// <summary>Cuts a method's arguments, but not parentheses inside its name, nor the tier behind them.</summary>
    internal static string WithoutArguments(string name)
    {
        if (name.EndsWith(']') && name.LastIndexOf(") [", StringComparison.Ordinal) is > 0 and int tier)
            return WithoutArguments(name[..(tier + 1)]) + name[(tier + 1)..];
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
        if (summary.RateNote.Length > 0)
            asked += $": {summary.RateNote}";
        return summary.Burst is { } burst ? $"{asked}, for {burst}" : asked;
    }

    /// <summary>Said where it is not what was armed; where threads get less, their CPU time is complete all the same.</summary>
    private static string? Shortfall(CaptureSummary summary)
    {
        double due = summary.RateDeliveredHz > 0 ? summary.Samples * summary.RateArmedHz / summary.RateDeliveredHz : 0;
        return summary.Samples < NearEnough * due && due - summary.Samples > Chance * Math.Sqrt(due)
            ? Invariant($"{summary.RateDeliveredHz:N0} of {summary.RateArmedHz:N0} samples per second of CPU time came: threads that run for less than a kernel tick at a time, or share a core, get fewer; the CPU time is complete")
            : null;
    }

    private static string Seconds(long nanos) => Invariant($"{nanos / 1e9:N2} s");

    private static string Percent(double percent) => Invariant($"{percent:N1}%");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
