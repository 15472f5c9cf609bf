using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using DotnetPprof.Doctor;
using DotnetPprof.Model;
using Spectre.Console;

namespace DotnetPprof.Commands;

/// <summary><c>doctor</c>: what this machine, this user and a process allow, and the mend for what they do not.</summary>
internal static class DoctorCommand
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        // Values are paths and words for people, not HTML.
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    internal static Command Create(CommandServices services)
    {
        var pid = CollectCommand.PidOption("Look at this process too.");
        var json = new Option<bool>("--json") { Description = "For scripts." };
        var command = new Command("doctor", "Check what this machine and this user allow, and how to mend what is missing.") { pid, json };
        command.SetAction(parsed =>
        {
            var findings = MachineChecks.Run(services.AgentPath).ToList();
            if (parsed.GetValue(pid) is { } process) findings.AddRange(TargetChecks.Run(process, services.Agents, services.AgentPath));
            bool works = findings.All(finding => finding.Level != FindingLevel.Problem);
            if (parsed.GetValue(json)) services.Output.WriteRaw(JsonSerializer.Serialize(new { works, findings }, s_json) + "\n");
            else Show(services.Output, findings, works);
            return (int)(works ? ExitCode.Ok : ExitCode.Platform);
        });
        return command;
    }

    private static void Show(IAnsiConsole console, List<Finding> findings, bool works)
    {
        var table = Consoles.PlainTable();
        table.AddColumn(new TableColumn("").NoWrap());
        table.AddColumn(new TableColumn("CHECK").NoWrap());
        table.AddColumn("FOUND");
        table.AddColumn("MEANING");
        foreach (var finding in findings)
        {
            (string mark, var color) = finding.Level switch
            {
                FindingLevel.Ok => ("ok", Color.Green),
                FindingLevel.Limit => ("limit", Color.Yellow),
                _ => ("problem", Color.Red),
            };
            string meaning = finding.Mend.Length == 0 ? finding.Meaning : $"{finding.Meaning}. Mend: {finding.Mend}";
            table.AddRow(new Text(mark, new Style(color)), new Text(finding.Check), new Text(finding.Value), new Text(meaning));
        }

        console.WriteTable(table);
        console.WriteLine();
        console.WriteLine(works ? "Profiling works here." : "Profiling does not work until the problems are mended.");
    }
}
