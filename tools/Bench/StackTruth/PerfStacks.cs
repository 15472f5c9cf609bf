using System.Globalization;
using DotnetPprof.Bench.Processes;

namespace DotnetPprof.Bench.StackTruth;

/// <summary>
/// <c>perf record -g</c>, by its default event, with the runtime's perf map. The runtime maps its code twice from a file
/// without a name (W^X), where perf looks for no map.
/// </summary>
/// <param name="writeXorExecute">Whether the runtime does so, which is its default.</param>
/// <param name="rateHz">Samples a second of a busy thread.</param>
internal sealed class PerfStacks(bool writeXorExecute, int rateHz) : IStackTool
{
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(120);

    public string Name => $"perf record -g, W^X {(writeXorExecute ? "on" : "off")}";

    public IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>
    {
        ["DOTNET_PerfMapEnabled"] = "1",
        ["DOTNET_EnableWriteXorExecute"] = writeXorExecute ? "1" : "0",
    };

    public IReadOnlyList<SampledStack> Record(int pid, TimeSpan length)
    {
        string data = Path.Combine(Path.GetTempPath(), $"truth-{pid}.perf");
        try
        {
            using ChildProgram perf = ChildProgram.Start(
                "perf", "record", "-g", "-F", Text(rateHz), "-p", Text(pid), "-o", data, "--", "sleep", Text(length.TotalSeconds));
            int code = perf.WaitForExit(length + patience);
            if (code != 0)
                throw new BenchException($"exit code {code}, {perf.Complaint}");
            using ChildProgram script = ChildProgram.Start("perf", "script", "-i", data, "-F", "tid,ip,sym,dso");
            List<SampledStack> stacks = [.. PerfScript.Read(script.Lines)];
            return script.WaitForExit(patience) == 0 ? stacks : throw new BenchException(script.Complaint);
        }
        finally
        {
            File.Delete(data);
            File.Delete($"/tmp/perf-{Text(pid)}.map");
            File.Delete($"/tmp/jit-{Text(pid)}.dump");
        }
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
