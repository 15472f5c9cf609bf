using System.Net.Sockets;
using System.Text;
using DotnetPprof.Session;
using DotnetPprof.Tests.Commands;
using Xunit;

namespace DotnetPprof.Tests.Session;

/// <summary>What a process answers is not to be trusted.</summary>
public class DiagnosticMessageTests
{
    private static byte[] Header(int length, byte set = 0xFF, byte id = 0, string magic = "DOTNET_IPC_V1\0") =>
        [.. Encoding.ASCII.GetBytes(magic), (byte)length, (byte)(length >> 8), set, id, 0, 0];

    public static TheoryData<byte[]> BadAnswers => new(
        Header(20, magic: "GARBAGE_MAGIC!"),
        Header(20, set: 1),
        Header(20),
        Header(5),
        Header(60000),
        [.. Header(24, id: 0xFF), 1, 2, 3, 0x80],
        [.. Header(48), .. new byte[24], 0xFF, 0xFF, 0xFF, 0x7F],
        [.. Header(48), .. new byte[24], 0xFF, 0xFF, 0xFF, 0xFF]);

    [Theory]
    [MemberData(nameof(BadAnswers))]
    public void BadAnswersAreErrorsOfTheirOwn(byte[] answer)
    {
        var error = Record.Exception(() => Ask(answer));
        Assert.True(error is InvalidDataException or EndOfStreamException, $"{error}");
    }

    private static RuntimeInfo Ask(byte[] answer)
    {
        using var folder = new TestFolder();
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var address = new UnixDomainSocketEndPoint(folder["socket"]);
        listener.Bind(address);
        listener.Listen();
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(address);
        using (var server = listener.Accept())
        {
            server.Send(answer);
            server.Shutdown(SocketShutdown.Send);
            return DiagnosticMessage.AskRuntimeInfo(client);
        }
    }
}
