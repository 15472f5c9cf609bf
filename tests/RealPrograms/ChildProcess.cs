using System.Diagnostics;
using DotnetPprof.Interop;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>A program under a test's control: its output by lines, its end, and no way to outlive the test.</summary>
internal class ChildProcess : IDisposable
{
    /// <summary>Not a bound on anything measured: only a hang takes so long.</summary>
    protected static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Process process;
    private readonly Lines output = new();
    private readonly Lines errors = new();

    public ChildProcess(string program, IEnumerable<string> arguments, string? directory = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory ?? Path.GetTempPath(),
        };
        /* What the test runner's own build and host have set would steer the programs too. */
        foreach (string name in start.Environment.Keys.Where(IsRunners).ToList())
            start.Environment.Remove(name);
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => output.Add(line.Data);
        process.ErrorDataReceived += (_, line) => errors.Add(line.Data);
        process.Start();
        Pid = process.Id;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Pid { get; }

    public bool HasExited => process.HasExited;

    public string Output => output.Text;

    public string Errors => errors.Text;

    /// <summary>Waits for the next line of output that contains the text; lines before it are passed over.</summary>
    public string WaitForLine(string containing) => Wait(output, containing);

    public string WaitForErrorLine(string containing) => Wait(errors, containing);

    public void Send(string line)
    {
        process.StandardInput.WriteLine(line);
        process.StandardInput.Flush();
    }

    public void CloseInput() => process.StandardInput.Close();

    public void Signal(int number) => ProcessInterop.Kill(Pid, number);

    public int WaitForExit()
    {
        if (!process.WaitForExit(Patience))
            throw new TimeoutException($"still running:{Environment.NewLine}{Output}{Errors}");
        process.WaitForExit(); // until all of its output is here
        return process.ExitCode;
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit(Patience);
        }
        process.Dispose();
        GC.SuppressFinalize(this);
    }

    private static bool IsRunners(string variable) =>
        variable.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || variable.StartsWith("VSTEST", StringComparison.Ordinal)
        || variable.StartsWith("CORECLR_", StringComparison.Ordinal) || variable is "DOTNET_DiagnosticPorts" or "DOTNET_PPROF_LAUNCH";

    private string Wait(Lines lines, string containing) =>
        lines.WaitFor(containing, Patience) ?? throw new TimeoutException($"no line with '{containing}':{Environment.NewLine}{Output}{Errors}");

    private sealed class Lines
    {
        private readonly List<string> all = [];
        private int read;
        private bool ended;

        public string Text
        {
            get
            {
                lock (all)
                    return string.Join(Environment.NewLine, all);
            }
        }

        public void Add(string? line)
        {
            lock (all)
            {
                if (line is null)
                    ended = true;
                else
                    all.Add(line);
                Monitor.PulseAll(all);
            }
        }

        public string? WaitFor(string containing, TimeSpan patience)
        {
            var waited = Stopwatch.StartNew();
            lock (all)
            {
                while (true)
                {
                    while (read < all.Count)
                    {
                        if (all[read++].Contains(containing, StringComparison.Ordinal))
                            return all[read - 1];
                    }
                    if (ended || waited.Elapsed > patience)
                        return null;
                    Monitor.Wait(all, TimeSpan.FromSeconds(1));
                }
            }
        }
    }
}
