using System.Diagnostics;
using System.Net.Sockets;
using DotnetPprof.Session;
using DotnetPprof.Symbolize;
using Microsoft.Diagnostics.NETCore.Client;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

/// <summary>A process whose diagnostic port is an impostor's: what it sends is no runtime's.</summary>
public sealed class HostilePortTests : IDisposable
{
    private const int RequestHeaderBytes = 20;
    private static readonly TimeSpan s_patience = Harm.Child.HangBound;

    private readonly Process process = Process.Start("sleep", "infinity");
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string path;

    public HostilePortTests()
    {
        path = Path.Join(Path.GetTempPath(), $"dotnet-diagnostic-{process.Id}-{ProcFs.StartTime(process.Id)}-socket");
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
    }

    public void Dispose()
    {
        process.Kill();
        process.Dispose();
        listener.Dispose();
        File.Delete(path);
    }

    /// <summary>A capture goes on without names, and says once why.</summary>
    [Theory]
    [InlineData("a block of the runtime's event stream is damaged")]
    [InlineData("the runtime's event stream is of a form that is not known here")]
    public void DamageIsSaidInALine(string problem)
    {
        /* The first of January 2026, two clock readings, four numbers. */
        byte[] start = [.. "Nettrace"u8, 20, 0, 0, 0, .. "!FastSerialization.1"u8, .. Object("Trace", 4, [0xea, 7, 1, 0, 0, 0, 1, 0, .. new byte[8], 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, .. new byte[16]])];
        byte[] block = problem.Contains("block", StringComparison.Ordinal) ? [20, 0, 1, 0, .. new byte[16], 0x80, 0, 0xff, 0xff, 0xff, 0xff, 0x0f] : [1];
        string name = block.Length > 1 ? "EventBlock" : "SomeBlock";
        int padding = -(start.Length + 15 + name.Length + 1 + 4) & 3;
        Answer([.. start, .. Object(name, 2, [.. BitConverter.GetBytes(block.Length), .. new byte[padding], .. block])]);

        using var symbols = new EventPipeSymbols(new DiagnosticsClient(process.Id), new SymbolOptions());
        symbols.Attach(s_patience);
        symbols.Finish(s_patience);
        Assert.Equal(
            [$"the method events could not be read to their end: {problem}; some methods may stay unnamed", $"the method rundown could not be read to their end: {problem}; some methods may stay unnamed"],
            symbols.Warnings.Order());
    }

    private static byte[] Object(string name, int version, byte[] content) =>
        [5, 5, 1, .. BitConverter.GetBytes(version), .. BitConverter.GetBytes(version), .. BitConverter.GetBytes(name.Length), .. name.Select(letter => (byte)letter), 6, .. content, 6];

    /// <summary>
    /// To whatever is asked: that session 1 is there, and the stream. It hangs up only when the other end does. Others who
    /// look for processes may ask too, and may have gone before they are answered.
    /// </summary>
    private void Answer(byte[] stream) => new Thread(() =>
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
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                connection.Dispose();
            }
        }
    })
    { IsBackground = true }.Start();
}
