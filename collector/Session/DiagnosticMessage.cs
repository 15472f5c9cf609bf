using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace DotnetPprof.Session;

/// <summary>
/// One command of the runtime's diagnostic protocol and its answer. A connection carries a single command. Only what
/// NETCore.Client keeps to itself is spoken here: process info, and commands on a connection that the runtime opened.
/// </summary>
internal static class DiagnosticMessage
{
    private const int HeaderBytes = 20;
    private const byte ProcessCommands = 4;
    private const byte Resume = 1;
    private const byte SetVariable = 3;
    private const byte ProcessInfo2 = 4;
    private const byte ServerCommands = 0xFF;

    private static ReadOnlySpan<byte> Magic => "DOTNET_IPC_V1\0"u8;

    internal static void SendResume(Socket socket) => Call(socket, Resume, []);

    /// <summary>Sets a variable in the runtime's view of its environment, or removes it when the value is null.</summary>
    internal static void SendSetVariable(Socket socket, string name, string? value) =>
        Call(socket, SetVariable, [.. EncodeText(name), .. EncodeText(value)]);

    internal static RuntimeInfo AskRuntimeInfo(Socket socket)
    {
        byte[] answer = Call(socket, ProcessInfo2, []);
        // u64 pid, 16 bytes of instance cookie, then five texts
        int offset = 24;
        string commandLine = ReadText(answer, ref offset);
        ReadText(answer, ref offset);
        string architecture = ReadText(answer, ref offset);
        ReadText(answer, ref offset);
        string version = ReadText(answer, ref offset);
        return new RuntimeInfo(commandLine, architecture, version);
    }

    private static byte[] Call(Socket socket, byte command, byte[] payload)
    {
        byte[] message = new byte[HeaderBytes + payload.Length];
        Magic.CopyTo(message);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(14), checked((ushort)message.Length));
        message[16] = ProcessCommands;
        message[17] = command;
        payload.CopyTo(message, HeaderBytes);
        for (int sent = 0; sent < message.Length;) sent += socket.Send(message.AsSpan(sent));

        byte[] header = ReceiveExactly(socket, HeaderBytes);
        if (!header.AsSpan(0, Magic.Length).SequenceEqual(Magic) || header[16] != ServerCommands)
            throw new InvalidDataException("the diagnostic port does not speak the runtime's protocol");
        int length = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(14)) - HeaderBytes;
        byte[] answer = ReceiveExactly(socket, Math.Max(length, 0));
        if (header[17] == 0) return answer;
        uint error = answer.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(answer) : 0;
        throw new InvalidDataException($"the runtime refused the diagnostic command (0x{error:X8})");
    }

    /// <summary>Waits as long as the socket's own limit says, for all of it: one that sends a byte now and then is not waited for longer.</summary>
    internal static byte[] ReceiveExactly(Socket socket, int count)
    {
        byte[] buffer = new byte[count];
        var time = Stopwatch.StartNew();
        for (int got = 0; got < count;)
        {
            if (socket.ReceiveTimeout > 0 && time.ElapsedMilliseconds > socket.ReceiveTimeout) throw new SocketException((int)SocketError.TimedOut);
            int read = socket.Receive(buffer.AsSpan(got));
            if (read == 0) throw new EndOfStreamException("the diagnostic connection was closed");
            got += read;
        }

        return buffer;
    }

    private static byte[] EncodeText(string? text)
    {
        if (text is null) return new byte[4];
        byte[] bytes = new byte[4 + 2 * (text.Length + 1)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, text.Length + 1);
        Encoding.Unicode.GetBytes(text, bytes.AsSpan(4));
        return bytes;
    }

    private static string ReadText(byte[] answer, ref int offset)
    {
        if (offset + 4 > answer.Length) throw new InvalidDataException("the runtime's description of itself is cut short");
        int length = BinaryPrimitives.ReadInt32LittleEndian(answer.AsSpan(offset));
        offset += 4;
        if (length < 0 || length > (answer.Length - offset) / 2)
            throw new InvalidDataException("the runtime's description of itself is cut short");
        string text = Encoding.Unicode.GetString(answer, offset, 2 * length);
        offset += 2 * length;
        return text.TrimEnd('\0');
    }
}
