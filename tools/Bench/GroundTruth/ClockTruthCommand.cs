using System.CommandLine;
using DotnetPprof.Bench.Reporting;

namespace DotnetPprof.Bench.GroundTruth;

/// <summary><c>clock-truth</c>: is the wall-clock time that ticks are mapped to the time that somebody else read?</summary>
internal static class ClockTruthCommand
{
    private const string Name = "clock-truth";

    internal static Command Create()
    {
        var minutes = new Option<double>("--minutes") { Description = "Length of the capture.", DefaultValueFactory = _ => 10 };
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var output = new Option<string>("--output", "-o") { Description = "Where to write the results.", HelpName = "DIR", DefaultValueFactory = _ => ResultFiles.DefaultDirectory() };
        var command = new Command(Name, "Captures a program and compares the mapping of ticks with readings that it was never given.") { minutes, json, output };
        command.SetAction(parsed =>
        {
            var report = new ClockTruthReport(MachineDescription.Read(), ClockTruthRun.Run(TimeSpan.FromMinutes(parsed.GetValue(minutes))));
            string asJson = ResultFiles.ToJson(report);
            string asText = report.ToMarkdown();
            Console.WriteLine(parsed.GetValue(json) ? asJson : asText);
            ResultFiles.Write(parsed.GetRequiredValue(output), Name, report.Machine.ShortName, asText, asJson);
        });
        return command;
    }
}
