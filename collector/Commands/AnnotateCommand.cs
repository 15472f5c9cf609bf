using System.CommandLine;
using DotnetPprof.Annotate;
using Spectre.Console;

namespace DotnetPprof.Commands;

/// <summary><c>annotate PROFILE METHOD</c>: a method's machine code with its samples and source lines.</summary>
internal static class AnnotateCommand
{
    /// <summary>More bodies of one method than this are not shown: it is compiled again for each tier.</summary>
    private const int MostBodies = 4;

    internal static Command Create(CommandServices services)
    {
        var profile = new Argument<string>("profile") { Description = "A profile that `collect --code` wrote." };
        var method = new Argument<string>("method") { Description = "The method, as the profile names it, or a part of its name." };
        var command = new Command("annotate", "Show a method's machine code with the samples of each instruction.") { profile, method };
        command.SetAction(parsed =>
        {
            IReadOnlyList<HotBody> bodies = CodeFile.Read(CodeFile.BesideProfile(parsed.GetRequiredValue(profile)));
            Show(services.Output, bodies, parsed.GetRequiredValue(method));
        });
        return command;
    }

    internal static void Show(IAnsiConsole console, IReadOnlyList<HotBody> bodies, string method)
    {
        foreach (HotBody body in BodyListing.Matching(bodies, method).Take(MostBodies))
        {
            console.WriteLine();
            foreach (string line in BodyListing.Lines(body)) console.WriteRaw(line + "\n");
        }
    }
}
