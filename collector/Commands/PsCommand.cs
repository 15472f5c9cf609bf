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

        var columns = new Columns(["PID", "NAME", "RUNTIME", "AGENT", "COMMAND"], index => index == 0);
        foreach (var process in processes)
        {
            columns.Add(
                $"{process.Pid}",
                process.Name,
                process.RuntimeVersion ?? "no answer",
                InWords(process.Agent),
                string.Join(' ', process.CommandLine.Select(CaptureView.ShellWord)));
        }

        columns.Write(console, Cut.End);
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
