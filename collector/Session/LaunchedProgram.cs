using System.ComponentModel;
using System.Diagnostics;
using DotnetPprof.Interop;
using DotnetPprof.Model;

namespace DotnetPprof.Session;

/// <summary>
/// The command that was launched: it has our standard input, output and error untouched, and is in our process group,
/// so that a Ctrl-C typed at the terminal reaches it as if we were not there.
/// </summary>
internal sealed class LaunchedProgram : IDisposable
{
    private readonly Process _process;

    private LaunchedProgram(Process process)
    {
        _process = process;
        Pid = process.Id;
        Exited = process.WaitForExitAsync();
    }

    internal int Pid { get; }

    /// <summary>Completes when the program ended.</summary>
    internal Task Exited { get; }

    /// <summary>Its own exit code, or 128 + N when signal N ended it. Valid once it ended.</summary>
    internal int ExitCode => _process.ExitCode;

    /// <param name="command">The program and its arguments.</param>
    /// <param name="variables">Added to our own environment.</param>
    internal static LaunchedProgram Start(IReadOnlyList<string> command, IReadOnlyList<(string Name, string Value)> variables)
    {
        string file = Resolve(command[0]);
        var info = new ProcessStartInfo(file) { UseShellExecute = false };
        foreach (string argument in command.Skip(1)) info.ArgumentList.Add(argument);
        foreach ((string name, string value) in variables) info.Environment[name] = value;
        try
        {
            return new LaunchedProgram(Process.Start(info)!);
        }
        catch (Win32Exception error)
        {
            throw new UserError(Model.ExitCode.Argument, $"cannot run '{command[0]}': {error.Message}");
        }
    }

    internal void Signal(int signal)
    {
        if (!Exited.IsCompleted) ProcessInterop.Kill(Pid, signal);
    }

    public void Dispose() => _process.Dispose();

    /// <summary>Finds a program as a shell does; Process.Start would look beside the dotnet host first.</summary>
    internal static string Resolve(string program)
    {
        if (program.Contains('/'))
        {
            if (Directory.Exists(program)) throw new UserError(Model.ExitCode.Argument, $"cannot run '{program}': it is a directory");
            if (!File.Exists(program)) throw new UserError(Model.ExitCode.Argument, $"cannot run '{program}': there is no such file");
            return Path.GetFullPath(program);
        }

        const UnixFileMode executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
        {
            string path = Path.GetFullPath(Path.Combine(folder.Length == 0 ? "." : folder, program));
            if (File.Exists(path) && (File.GetUnixFileMode(path) & executable) != 0) return path;
        }

        throw new UserError(Model.ExitCode.Argument, $"cannot run '{program}': no such program is on PATH");
    }
}
