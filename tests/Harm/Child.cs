using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using DotnetPprof.Interop;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>A process that a test has started, with its standard streams; killed when the test is done with it.</summary>
internal sealed class Child : IDisposable
{
    /// <summary>Longer than anything takes that does not hang, on a machine that is busy with other things.</summary>
    internal static readonly TimeSpan HangBound = TimeSpan.FromSeconds(120);

    private const int SigKill = 9;
    private const int SigCont = 18;
    private const int SigStop = 19;

    private readonly Process process;
    private readonly StringBuilder output = new();
    private readonly StringBuilder error = new();
    private readonly BlockingCollection<string> lines = [];

    private Child(ProcessStartInfo info)
    {
        process = new Process { StartInfo = info };
        process.OutputDataReceived += (_, e) => Take(e.Data, output, lines);
        process.ErrorDataReceived += (_, e) => Take(e.Data, error, null);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    internal int Pid => process.Id;

    internal bool HasExited => process.HasExited;

    /// <summary>All of standard output so far.</summary>
    internal string Output => Text(output);

    internal string Error => Text(error);

    /// <param name="program">The assembly to run.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="variables">Added to the environment.</param>
    internal static Child Start(string program, IEnumerable<string> arguments, IEnumerable<(string Name, string Value)>? variables = null)
    {
        var info = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        info.ArgumentList.Add(program);
        foreach (string argument in arguments)
            info.ArgumentList.Add(argument);
        foreach ((string name, string value) in variables ?? [])
            info.Environment[name] = value;
        return new Child(info);
    }

    internal void Send(string line)
    {
        process.StandardInput.WriteLine(line);
        process.StandardInput.Flush();
    }

    /// <summary>The next line of standard output.</summary>
    internal string ReadLine()
    {
        Assert.True(lines.TryTake(out string? line, HangBound), $"nothing came from process {Pid}: {Describe()}");
        return line;
    }

    /// <summary>Waits for the end and gives the exit code, which is 128 + N after signal N.</summary>
    internal int WaitForExit()
    {
        Assert.True(process.WaitForExit(HangBound), $"process {Pid} did not end: {Describe()}");
        process.WaitForExit(); /* for the rest of its output */
        return process.ExitCode;
    }

    internal void Kill() => Signal(SigKill);

    /// <summary>None of its threads runs any more when this returns.</summary>
    internal void Stop()
    {
        Signal(SigStop);
        Eventually.True(() => ProcessState.HasStopped(Pid), $"process {Pid} stopped");
    }

    internal void Continue() => Signal(SigCont);

    internal void Interrupt() => Signal(ProcessInterop.SigInt);

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
        process.Dispose();
        lines.Dispose();
    }

    internal string Describe() => $"[{string.Join(' ', process.StartInfo.ArgumentList)}] said:\n{Output}\n{Error}";

    private void Signal(int signal) => Assert.Equal(0, ProcessInterop.Kill(Pid, signal));

    private static string Text(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }

    private static void Take(string? line, StringBuilder text, BlockingCollection<string>? lines)
    {
        if (line is null)
            return;
        lock (text)
            text.Append(line).Append('\n');
        lines?.Add(line);
    }
}
