using System.CommandLine;
using System.Globalization;
using DotnetPprof.Region;
using DotnetPprof.Session;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Commands;

/// <summary><c>collect</c>: samples a process into a profile.</summary>
internal static class CollectCommand
{
    internal const string Name = "collect";

    private const int MaximumRateHz = 1_000_000;
    private const int MostBufferMegabytes = (int)(RegionLayout.RingsBytes >> 20);

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
        var overhead = OverheadOption.Create("2, or none when a rate is given");
        var engine = EngineOption();
        var buffer = BufferOption();
        var burst = BurstOption.Create();
        var tiers = new Option<bool>("--tiers") { Description = "Say behind each method's name how it was compiled: Tier0, Tier1, ReadyToRun and so on." };
        var symbols = new Option<string?>("--symbols") { Description = "Where PDBs are that do not lie beside their assemblies.", HelpName = "DIR" };
        var code = new Option<bool>("--code") { Description = "Keep the machine code of hot methods beside the profile, for `annotate`." };
        var annotate = new Option<string?>("--annotate") { Description = "Show this method's machine code with the samples of each instruction at the end.", HelpName = "METHOD" };
        var command = new Command(Name, "Sample a process into a profile: -p PID, -n NAME, or -- COMMAND ARGS... to launch one.")
        {
            pid, name, duration, output, rate, overhead, timestamps, clock, engine, buffer, burst, tiers, symbols, code, annotate,
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
                OverheadOption.Choose(parsed.GetValue(overhead), byDefault: parsed.GetResult(rate) is { Implicit: false } ? 0 : CollectOptions.DefaultMaxOverheadPpm),
                EngineNames.Parse(parsed.GetValue(engine)!))
            {
                BufferMegabytes = parsed.GetValue(buffer),
                Symbols = new SymbolOptions(parsed.GetValue(tiers), parsed.GetValue(symbols)),
                Code = parsed.GetValue(code),
                Annotate = parsed.GetValue(annotate),
                Burst = parsed.GetValue(burst),
            }.Checked();
            return options.Command is null ? new AttachRun(services, options).Run() : new LaunchRun(services, options).Run();
        });
        return command;
    }

    private static Option<string> ClockOption() => NameOption(
        "--clock",
        "CLOCK",
        $"What samples are stamped by: {ClockNames.All}. auto takes the cheapest that passes its probes.",
        "a clock",
        ClockNames.Variable,
        ClockNames.Default,
        ClockNames.Names);

    private static Option<string> EngineOption() => NameOption(
        "--engine",
        "ENGINE",
        $"What takes the samples: {EngineNames.All}. auto takes perf where the kernel permits it, which costs less and sends no signals, else timer, which works everywhere.",
        "an engine",
        EngineNames.Variable,
        EngineNames.Default,
        EngineNames.Names);

    /// <summary>An option with a few names to choose from, for which a variable can stand in.</summary>
    private static Option<string> NameOption(
        string name, string help, string description, string what, string variable, string otherwise, IReadOnlyList<string> names)
    {
        string all = string.Join(", ", names);
        var option = new Option<string>(name)
        {
            Description = description,
            HelpName = help,
            DefaultValueFactory = result =>
            {
                if (Environment.GetEnvironmentVariable(variable) is not { Length: > 0 } given) return otherwise;
                if (names.Contains(given)) return given;
                result.AddError($"{variable} is '{given}', which is not {what}; there are {all}");
                return otherwise;
            },
            CustomParser = result =>
            {
                string given = result.Tokens[0].Value;
                if (names.Contains(given)) return given;
                result.AddError($"'{given}' is not {what}; there are {all}");
                return otherwise;
            },
        };
        option.CompletionSources.Add([.. names]);
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

    private static Option<int> BufferOption() => new("--buffer-mb")
    {
        Description = $"The most memory that samples may take in the process until they are drained, in MiB. Default: {CaptureOptions.DefaultBufferMegabytes}.",
        HelpName = "MB",
        DefaultValueFactory = _ => CaptureOptions.DefaultBufferMegabytes,
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int megabytes) && megabytes is >= 1 and <= MostBufferMegabytes) return megabytes;
            result.AddError($"'{result.Tokens[0].Value}' is not a number of MiB between 1 and {MostBufferMegabytes}");
            return 0;
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
