using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using DotnetPprof.Bench.Interop;

namespace DotnetPprof.Bench.Processes;

/// <summary>A program that a measurement starts, listens to, and does not leave behind.</summary>
internal sealed class ChildProgram : IDisposable
{
    private readonly Process process;
    private readonly BlockingCollection<string> output = [];
    private readonly ConcurrentQueue<string> errors = new();

    private ChildProgram(ProcessStartInfo start)
    {
        Name = Path.GetFileNameWithoutExtension(start.FileName is "dotnet" ? start.ArgumentList[0] : start.FileName);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null)
                output.CompleteAdding();
            else
                output.Add(line.Data);
        };
        process.ErrorDataReceived += (_, line) => errors.Enqueue(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    internal string Name { get; }

    internal int Id => process.Id;

    internal bool HasExited => process.HasExited;

    /// <summary>What it said of itself, in one line: standard error, or output where that is empty.</summary>
    internal string Complaint => string.Join(' ', (errors.Any(line => line.Length > 0) ? [.. errors] : output.ToArray()).Where(line => line.Length > 0)).Trim();

    /// <exception cref="BenchException">There is no such program.</exception>
    internal static ChildProgram Start(string program, params IEnumerable<string> arguments) => Start(program, arguments, []);

    private static ChildProgram Start(string program, IEnumerable<string> arguments, IEnumerable<KeyValuePair<string, string>> environment)
    {
        var start = new ProcessStartInfo(program, arguments);
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        try
        {
            return new ChildProgram(start);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new BenchException($"'{program}' cannot be started: {e.Message}");
        }
    }

    /// <summary>This program, with other arguments.</summary>
    internal static ChildProgram StartSelf(params IEnumerable<string> arguments) => StartDotnet(typeof(ChildProgram).Assembly.Location, arguments, []);

    /// <summary>The collector that was built with this program.</summary>
    internal static ChildProgram StartCollector(params IEnumerable<string> arguments) => StartDotnet(Path.Combine(AppContext.BaseDirectory, "dotnet-pprof.dll"), arguments, []);

    /// <summary>A .NET program.</summary>
    /// <param name="program">Path of its assembly.</param>
    /// <param name="arguments">To it.</param>
    /// <param name="environment">Beside this process's own.</param>
    internal static ChildProgram StartDotnet(string program, IEnumerable<string> arguments, IEnumerable<KeyValuePair<string, string>> environment) =>
        Start("dotnet", [program, .. arguments], environment);

    /// <summary>Its standard output, to the end.</summary>
    internal IEnumerable<string> Lines => output.GetConsumingEnumerable();

    /// <summary>Waits for the next line of its standard output.</summary>
    /// <exception cref="BenchException">It ended, or the time passed, without one.</exception>
    internal string ReadLine(TimeSpan patience)
    {
        if (output.TryTake(out string? line, patience))
            return line;
        throw new BenchException($"{Name} {(output.IsCompleted ? "ended" : "said nothing")}: {Complaint}");
    }

    /// <summary>The next line, if it comes in time.</summary>
    internal string? TryReadLine(TimeSpan patience) => output.TryTake(out string? line, patience) ? line : null;

    internal void WriteLine(string text) => process.StandardInput.WriteLine(text);

    /// <summary>Asks it to end in good order. Not as Ctrl-C would: what a shell starts in the background ignores that.</summary>
    internal void AskToEnd() => Libc.Kill(Id, Libc.Terminate);

    /// <exception cref="BenchException">It is still running then.</exception>
    internal int WaitForExit(TimeSpan patience)
    {
        if (!process.WaitForExit(patience))
            throw new BenchException(string.Create(CultureInfo.InvariantCulture, $"{Name} did not end within {patience.TotalSeconds:0} s"));
        process.WaitForExit(); // for the last of its output
        return process.ExitCode;
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        process.WaitForExit();
        process.Dispose();
        output.Dispose();
    }
}
