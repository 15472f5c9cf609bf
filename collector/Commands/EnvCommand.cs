using System.CommandLine;
using DotnetPprof.Model;
using DotnetPprof.Session;

namespace DotnetPprof.Commands;

/// <summary><c>env</c>: the variables with which a service loads the agent at its start.</summary>
internal static class EnvCommand
{
    internal static Command Create(CommandServices services)
    {
        var format = new Option<string>("--format")
        {
            Description = "shell: export lines; docker: ENV lines of a Dockerfile; systemd: Environment= lines of a unit; json.",
            HelpName = string.Join('|', EnvFormats.Names),
            DefaultValueFactory = _ => EnvFormats.Names[0],
        };
        var agent = new Option<string?>("--agent") { Description = "Where the service finds the agent's library, when that is not here, as in a container.", HelpName = "PATH" };
        var command = new Command("env", "Print the variables that attach the agent to a service: eval \"$(dotnet-pprof env)\".") { format, agent };
        command.SetAction(parsed =>
        {
            string? elsewhere = parsed.GetValue(agent);
            if (elsewhere is null && !File.Exists(services.AgentPath))
                throw new UserError(ExitCode.Platform, $"the agent's library is missing: there is no '{services.AgentPath}'");
            string? existing = Environment.GetEnvironmentVariable(AgentVariables.Profilers);
            var variables = AgentVariables.For(elsewhere ?? services.AgentPath, existing);
            services.Output.WriteRaw(EnvFormats.Render(parsed.GetValue(format)!, variables));
        });
        return command;
    }
}
