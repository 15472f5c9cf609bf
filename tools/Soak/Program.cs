using System.CommandLine;
using DotnetPprof.Bench.Reporting;
using DotnetPprof.Interop;
using DotnetPprof.Soak;

var minutes = new Option<double>("--minutes") { Description = "How long.", DefaultValueFactory = _ => 2 };
var engine = new Option<string>("--engine") { Description = "What samples: timer, perf, both in turns, or none, which tries the workload alone.", DefaultValueFactory = _ => "both" };
engine.AcceptOnlyFromAmong("timer", "perf", "both", "none");
var seed = new Option<int?>("--seed") { Description = "Chooses all that is chosen at random. Default: another one every time; it is printed." };
var life = new Option<int?>("--life") { Description = "Only the target of this number, to see a finding again." };
var json = new Option<bool>("--json") { Description = "Print JSON." };
var output = new Option<string?>("--output", "-o") { Description = "A directory to keep the report in, such as tools/results.", HelpName = "DIR" };
var root = new RootCommand("Hurts a program that checks all it computes, by sampling it in every way at once, and reports what went wrong.")
{
    minutes, engine, seed, life, json, output,
};
root.SetAction(parsed =>
{
    string wanted = parsed.GetRequiredValue(engine);
    if (wanted is "perf" or "both" && MachineInterop.TryPerfEvent(excludeKernel: true) is not 0 and int error)
    {
        Console.Error.WriteLine($"soak: perf_event_open is refused here (errno {error}): {(wanted == "perf" ? "nothing to do" : "the timer engine alone")}");
        if (wanted == "perf")
            return 0;
        wanted = "timer";
    }
    int chosen = parsed.GetValue(seed) ?? Random.Shared.Next(1_000_000);
    var run = new SoakRun(wanted, chosen, TimeSpan.FromMinutes(parsed.GetValue(minutes)), parsed.GetValue(life));
    SoakReport report = run.Run();
    string asJson = ResultFiles.ToJson(report), asText = report.ToMarkdown();
    Console.WriteLine(parsed.GetValue(json) ? asJson : asText);
    if (parsed.GetValue(output) is { } directory)
        ResultFiles.Write(directory, $"soak-{wanted}", report.Machine.ShortName, asText, asJson);
    return report.Problems.Count == 0 ? 0 : 1;
});
return root.Parse(args).Invoke();
