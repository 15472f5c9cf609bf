using System.CommandLine;
using System.CommandLine.Help;
using System.Net.Sockets;
using DotnetPprof.Model;
using Microsoft.Diagnostics.NETCore.Client;
using Spectre.Console;

namespace DotnetPprof.Commands;

/// <summary>The command line: parses, runs, and turns what goes wrong into one line and an exit code.</summary>
internal static class CommandLine
{
    private const string TraceVariable = "DOTNET_PPROF_TRACE";

    internal static int Run(string[] args, CommandServices services)
    {
        try
        {
            (string[] own, string[]? launched) = SplitLaunched(args);
            own = ServeCommand.WithVariables(own, Variables());
            var root = new RootCommand("A sampling profiler for .NET services on Linux.")
            {
                CollectCommand.Create(services, launched),
                ServeCommand.Create(services),
                ReportCommand.Create(services),
                AnnotateCommand.Create(services),
                PsCommand.Create(services),
                EnvCommand.Create(services),
                DoctorCommand.Create(services),
                DemoCommand.Create(services),
            };
            // An argument that begins with '@' is a name here, not a file of arguments.
            var parsed = root.Parse(own, new ParserConfiguration { ResponseFileTokenReplacer = null });
            if (parsed.Errors.Count > 0 && parsed.Action is not HelpAction)
                throw new UserError(ExitCode.Argument, $"{parsed.Errors[0].Message.TrimEnd('.')}; see --help");
            if (launched is not null && parsed.CommandResult.Command.Name != CollectCommand.Name)
                throw new UserError(ExitCode.Argument, "only `collect` takes a command after --; see --help");
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception error)
        {
            return Report(error, services.Error);
        }
    }

    private static Dictionary<string, string> Variables() => Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
        .ToDictionary(variable => (string)variable.Key, variable => (string)variable.Value!, StringComparer.Ordinal);

    /// <summary>What comes after the first "--" belongs to the launched program, whatever it looks like.</summary>
    internal static (string[] Own, string[]? Launched) SplitLaunched(string[] args)
    {
        int dashes = Array.IndexOf(args, "--");
        return dashes < 0 ? (args, null) : (args[..dashes], args[(dashes + 1)..]);
    }

    /// <summary>Prints one line and gives the exit code.</summary>
    internal static int Report(Exception error, IAnsiConsole console)
    {
        var code = error switch
        {
            UserError known => known.Code,
            DiagnosticsClientException or SocketException => ExitCode.SessionCreation,
            _ => ExitCode.Unknown,
        };
        string text = error is UserError ? error.Message : $"{error.GetType().Name}: {error.Message}";
        if (error is not UserError) text += $" (set {TraceVariable}=1 for the details)";
        console.MarkupInterpolated($"[red]error:[/] ");
        console.WriteRaw(OneLine(text) + "\n");
        if (Environment.GetEnvironmentVariable(TraceVariable) == "1") console.WriteRaw(error + "\n");
        return (int)code;
    }

    internal static string OneLine(string text) =>
        string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
