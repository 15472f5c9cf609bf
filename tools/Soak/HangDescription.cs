using System.Diagnostics;

namespace DotnetPprof.Soak;

/// <summary>Where the threads of a process stand that does not go on.</summary>
internal static class HangDescription
{
    internal static string Of(int pid)
    {
        string path = Path.Combine(Path.GetTempPath(), $"soak-hang-{pid}.txt");
        try
        {
            using var text = new StreamWriter(path);
            foreach (string task in Directory.GetDirectories($"/proc/{pid}/task"))
            {
                string[] status = File.ReadAllLines(task + "/status");
                text.WriteLine($"{Path.GetFileName(task)}: {Read(task, "comm")}, waits in {Read(task, "wchan")}, call {Read(task, "syscall")}");
                text.WriteLine("    " + string.Join(", ", status.Where(line => line.StartsWith("State", StringComparison.Ordinal) || line.StartsWith("Sig", StringComparison.Ordinal))));
            }
            text.Flush();
            using var debugger = Process.Start(new ProcessStartInfo("gdb", ["-p", $"{pid}", "-batch", "-ex", "thread apply all bt 30"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            debugger.ErrorDataReceived += (_, _) => { };
            debugger.BeginErrorReadLine();
            text.WriteLine(debugger.StandardOutput.ReadToEnd());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            /* It is gone, or there is no gdb: what was written before is what is known. */
        }
        return $"{Summary(pid)}; its threads are described in {path}";
    }

    /* What is left of it where nobody can fetch the file. */
    private static string Summary(int pid)
    {
        try
        {
            string[] states = [.. Directory.GetDirectories($"/proc/{pid}/task").Select(task => $"{State(task)} {Read(task, "comm")} in {Read(task, "wchan")}")];
            return $"{states.Length} threads: " + string.Join(", ", states.CountBy(state => state).OrderByDescending(group => group.Value).Take(12).Select(group => $"{group.Value}x {group.Key}"));
        }
        catch (IOException)
        {
            return "it is gone";
        }
    }

    private static string State(string task) => Read(task, "stat").Split(") ", 2) is [_, var rest] ? rest[..1] : "?";

    private static string Read(string task, string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, file)).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "?";
        }
    }
}
