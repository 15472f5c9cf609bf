using System.CommandLine;
using System.Globalization;
using DotnetPprof.Model;

namespace DotnetPprof.Commands;

/// <summary><c>report PROFILE topN</c>: the functions of a saved profile that took most time.</summary>
internal static class ReportCommand
{
    private const int DefaultCount = 5;

    internal static Command Create(CommandServices services)
    {
        var profile = new Argument<string>("profile") { Description = "A profile that `collect` wrote." };
        var number = new Option<int>("--number", "-n")
        {
            Description = "How many functions.",
            HelpName = "N",
            DefaultValueFactory = _ => DefaultCount,
            CustomParser = result =>
            {
                if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0) return count;
                result.AddError($"'{result.Tokens[0].Value}' is not a number of functions");
                return 0;
            },
        };
        var inclusive = new Option<bool>("--inclusive") { Description = "Rank by the time with callees, not by a function's own." };
        var verbose = new Option<bool>("--verbose", "-v") { Description = "Show the methods' arguments, and names in full." };
        var top = new Command("topN", "The functions that took most CPU time.") { number, inclusive, verbose };
        top.SetAction(parsed =>
        {
            string path = parsed.GetRequiredValue(profile);
            if (!File.Exists(path)) throw new UserError(ExitCode.Argument, $"there is no profile '{path}'");
            bool byTotal = parsed.GetValue(inclusive);
            var rows = services.Profiles.Top(path, parsed.GetValue(number), byTotal);
            CaptureView.ShowTop(services.Output, rows, $"Top {rows.Count} functions by {(byTotal ? "total" : "self")} time", shorten: !parsed.GetValue(verbose));
        });
        return new Command("report", "Show a saved profile.") { profile, top };
    }
}
