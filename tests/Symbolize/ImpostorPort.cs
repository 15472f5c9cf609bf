using System.Diagnostics;
using System.Net.Sockets;
using DotnetPprof.Session;

namespace DotnetPprof.Tests.Symbolize;

/// <summary>The diagnostic port of a process that has no runtime: what it sends is the test's.</summary>
internal sealed class ImpostorPort : IDisposable
{
    private const int RequestHeaderBytes = 20;

    private readonly Process process = Process.Start("sleep", "infinity");
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string path;

    internal ImpostorPort()
    {
        path = Path.Join(Path.GetTempPath(), $"dotnet-diagnostic-{process.Id}-{ProcFs.StartTime(process.Id)}-socket");
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
    }

    internal int Pid => process.Id;

    public void Dispose()
    {
        process.Kill();
        process.Dispose();
        listener.Dispose();
        File.Delete(path);
    }

    /// <summary>
    /// To whatever is asked: that session 1 is there, and the stream. It hangs up only when the other end does. Others who
    /// look for processes may ask too, and may have gone before they are answered.
    /// </summary>
    /// <param name="stream">From its beginning.</param>
    /// <param name="forEver">What follows, again and again; null for nothing.</param>
    internal void Answer(byte[] stream, byte[]? forEver = null) => Run(() =>
    {
        while (true)
        {
            Socket connection;
            try
            {
                connection = listener.Accept();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return; /* the test is over */
            }
            try
            {
                byte[] header = DiagnosticMessage.ReceiveExactly(connection, RequestHeaderBytes);
                DiagnosticMessage.ReceiveExactly(connection, BitConverter.ToUInt16(header, 14) - RequestHeaderBytes);
                connection.Send([.. "DOTNET_IPC_V1\0"u8, 28, 0, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, .. stream]);
                if (forEver is not null)
                    Run(() => Send(connection, forEver));
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                connection.Dispose();
            }
        }
    });

    private static void Send(Socket connection, byte[] forEver)
    {
        try
        {
            while (true)
                connection.Send(forEver);
        }
        catch (SocketException)
        {
            connection.Dispose();
        }
    }

    private static void Run(ThreadStart work) => new Thread(work) { IsBackground = true }.Start();
}
