using System.CommandLine;
using DotnetPprof.Session;
using Spectre.Console;

namespace DotnetPprof.Commands;

/// <summary><c>ps</c>: the .NET processes that this user can profile.</summary>
internal static class PsCommand
{
    internal static Command Create(CommandServices services)
    {
        var command = new Command("ps", "List the .NET processes that can be profiled.");
        command.SetAction(_ => Show(services.Output, services.Discovery.List()));
        return command;
    }

    internal static void Show(IAnsiConsole console, IReadOnlyList<DotnetProcess> processes)
    {
        if (processes.Count == 0)
        {
            console.WriteRaw("No .NET process of this user runs.\n");
            return;
        }

        var table = Consoles.PlainTable();
        table.AddColumn(new TableColumn("PID").RightAligned().NoWrap());
        table.AddColumn(new TableColumn("NAME").NoWrap());
        table.AddColumn(new TableColumn("RUNTIME").NoWrap());
        table.AddColumn(new TableColumn("AGENT").NoWrap());
        table.AddColumn(new TableColumn("COMMAND").NoWrap());
        foreach (var process in processes)
        {
            table.AddRow(
                new Text($"{process.Pid}"),
                new Text(process.Name),
                new Text(process.RuntimeVersion ?? "no answer"),
                new Text(InWords(process.Agent)),
                new Text(string.Join(' ', process.CommandLine.Select(CaptureView.ShellWord))) { Overflow = Overflow.Ellipsis });
        }

        console.WriteTable(table);
    }

    private static string InWords(AgentPresence agent) => agent switch
    {
        AgentPresence.Absent => "-",
        AgentPresence.Asleep => "loaded",
        AgentPresence.Sampling => "sampling",
        AgentPresence.OtherVersion => "other version",
        _ => "?",
    };
}
