using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using DotnetPprof.Interop;

namespace DotnetPprof.Soak;

/// <summary>A process of the run's: its lines, its end, and no way to outlive the run.</summary>
internal sealed class ChildProgram : IDisposable
{
    /// <summary>Longer than anything takes that does not hang, on a machine that is busy with other things.</summary>
    internal static readonly TimeSpan HangBound = TimeSpan.FromSeconds(120);

    private const int KeptErrors = 4000;
    private static readonly TimeSpan s_restOfOutput = TimeSpan.FromSeconds(2);

    private readonly Process process;
    private readonly BlockingCollection<string> lines = [];
    private readonly StringBuilder errors = new();

    internal ChildProgram(IEnumerable<string> command, IEnumerable<KeyValuePair<string, string>> variables)
    {
        var start = new ProcessStartInfo("dotnet", command) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in variables)
            start.Environment[name] = value;
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, e) => Add(e.Data);
        process.ErrorDataReceived += (_, e) => AddError(e.Data);
        process.Start();
        Pid = process.Id;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    internal int Pid { get; }

    internal bool HasExited => process.HasExited;

    internal string Errors
    {
        get
        {
            lock (errors)
                return errors.ToString().ReplaceLineEndings(" | ");
        }
    }

    internal void Send(string line)
    {
        try
        {
            process.StandardInput.WriteLine(line);
            process.StandardInput.Flush();
        }
        catch (IOException)
        {
            /* It has ended; whoever waits for its answer finds out why. */
        }
    }

    /// <summary>The next line that begins so; null when none came before the process ended. Hanging is a problem.</summary>
    internal string? WaitFor(string beginning)
    {
        var waited = Stopwatch.StartNew();
        while (waited.Elapsed < HangBound)
        {
            if (!lines.TryTake(out string? line, 200))
            {
                if (lines.IsCompleted)
                    return null;
                continue;
            }
            if (line.StartsWith("wrong ", StringComparison.Ordinal))
                throw new ProblemException(ProblemKind.WrongResult, line);
            if (line.StartsWith(beginning, StringComparison.Ordinal))
                return line;
        }
        throw new ProblemException(ProblemKind.Hang, $"process {Pid} did not say '{beginning}': {HangDescription.Of(Pid)}; {Errors}");
    }

    internal int WaitForExit(string what)
    {
        if (!process.WaitForExit(HangBound))
            throw new ProblemException(ProblemKind.Hang, $"{what} ({Pid}) did not end: {HangDescription.Of(Pid)}; {Errors}");
        /* For the rest of its output, which may never end: what it has launched has the same. */
        Task.Run(process.WaitForExit).Wait(s_restOfOutput);
        return process.ExitCode;
    }

    internal void Signal(int number) => ProcessInterop.Kill(Pid, number);

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.Dispose();
    }

    private void Add(string? line)
    {
        if (line is null)
            lines.CompleteAdding();
        else
            lines.Add(line);
    }

    private void AddError(string? line)
    {
        lock (errors)
        {
            if (line is not null && errors.Length < KeptErrors)
                errors.AppendLine(line);
        }
    }
}
