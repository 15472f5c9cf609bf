using System.Security.Cryptography;
using System.Text;

namespace DotnetPprof.HarmPrograms;

/// <summary>
/// Packages: cases over three public packages, an interpreter, a parser of Markdown and one of JSON, all of them the same
/// in every run, on as many threads as there are processors. Waits for a line between "ready" and the cases; then prints
/// "case NAME RESULT" for every case, in order, with a hash of what the package gave or the exception it threw.
/// </summary>
internal static class Program
{
    private static void Main()
    {
        (string Name, Func<string> Run)[] cases = [.. JsonCases.All(), .. MarkdownCases.All(), .. ScriptCases.All()];
        Console.WriteLine("ready");
        Console.ReadLine();
        string[] results = new string[cases.Length];
        Parallel.For(0, cases.Length, i => results[i] = Result(cases[i].Run));
        for (int i = 0; i < cases.Length; i++)
            Console.WriteLine($"case {cases[i].Name} {results[i]}");
    }

    private static string Result(Func<string> run)
    {
        string text;
        try
        {
            text = run();
        }
        catch (Exception e)
        {
            /* Many cases are wrong on purpose. */
            text = $"{e.GetType().FullName}: {e.Message}";
        }
        return $"{text.Length} {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";
    }
}
