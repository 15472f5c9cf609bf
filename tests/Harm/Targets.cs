using DotnetPprof.Session;
using DotnetPprof.Symbolize;
using Microsoft.Diagnostics.NETCore.Client;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>Starts the programs that are to be hurt, up to where they say that they are ready.</summary>
internal static class Targets
{
    internal static IEnumerable<(string Name, string Value)> AgentVariables => DotnetPprof.Session.AgentVariables.For(BuiltFiles.Agent, null);

    internal static Child Start(string program, params string[] arguments) => Ready(Child.Start(BuiltFiles.Program(program), arguments));

    internal static Child StartWithAgent(string program, params string[] arguments) =>
        Ready(Child.Start(BuiltFiles.Program(program), arguments, AgentVariables));

    /// <summary>A capture driven from within the test process, for what is done many times.</summary>
    internal static ICapture Attach(Child target, string engine, int rateHz) =>
        new CaptureFactory(BuiltFiles.Agent).Attach(new CaptureOptions(target.Pid, rateHz, Timestamps: false, Engine: EngineNames.Parse(engine)));

    /// <summary>The same without asking the runtime for names.</summary>
    internal static ICapture AttachUnnamed(Child target, string engine, int rateHz)
    {
        var options = new CaptureOptions(target.Pid, rateHz, Timestamps: false, Engine: EngineNames.Parse(engine));
        return Capture.Start(options, new CaptureTarget(options, new DiagnosticsClient(target.Pid), new SharedSymbols()), MappedRegion.Find(target.Pid)!);
    }

    private static Child Ready(Child child)
    {
        try
        {
            Assert.Equal("ready", child.ReadLine());
            return child;
        }
        catch
        {
            child.Dispose();
            throw;
        }
    }
}
