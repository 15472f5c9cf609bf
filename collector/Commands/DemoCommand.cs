using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using DotnetPprof.Model;

namespace DotnetPprof.Commands;

/// <summary><c>demo</c>: profiles the bundled workload, to show what comes out.</summary>
internal static class DemoCommand
{
    private const string DefaultOutput = "demo.pb.gz";
    private static readonly TimeSpan s_defaultDuration = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_margin = TimeSpan.FromMinutes(1);

    internal static string WorkloadPath => Path.Combine(AppContext.BaseDirectory, "demo", "DemoWorkload.dll");

    internal static Command Create(CommandServices services)
    {
        var duration = CollectCommand.DurationOption();
        duration.Description = "How long to sample. Default: 5s.";
        var rate = CollectCommand.RateOption();
        var output = new Option<string>("--output", "-o") { Description = "Where the profile goes.", HelpName = "FILE", DefaultValueFactory = _ => DefaultOutput };
        var command = new Command("demo", "Profile a bundled workload and leave demo.pb.gz here.") { duration, rate, output };
        command.SetAction(parsed =>
        {
            if (!File.Exists(WorkloadPath)) throw new UserError(ExitCode.Platform, $"the bundled workload is missing: there is no '{WorkloadPath}'");
            var time = parsed.GetValue(duration) ?? s_defaultDuration;
            // It ends by itself should we be killed before we can stop it.
            string atMost = (time + s_margin).TotalSeconds.ToString(CultureInfo.InvariantCulture);
            var options = new CollectOptions(
                null,
                null,
                [DotnetHost(), "exec", WorkloadPath, atMost],
                time,
                parsed.GetValue(output),
                parsed.GetValue(rate),
                Timestamps: false);
            return new LaunchRun(services, options) { IsOwnProgram = true }.Run();
        });
        return command;
    }

    /// <summary>The host that belongs to the runtime we run on: ROOT/shared/Microsoft.NETCore.App/VERSION is its folder.</summary>
    internal static string DotnetHost() =>
        Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
}
