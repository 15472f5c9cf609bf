using System.Globalization;
using DotnetPprof.Bench.Processes;
using Microsoft.Diagnostics.Tracing.Etlx;
using Microsoft.Diagnostics.Tracing.EventPipe;

namespace DotnetPprof.Bench.StackTruth;

/// <summary><c>dotnet-trace collect</c> with its defaults, which take fewer samples: it is given more time for them.</summary>
internal sealed class TraceStacks : IStackTool
{
    private const int TimesLonger = 4;

    private static readonly TimeSpan patience = TimeSpan.FromSeconds(90);

    public string Name => "dotnet-trace collect";

    public IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>();

    public IReadOnlyList<SampledStack> Record(int pid, TimeSpan length)
    {
        string data = Path.Combine(Path.GetTempPath(), $"truth-{pid}.nettrace");
        string converted = Path.ChangeExtension(data, ".etlx");
        try
        {
            using ChildProgram trace = ChildProgram.Start(
                DotnetTraceTool.Installed(), "collect", "-p", pid.ToString(CultureInfo.InvariantCulture), "-o", data, "--duration", (length * TimesLonger).ToString("c", CultureInfo.InvariantCulture));
            if (trace.WaitForExit((length * TimesLonger) + patience) != 0)
                throw new BenchException(trace.Complaint);
            using var log = new TraceLog(TraceLog.CreateFromEventPipeDataFile(data, converted));
            return [.. log.Events.OfType<ClrThreadSampleTraceData>().Select(sample => new SampledStack(sample.ThreadID, 1, 1, Frames(sample.CallStack())))];
        }
        finally
        {
            File.Delete(data);
            File.Delete(converted);
        }
    }

    private static List<string?> Frames(TraceCallStack? stack)
    {
        var frames = new List<string?>();
        for (; stack is not null; stack = stack.Caller)
        {
            string name = stack.CodeAddress.FullMethodName;
            frames.Add(name.Length == 0 ? null : (name.IndexOf('(') is var at and > 0 ? name[..at] : name).Replace('+', '.'));
        }
        return frames;
    }
}
