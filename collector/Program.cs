using DotnetPprof.Commands;
using DotnetPprof.Session;


namespace DotnetPprof;

internal static class Program
{
    private static int Main(string[] args)
    {
        var output = Consoles.Create(Console.Out, Console.IsOutputRedirected);
        var error = Consoles.Create(Console.Error, Console.IsErrorRedirected);
        return CommandLine.Run(args, new CommandServices(
            output,
            error,
            new CaptureFactory(AgentVariables.DefaultAgentPath),
            new RegionAgentProbe(),
            new ProfileStore(),
            AgentVariables.DefaultAgentPath));
    }
}
