using System.Net.Sockets;

namespace DotnetPprof.Session;

/// <summary>The socket at which every runtime listens for diagnostic commands, with time limits on every use.</summary>
internal static class DiagnosticPort
{
    /// <summary>A healthy runtime answers within milliseconds; a stopped or swapped-out one must not hold us up.</summary>
    internal static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(2);

    /// <summary>The socket's path as this process can open it, or null when there is none.</summary>
    internal static string? Find(int pid)
    {
        // The name ends in the process's start time, which keeps a dead process's leftover apart from a new one's.
        if (ProcFs.StartTime(pid) is not { } start) return null;
        string name = $"dotnet-diagnostic-{ProcFs.InnerPid(pid)}-{start}-socket";
        string own = Path.Combine(Path.GetTempPath(), name);
        if (File.Exists(own)) return own;
        string folder = ProcFs.InitialEnvironment(pid).GetValueOrDefault("TMPDIR") is { Length: > 0 } set ? set : "/tmp";
        string theirs = $"/proc/{pid}/root{Path.Combine(folder, name)}";
        return File.Exists(theirs) ? theirs : null;
    }

    /// <summary>Asks the runtime who it is; null when it does not answer in time.</summary>
    internal static RuntimeInfo? TryAskInfo(int pid)
    {
        try
        {
            using var socket = Connect(pid);
            return DiagnosticMessage.AskRuntimeInfo(socket);
        }
        catch (Exception error) when (error is SocketException or IOException or InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>Sets (or with null removes) a variable as the runtime and its managed code see it.</summary>
    internal static void SetVariable(int pid, string name, string? value)
    {
        using var socket = Connect(pid);
        DiagnosticMessage.SendSetVariable(socket, name, value);
    }

    private static Socket Connect(int pid)
    {
        string path = Find(pid) ?? throw new IOException($"process {pid} has no diagnostic port");
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            SendTimeout = (int)DefaultPatience.TotalMilliseconds,
            ReceiveTimeout = (int)DefaultPatience.TotalMilliseconds,
        };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
