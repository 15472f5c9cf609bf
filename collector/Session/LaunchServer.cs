using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;

namespace DotnetPprof.Session;

/// <summary>
/// The socket at which the runtimes of a launched command report, suspended, before their first managed instruction.
/// The command's children inherit its address. Whatever happens to the handlers, every runtime that connects is
/// resumed: one that was not would hang for good.
/// </summary>
internal sealed class LaunchServer : IDisposable
{
    private const int AdvertiseBytes = 34; // magic, 16 bytes of instance cookie, u64 pid, u16 unused

    private readonly DirectoryInfo _folder;
    private readonly Socket _listener;
    private readonly Action<int> _onSuspended;
    private readonly Action<int> _onResumed;
    private readonly ConcurrentDictionary<Guid, Runtime> _runtimes = new();

    /// <summary>One runtime instance; it connects anew after every command.</summary>
    private sealed class Runtime(int pid)
    {
        internal readonly Lock Gate = new();
        internal readonly int Pid = pid;
        internal bool Prepared;
        internal bool Resumed;
        internal Socket? Parked;
    }

    /// <param name="onSuspended">Called once for a runtime, which is resumed when it returns or throws.</param>
    /// <param name="onResumed">Called once after that.</param>
    internal LaunchServer(Action<int> onSuspended, Action<int> onResumed)
    {
        _onSuspended = onSuspended;
        _onResumed = onResumed;
        _folder = CreatePrivateFolder();
        SocketPath = Path.Combine(_folder.FullName, "launch");
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        _listener.Listen(128);
        new Thread(AcceptAll) { IsBackground = true, Name = "launch server" }.Start();
    }

    internal string SocketPath { get; }

    /// <summary>The processes that ever connected.</summary>
    internal IReadOnlyList<int> Pids => [.. _runtimes.Values.Select(runtime => runtime.Pid)];

    private static DirectoryInfo CreatePrivateFolder()
    {
        const int longestSocketPath = 107;
        var folder = Directory.CreateTempSubdirectory("dotnet-pprof-"); // mode 0700
        // The variable's value is cut at these characters, and a socket's path has a short limit.
        bool usable = folder.FullName.Length + "/launch".Length <= longestSocketPath && folder.FullName.AsSpan().IndexOfAny(",;") < 0;
        if (usable) return folder;
        folder.Delete();
        string path = $"/tmp/dotnet-pprof-{Environment.ProcessId}-{Guid.NewGuid():N}";
        return Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private void AcceptAll()
    {
        while (true)
        {
            Socket connection;
            try
            {
                connection = _listener.Accept();
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                return;
            }

            // A thread each: readying one runtime takes a while and must not hold up another.
            new Thread(() => Serve(connection)) { IsBackground = true, Name = "launch connection" }.Start();
        }
    }

    private void Serve(Socket connection)
    {
        bool parked = false;
        try
        {
            connection.ReceiveTimeout = connection.SendTimeout = 10_000;
            byte[] advertise = DiagnosticMessage.ReceiveExactly(connection, AdvertiseBytes);
            if (!advertise.AsSpan(0, 8).SequenceEqual("ADVR_V1\0"u8)) return;
            var cookie = new Guid(advertise.AsSpan(8, 16));
            ulong pid = BinaryPrimitives.ReadUInt64LittleEndian(advertise.AsSpan(24));
            if (pid is 0 or > int.MaxValue) return;
            parked = Serve(connection, _runtimes.GetOrAdd(cookie, _ => new Runtime((int)pid)));
        }
        catch (Exception error) when (error is SocketException or IOException or InvalidDataException or ObjectDisposedException)
        {
            // The process ended, or the connection broke: then the runtime connects again and is resumed by that one.
        }
        finally
        {
            if (!parked) connection.Dispose();
        }
    }

    private bool Serve(Socket connection, Runtime runtime)
    {
        bool resumedNow = false;
        lock (runtime.Gate)
        {
            if (!runtime.Resumed)
            {
                if (!runtime.Prepared)
                {
                    runtime.Prepared = true;
                    _onSuspended(runtime.Pid);
                }

                DiagnosticMessage.SendResume(connection);
                runtime.Resumed = resumedNow = true;
            }
            else
            {
                // Kept open and idle: a closed connection would make the runtime knock again twice a second.
                runtime.Parked?.Dispose();
                runtime.Parked = connection;
                return true;
            }
        }

        if (resumedNow) _onResumed(runtime.Pid);
        return false;
    }

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var runtime in _runtimes.Values) runtime.Parked?.Dispose();
        try
        {
            _folder.Delete(recursive: true);
        }
        catch (IOException)
        {
            // Somebody cleans the temporary folder beside us.
        }
    }
}
