using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using DotnetPprof.Bench.Processes;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.Bench.Convert;

/// <summary><c>convert</c>: region capture to pprof at several sizes, each in a process of its own for its memory's sake.</summary>
internal static class ConvertCommand
{
    private const double Million = 1e6;
    private static readonly double[] sizes = [1, 10, 50];

    private static readonly Option<double[]> millions = new("--millions", "-m")
    {
        Description = "Samples, in millions.",
        HelpName = "N",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => sizes,
    };

    private static readonly Option<string> folder = new("--folder")
    {
        Description = "Where profiles are put, and deleted again; 50 million samples with times take 4 GB.",
        HelpName = "DIR",
        DefaultValueFactory = _ => Path.GetTempPath(),
    };

    private static readonly Option<bool> json = new("--json") { Description = "Print JSON." };
    private static readonly Option<bool> keep = new("--keep") { Description = "Leave the profiles." };
    private static readonly Option<string?> one = new("--one") { Description = "One measurement, in this process: plain or timed.", Hidden = true };

    internal static Command Create()
    {
        var command = new Command("convert", "What turning samples into a profile takes: seconds, peak memory, bytes.") { millions, folder, json, keep, one };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        string directory = parsed.GetRequiredValue(folder);
        double[] counts = parsed.GetRequiredValue(millions);
        if (parsed.GetValue(one) is { } kind)
        {
            string output = Path.Combine(directory, $"convert-{kind}-{Text(counts[0])}.pb.gz");
            Console.WriteLine(JsonSerializer.Serialize(ConvertBenchmark.Run((long)(counts[0] * Million), kind == "timed", output)));
            if (!parsed.GetValue(keep))
                Directory.GetFiles(directory, $"convert-{kind}-{Text(counts[0])}.*").ToList().ForEach(File.Delete);
            return 0;
        }
        MachineDescription machine = MachineDescription.Read();
        List<ConvertResult> results = [.. counts.SelectMany(count => new[] { "plain", "timed" }.Select(kind => Measure(count, kind, directory, parsed.GetValue(keep))))];
        var report = new ConvertReport(results, machine);
        Console.WriteLine(parsed.GetValue(json) ? ResultFiles.ToJson(report) : report.ToMarkdown());
        ResultFiles.Write(ResultFiles.DefaultDirectory(), "convert", machine.ShortName, report.ToMarkdown(), ResultFiles.ToJson(report));
        return 0;
    }

    private static ConvertResult Measure(double count, string kind, string directory, bool keepFiles)
    {
        List<string> arguments = ["convert", "--one", kind, "--millions", Text(count), "--folder", directory];
        if (keepFiles)
            arguments.Add("--keep");
        using ChildProgram child = ChildProgram.StartSelf(arguments);
        string output = child.ReadLine(Timeout.InfiniteTimeSpan);
        return child.WaitForExit(Timeout.InfiniteTimeSpan) == 0 && JsonSerializer.Deserialize<ConvertResult>(output) is { } result
            ? result
            : throw new BenchException($"converting {Text(count)} million samples ({kind}) failed: {child.Complaint}");
    }

    private static string Text(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
}

/// <summary>All of one run.</summary>
internal sealed record ConvertReport(IReadOnlyList<ConvertResult> Results, MachineDescription Machine)
{
    public string ToMarkdown()
    {
        var table = new TextTable(
            ["samples", "times", "drain", "per sample", "write", "together", "CPU", "peak while draining", "peak", "before", "written", "files"],
            0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
        foreach (ConvertResult r in Results)
        {
            table.Add(
                Invariant($"{r.Samples:N0}"), r.Timestamps ? "each" : "no", Invariant($"{r.DrainSeconds:0.0} s"), Invariant($"{r.DrainNanosPerSample:0} ns"),
                Invariant($"{r.WriteSeconds:0.0} s"), Invariant($"{r.Seconds:0.0} s"), Invariant($"{r.CpuSeconds:0.0} s"), Megabytes(r.DrainPeakBytes), Megabytes(r.PeakBytes),
                Megabytes(r.BaseBytes), Megabytes(r.OutputBytes), Invariant($"{r.Files}"));
        }
        return $"{table}\n{Machine.ToMarkdown()}";
    }

    private static string Megabytes(long bytes) => Invariant($"{bytes / 1e6:N0} MB");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
