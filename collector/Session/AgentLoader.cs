using System.Globalization;
using System.Text.RegularExpressions;
using DotnetPprof.Model;
using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Session;

/// <summary>Loads the agent into a running process through its diagnostic port.</summary>
internal static partial class AgentLoader
{
    /// <summary>
    /// How long the runtime waits for the attach to be done. The client sends whole seconds, and the runtime takes the
    /// number for milliseconds: this is 15 s.
    /// </summary>
    private static readonly TimeSpan s_attachTimeout = TimeSpan.FromSeconds(15_000);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private const uint AlreadyLoaded = 0xA0DD0001; /* AGENT_E_ALREADY_LOADED in native/corprof.h */
    private const uint AgentErrno = 0xA0DE0000;    /* AGENT_E_ERRNO */

    /// <exception cref="UserError">The runtime or the agent refused.</exception>
    public static MappedRegion Load(DiagnosticsClient client, int pid, string agentPath)
    {
        if (!File.Exists(agentPath))
            throw new UserError(ExitCode.Platform, $"the agent's library is missing: {agentPath}; reinstall dotnet-pprof");
        using var copy = AgentCopy.For(pid, agentPath);
        string path = copy.Path;
        Task attach = Task.Run(() => client.AttachProfiler(s_attachTimeout, Guid.Parse(AgentVariables.AgentGuid), path));
        try
        {
            if (!attach.Wait(s_patience))
                throw new UserError(ExitCode.SessionCreation, $"the runtime of process {pid} does not answer on its diagnostic port; is the process stopped?");
        }
        catch (AggregateException e)
        {
            throw Explain(e.InnerException ?? e, pid, path);
        }
        return MappedRegion.Find(pid) ?? throw new UserError(ExitCode.SessionCreation, $"the agent was loaded into process {pid} but has not put up its memory");
    }

    private static UserError Explain(Exception error, int pid, string agentPath)
    {
        if (error is UserError known)
            return known;
        if (error is ServerNotAvailableException or IOException or UnauthorizedAccessException)
        {
            return new UserError(
                ExitCode.SessionCreation,
                $"the diagnostic port of process {pid} cannot be reached ({error.Message.ReplaceLineEndings(" ")}); it may have ended, belong to another user or have DOTNET_EnableDiagnostics=0");
        }
        if (HResult().Match(error.Message) is { Success: true } match &&
            uint.TryParse(match.Groups[1].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out uint code))
        {
            if (code == AlreadyLoaded)
                return new UserError(ExitCode.SessionCreation, $"process {pid} has the agent already, but its memory could not be found; restart the process");
            if ((code & 0xFFFF0000) == AgentErrno)
                return new UserError(ExitCode.SessionCreation, $"the agent could not start in process {pid}: {new System.ComponentModel.Win32Exception((int)(code & 0xFFFF)).Message}; it needs memfd_create, a thread, and room for its tables");
            return new UserError(ExitCode.SessionCreation, $"the runtime of process {pid} refused the agent {agentPath}: error 0x{code:X8}{Meaning(code)}");
        }
        return new UserError(ExitCode.SessionCreation, $"the runtime of process {pid} refused the agent: {error.Message.ReplaceLineEndings(" ")}");
    }

    /* corerror.h of dotnet/runtime */
    private static string Meaning(uint code) => code switch
    {
        0x80070002 or 0x8007007E => " (the library or one it needs was not found from inside the process; may nothing be run from that directory (noexec), or is its libc too old?)",
        0x8013136A => " (no room for one more profiler in this process)",
        _ => "",
    };

    [GeneratedRegex("0x([0-9A-Fa-f]{8})")]
    private static partial Regex HResult();
}
