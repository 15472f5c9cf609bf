using System.ComponentModel;
using System.Diagnostics;

namespace DotnetPprof.Bench.Clock;

/// <summary>
/// Profiles native/routine_loop with perf, where there is one: the handler called as a function. In the other mode an
/// interrupt that came due in the kernel, which delivers signals with interrupts off, is taken at the handler's first
/// instruction and charged to it.
/// </summary>
internal static class PerfShare
{
    /// <returns>One result for each clock, or none and the reason.</returns>
    internal static (IReadOnlyList<PerfResult> Results, string? Skipped) Run(IEnumerable<string> clocks, bool quick)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("bench");
        try
        {
            string data = Path.Combine(directory.FullName, "perf.data");
            var results = new List<PerfResult>();
            foreach (string clock in clocks)
            {
                string[] command = RoutineRun.Command("direct", 1, quick ? 3_000_000 : 20_000_000, clock);
                var recorded = Tool(["record", "-e", "task-clock", "-F", "10000", "-o", data, "--", .. command]);
                if (recorded.Exit != 0)
                    return ([], "perf record failed: " + recorded.Error.Trim().Split('\n')[0]);
                results.Add(PerfResult.Read(clock, Tool("script", "-i", data, "-F", "ip,sym,dso").Output));
            }
            return (results, null);
        }
        catch (Win32Exception)
        {
            return ([], "perf is not installed");
        }
        catch (FormatException e)
        {
            return ([], e.Message);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static (int Exit, string Output, string Error) Tool(params string[] arguments)
    {
        var start = new ProcessStartInfo("perf", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
