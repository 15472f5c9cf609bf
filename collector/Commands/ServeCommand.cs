using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using DotnetPprof.Model;
using DotnetPprof.Serve;

namespace DotnetPprof.Commands;

/// <summary><c>serve</c>: profiles services all the time, as a service itself.</summary>
internal static class ServeCommand
{
    internal const string Name = "serve";

    private const string Variables = "DOTNET_PPROF_SERVE_";
    internal const int DefaultRateHz = 100;

    /* Always on is to cost a busy service less than half a percent, on machines with dear interrupts too. A fifth of that is
       left for what the agent does not see when it measures a sample's cost, with warm caches. */
    internal const int DefaultMaxOverheadPpm = 4_000;
    private const string DefaultListen = "127.0.0.1:6060";
    private static readonly TimeSpan s_shortestWindow = TimeSpan.FromSeconds(5);

    internal static Command Create(CommandServices services)
    {
        var listen = new Option<string>("--listen") { Description = "Where to serve HTTP. Default: 127.0.0.1:6060", HelpName = "ADDR:PORT", DefaultValueFactory = _ => DefaultListen };
        var token = new Option<string?>("--token") { Description = "What requests must carry, as a bearer token or as a password. Better given by the variable.", HelpName = "TOKEN" };
        var insecure = new Option<bool>("--insecure-listen") { Description = "Listen beyond loopback without a token." };
        var output = new Option<string?>("--output", "-o") { Description = "The directory that windows go to. Default: none, they are only counted.", HelpName = "DIR" };
        Option<TimeSpan> window = TimeOption("--window", "Length of a window.", TimeSpan.FromMinutes(1));
        Option<TimeSpan> keep = TimeOption("--keep", "How long files are kept.", TimeSpan.FromDays(7));
        var keepMegabytes = new Option<int>("--keep-mb") { Description = "How many megabytes of files are kept.", HelpName = "MB", DefaultValueFactory = _ => 1024 };
        Option<int> rate = CollectCommand.RateOption();
        rate.DefaultValueFactory = _ => DefaultRateHz;
        Option<string?> overhead = OverheadOption.Create("0.4");
        var names = new Option<string[]>("--name", "-n") { Description = "Profile only processes or services of this name; * stands for anything.", HelpName = "NAME" };
        var exclude = new Option<string[]>("--exclude") { Description = "Leave processes or services of this name alone.", HelpName = "NAME" };
        var attachAll = new Option<bool>("--attach-all") { Description = "Load the agent into every .NET process that does not have it." };
        var command = new Command(Name, $"Profile services all the time: those started with `env`'s variables. Each option is a variable too: {Variables}WINDOW is --window.")
        {
            listen, token, insecure, output, window, keep, keepMegabytes, rate, overhead, names, exclude, attachAll,
        };
        var uploads = new UploadFlags();
        uploads.AddTo(command);
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(window) < s_shortestWindow)
                throw new UserError(ExitCode.Argument, $"a window must be {s_shortestWindow.TotalSeconds:0} s or longer");
            if (parsed.GetValue(keepMegabytes) < 1)
                throw new UserError(ExitCode.Argument, "--keep-mb must be 1 or more");
            IPEndPoint address = Address(parsed.GetValue(listen)!);
            string? secret = parsed.GetValue(token);
            if (secret is { Length: 0 })
                secret = null;
            if (!IPAddress.IsLoopback(address.Address) && secret is null && !parsed.GetValue(insecure))
                throw new UserError(ExitCode.Argument, $"{address} can be reached from other machines: give a token ({Variables}TOKEN), or --insecure-listen");
            ServeHost.Run(
                new ServeOptions(
                    address,
                    secret,
                    parsed.GetValue(output),
                    parsed.GetValue(window),
                    parsed.GetValue(keep),
                    parsed.GetValue(keepMegabytes) * 1_000_000L,
                    parsed.GetValue(rate),
                    OverheadOption.Choose(parsed.GetValue(overhead), DefaultMaxOverheadPpm),
                    parsed.GetValue(names) ?? [],
                    parsed.GetValue(exclude) ?? [],
                    parsed.GetValue(attachAll),
                    uploads.Read(parsed)),
                services.AgentPath);
            return (int)ExitCode.Ok;
        });
        return command;
    }

    /// <summary>Adds what variables say to the arguments, for each option that these do not give.</summary>
    /// <param name="arguments">The first is the command.</param>
    /// <param name="environment">All variables.</param>
    internal static string[] WithVariables(string[] arguments, IReadOnlyDictionary<string, string> environment)
    {
        if (arguments.Length == 0 || arguments[0] != Name)
            return arguments;
        List<string> all = [.. arguments];
        foreach ((string variable, string value) in environment.Order(Comparer<KeyValuePair<string, string>>.Create((left, right) => string.CompareOrdinal(left.Key, right.Key))))
        {
            if (!variable.StartsWith(Variables, StringComparison.Ordinal) || value.Length == 0 || IsOfKubernetes(variable[Variables.Length..]))
                continue;
            string option = "--" + variable[Variables.Length..].ToLowerInvariant().Replace('_', '-');
            if (IsGiven(arguments, option))
                continue;
            if (option is "--name" or "--exclude")
                all.AddRange(value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).SelectMany(name => new[] { option, name }));
            else if (option is "--attach-all" or "--insecure-listen")
                all.Add($"{option}={(value is "1" ? "true" : value is "0" ? "false" : value)}");
            else
                all.AddRange([option, value]);
        }
        return [.. all];
    }

    /// <summary>Pods beside a Service named dotnet-pprof-serve are given these.</summary>
    private static bool IsOfKubernetes(string name) =>
        name is "SERVICE_HOST" or "SERVICE_PORT" or "PORT"
        || name.StartsWith("SERVICE_PORT_", StringComparison.Ordinal)
        || name.StartsWith("PORT_", StringComparison.Ordinal);

    private static bool IsGiven(string[] arguments, string option)
    {
        string? alias = option switch { "--output" => "-o", "--name" => "-n", "--rate" => "-r", _ => null };
        return arguments.Any(argument => argument == option || argument == alias || argument.StartsWith(option + "=", StringComparison.Ordinal));
    }

    /// <summary>ADDR:PORT; "localhost", and nothing for every address, as Go's flags have it.</summary>
    private static IPEndPoint Address(string text)
    {
        string full = text.StartsWith(':') ? "0.0.0.0" + text : text.StartsWith("localhost:", StringComparison.OrdinalIgnoreCase) ? "127.0.0.1" + text["localhost".Length..] : text;
        int colon = full.LastIndexOf(':');
        if (colon > 0 && IPAddress.TryParse(full[..colon].Trim('[', ']'), out IPAddress? address) &&
            ushort.TryParse(full.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            return new IPEndPoint(address, port);
        }
        throw new UserError(ExitCode.Argument, $"'{text}' is not an address such as {DefaultListen} or [::1]:6060");
    }

    private static Option<TimeSpan> TimeOption(string name, string description, TimeSpan otherwise) => new(name)
    {
        Description = $"{description} {Durations.Forms}. Default: {(otherwise.TotalHours >= 1 ? $"{otherwise.TotalHours:0}h" : $"{otherwise.TotalSeconds:0}s")}",
        HelpName = "TIME",
        DefaultValueFactory = _ => otherwise,
        CustomParser = result =>
        {
            if (Durations.TryParse(result.Tokens[0].Value, out TimeSpan time))
                return time;
            result.AddError($"'{result.Tokens[0].Value}' is not a duration such as {Durations.Forms}");
            return otherwise;
        },
    };
}
