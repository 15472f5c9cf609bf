using System.CommandLine;
using System.Globalization;
using DotnetPprof.Session;

namespace DotnetPprof.Commands;

/// <summary><c>collect</c>: samples a process into a profile.</summary>
internal static class CollectCommand
{
    internal const string Name = "collect";

    private const int MaximumRateHz = 1_000_000;

    /// <param name="services">What it works with.</param>
    /// <param name="launched">What came after "--", null when there was none.</param>
    internal static Command Create(CommandServices services, string[]? launched)
    {
        var pid = PidOption("The process to profile, by its id.");
        var name = new Option<string?>("--name", "-n") { Description = "The process to profile, by its name.", HelpName = "NAME" };
        var duration = DurationOption();
        var output = new Option<string?>("--output", "-o") { Description = "Where the profile goes. Default: NAME_yyyyMMdd_HHmmss.pb.gz", HelpName = "FILE" };
        var rate = RateOption();
        var timestamps = new Option<bool>("--timestamps") { Description = "Keep every sample apart, with its wall-clock time as the label end_timestamp_ns." };
        var clock = ClockOption();
        var overhead = OverheadOption.Create();
        var command = new Command(Name, "Sample a process into a profile: -p PID, -n NAME, or -- COMMAND ARGS... to launch one.")
        {
            pid, name, duration, output, rate, overhead, timestamps, clock,
        };
        command.SetAction(parsed =>
        {
            var options = new CollectOptions(
                parsed.GetValue(pid),
                parsed.GetValue(name),
                launched,
                parsed.GetValue(duration),
                parsed.GetValue(output),
                parsed.GetValue(rate),
                parsed.GetValue(timestamps),
                ClockNames.Parse(parsed.GetValue(clock)!),
                OverheadOption.Choose(parsed.GetValue(overhead), parsed.GetResult(rate) is { Implicit: false })).Checked();
            return options.Command is null ? new AttachRun(services, options).Run() : new LaunchRun(services, options).Run();
        });
        return command;
    }

    private static Option<string> ClockOption()
    {
        var option = new Option<string>("--clock")
        {
            Description = $"What samples are stamped by: {ClockNames.All}. auto takes the cheapest that passes its probes.",
            HelpName = "CLOCK",
            DefaultValueFactory = result =>
            {
                if (Environment.GetEnvironmentVariable(ClockNames.Variable) is not { Length: > 0 } name) return ClockNames.Default;
                if (ClockNames.Names.Contains(name)) return name;
                result.AddError($"{ClockNames.Variable} is '{name}', which is not a clock; there are {ClockNames.All}");
                return ClockNames.Default;
            },
            CustomParser = result =>
            {
                string name = result.Tokens[0].Value;
                if (ClockNames.Names.Contains(name)) return name;
                result.AddError($"'{name}' is not a clock; there are {ClockNames.All}");
                return ClockNames.Default;
            },
        };
        option.CompletionSources.Add([.. ClockNames.Names]);
        return option;
    }

    internal static Option<TimeSpan?> DurationOption() => new("--duration", "-d")
    {
        Description = $"How long to sample: {Durations.Forms}. Default: until Ctrl-C, Enter, or the target ends.",
        HelpName = "TIME",
        CustomParser = result =>
        {
            if (Durations.TryParse(result.Tokens[0].Value, out var time)) return time;
            result.AddError($"'{result.Tokens[0].Value}' is not a duration such as {Durations.Forms}");
            return null;
        },
    };

    internal static Option<int?> PidOption(string description) => new("--process-id", "-p")
    {
        Description = description,
        HelpName = "PID",
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) && pid > 0) return pid;
            result.AddError($"'{result.Tokens[0].Value}' is not a process id");
            return null;
        },
    };

    internal static Option<int> RateOption() => new("--rate", "-r")
    {
        Description = "Samples per second of CPU time.",
        HelpName = "HZ",
        DefaultValueFactory = _ => CollectOptions.DefaultRateHz,
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int hz) && hz is >= 1 and <= MaximumRateHz) return hz;
            result.AddError($"'{result.Tokens[0].Value}' is not a rate between 1 and {MaximumRateHz} Hz");
            return 0;
        },
    };
}
