using System.Globalization;
using DotnetPprof.Session;
using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;

namespace DotnetPprof.Tests.Serve;

/// <summary>
/// <c>serve</c> as a child process, in a directory of its own. It is told the name of its services: others on the machine
/// are none of its business.
/// </summary>
internal sealed class ServeProcess : IDisposable
{
    private readonly List<IDisposable> started = [];
    private ChildProcess? current;

    /// <summary>Of all its services; no other process has it.</summary>
    public string Service { get; } = $"test-{Guid.NewGuid():N}";

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("dotnet-pprof-test-").FullName;

    public string Files => Path.Join(Directory, "windows");

    /// <summary>Set for it beside those of the test.</summary>
    public Dictionary<string, string> Variables { get; } = [];

    public HttpClient Client { get; private set; } = null!;

    public ChildProcess Process => current!;

    /// <summary>Starts it, also once more after its end.</summary>
    public ServeProcess Start(params string[] arguments)
    {
        current = new ChildProcess(
            ProgramPaths.Dotnet, [ProgramPaths.Collector, "serve", "--listen", "127.0.0.1:0", "--name", Service, "--output", Files, .. arguments], Directory, Variables);
        started.Add(current);
        string address = current.WaitForLine("serving http://").Split("serving ")[1];
        Client = new HttpClient { BaseAddress = new Uri(address), Timeout = TimeSpan.FromMinutes(2) };
        started.Add(Client);
        return this;
    }

    /// <summary>A service that has the agent from its start; the caller disposes it.</summary>
    public TargetProgram StartService(string program, params string[] arguments)
    {
        string agent = Path.Join(Path.GetDirectoryName(ProgramPaths.Collector), AgentVariables.AgentFile);
        Dictionary<string, string> variables = AgentVariables.For(agent, null).ToDictionary(variable => variable.Name, variable => variable.Value);
        variables["OTEL_SERVICE_NAME"] = Service;
        return new TargetProgram(program, arguments, variables);
    }

    public async Task WaitUntilSampling(int pid)
    {
        while (!(await Metrics()).Any(metric => metric.Key.StartsWith("dotnet_pprof_open_windows", StringComparison.Ordinal) && metric.Key.Contains($"\"{pid}\"", StringComparison.Ordinal) && metric.Value > 0))
            await Task.Delay(50);
    }

    public async Task<Dictionary<string, double>> Metrics()
    {
        string text = await Client.GetStringAsync("/metrics");
        return text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#').ToDictionary(
            line => line[..line.LastIndexOf(' ')], line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }

    public async Task<double> OpenWindows() =>
        (await Metrics()).Where(metric => metric.Key.StartsWith("dotnet_pprof_open_windows", StringComparison.Ordinal)).Sum(metric => metric.Value);

    public async Task<PprofFile> Profile(string query) => Read(await Client.GetByteArrayAsync($"/debug/pprof/profile?{query}"));

    public static PprofFile Read(byte[] bytes)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, bytes);
            PprofFile profile = PprofFile.Read(path);
            profile.CheckValid();
            return profile;
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>The windows kept of a process, in order of time; each has to be valid.</summary>
    public List<PprofFile> Windows(int pid)
    {
        List<PprofFile> windows = [.. System.IO.Directory.GetFiles(Files, $"*_{pid}_*.pb.gz").Order(StringComparer.Ordinal).Select(PprofFile.Read)];
        windows.ForEach(window => window.CheckValid());
        return windows;
    }

    public void Dispose()
    {
        for (int i = started.Count - 1; i >= 0; i--)
            started[i].Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
