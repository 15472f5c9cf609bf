using System.CommandLine;
using DotnetPprof.Bench.Reporting;
using DotnetPprof.ServeSoak;

var minutes = new Option<double>("--minutes") { Description = "How long each.", DefaultValueFactory = _ => 2 };
var kills = new Option<int>("--kills") { Description = "gaps: how often the service, and `serve`, is killed.", DefaultValueFactory = _ => 3 };
var services = new Option<int>("--services") { Description = "churn: how many there are at a time.", DefaultValueFactory = _ => 50 };
var seed = new Option<int?>("--seed") { Description = "Chooses all that is chosen at random. Default: another one every time; it is printed." };
var output = new Option<string?>("--output", "-o") { Description = "A directory to keep the report in, such as tools/results.", HelpName = "DIR" };

var root = new RootCommand("Runs `serve` for long, and checks what it promises.")
{
    Scenario("gaps", "One service under load; it and `serve` are killed now and then: is anything missing that need not be?", [kills], parsed => new GapsRun(parsed.Minutes, parsed.Random, parsed.Kills).Run()),
    Scenario("churn", "Services that come and go: what `serve` takes, and whether every end leaves a closed file.", [services], parsed => new ChurnRun(parsed.Minutes, parsed.Random, parsed.Services).Run()),
    Scenario("receivers", "Receivers good, bad and absent: does the service notice, and do the counts add up?", [], parsed => new ReceiversRun(parsed.Minutes).Run()),
};
return root.Parse(args).Invoke();

Command Scenario(string name, string description, Option[] own, Func<Arguments, Task<Findings>> run)
{
    var command = new Command(name, description) { minutes, seed, output };
    foreach (Option option in own)
        command.Add(option);
    command.SetAction(async (parsed, _) =>
    {
        int chosen = parsed.GetValue(seed) ?? Random.Shared.Next(1_000_000);
        MachineDescription machine = MachineDescription.Read();
        double length = parsed.GetValue(minutes);
        Findings findings = await run(new Arguments(TimeSpan.FromMinutes(length), new Random(chosen), parsed.GetValue(kills), parsed.GetValue(services)));
        string text = findings.ToMarkdown($"serve, {name}: {length:0.#} minutes, seed {chosen}", $"dotnet run -c Release --project tools/ServeSoak -- {string.Join(' ', args)}", machine);
        Console.WriteLine(text);
        if (parsed.GetValue(output) is { } directory)
            ResultFiles.Write(directory, $"serve-{name}", machine.ShortName, text, ResultFiles.ToJson(findings));
        return findings.Problems.Count == 0 ? 0 : 1;
    });
    return command;
}

/// <summary>What a scenario is told.</summary>
internal sealed record Arguments(TimeSpan Minutes, Random Random, int Kills, int Services);
