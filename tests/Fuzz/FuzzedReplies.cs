using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using DotnetPprof.Session;
using DotnetPprof.Upload;
using DotnetPprof.Upload.Otlp;
using DotnetPprof.Upload.Pyroscope;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using OpenTelemetry.Proto.Collector.Profiles.V1Development;

namespace DotnetPprof.Tests.Fuzz;

/// <summary>What others answer: a runtime's diagnostic port, receivers of profiles, and the disk of what was put on it.</summary>
internal static class FuzzedReplies
{
    private static readonly string?[] s_types = [null, "application/x-protobuf", "application/json", "application/proto"];

    internal static IEnumerable<byte[]> PortAnswers()
    {
        byte[] text(string value) => [.. BitConverter.GetBytes(value.Length + 1), .. Encoding.Unicode.GetBytes(value + '\0')];
        byte[] info = [.. new byte[24], .. text("dotnet a.dll"), .. text("Linux"), .. text("x64"), .. text("a"), .. text("10.0.12+abc")];
        yield return [.. "DOTNET_IPC_V1\0"u8, .. BitConverter.GetBytes((ushort)(20 + info.Length)), 0xff, 0, 0, 0, .. info];
        yield return [.. "DOTNET_IPC_V1\0"u8, 24, 0, 0xff, 0xff, 0, 0, 0x84, 0x13, 0x13, 0x80];
    }

    /// <summary>The other end of the socket has answered and hung up.</summary>
    internal static void ReadPortAnswer(byte[] input)
    {
        string path = Path.Join(Path.GetTempPath(), $"fuzz-{Environment.ProcessId}-port");
        File.Delete(path);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        using var ours = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 2000, SendTimeout = 2000 };
        ours.Connect(new UnixDomainSocketEndPoint(path));
        using Socket theirs = listener.Accept();
        File.Delete(path);
        theirs.SendBufferSize = 1 << 20;
        theirs.Send(input.AsSpan(0, Math.Min(input.Length, 100_000)));
        theirs.Shutdown(SocketShutdown.Send);
        try
        {
            DiagnosticMessage.AskRuntimeInfo(ours);
        }
        catch (Exception e) when (e is SocketException or IOException or InvalidDataException)
        {
            /* What those who ask expect. */
        }
    }

    internal static IEnumerable<byte[]> Pyroscope()
    {
        yield return [.. Head(429, 2, "120"), .. "{\"code\":\"resource_exhausted\",\"message\":\"slow\\u0020down\"}"u8];
        yield return [.. Head(400, 2, "Wed, 21 Oct 2026 07:28:00 GMT"), .. "{\"code\":\"\\ud800\",\"message\":\"\xc3\x28\"}"u8];
    }

    internal static void ReadPyroscope(byte[] input) => Check(PyroscopeClient.Judge(Reply(input)));

    internal static IEnumerable<byte[]> Otlp()
    {
        var partial = new ExportProfilesServiceResponse { PartialSuccess = new() { RejectedProfiles = 1, ErrorMessage = "no" } };
        var status = new Google.Rpc.Status { Code = 8, Message = "later" };
        status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(TimeSpan.FromSeconds(3)) }));
        yield return [.. Head(200, 1, ""), .. partial.ToByteArray()];
        yield return [.. Head(503, 1, "7"), .. status.ToByteArray()];
    }

    internal static void ReadOtlp(byte[] input)
    {
        HttpReply reply = Reply(input);
        Check(OtlpHttpClient.Judge(reply));
        Check(OtlpReply.Judge(reply.Body ?? []));
        var trailers = new Metadata { { "grpc-status-details-bin", reply.Body ?? [] } };
        var code = (StatusCode)(reply.Status % 17);
        Check(OtlpGrpcClient.Judge(new RpcException(new Grpc.Core.Status(code, Encoding.UTF8.GetString(reply.Body ?? [])), trailers)));
    }

    internal static IEnumerable<byte[]> QueueFiles()
    {
        yield return QueueFile.Pack([new byte[3000], Encoding.ASCII.GetBytes(new string('x', 500)), []]);
        /* 4 MiB of zeros in 18 KiB. */
        yield return QueueFile.Pack([new byte[4 << 20]]);
    }

    internal static void ReadQueueFile(byte[] input)
    {
        FuzzedParsers.Expect<InvalidDataException>(() => QueueFile.Unpack(input));
        QueueFile.SequenceOf(Encoding.UTF8.GetString(input.AsSpan(0, Math.Min(input.Length, 26))));
    }

    /// <summary>Status, 2 bytes; media type, one; how long Retry-After is, one; it.</summary>
    private static byte[] Head(ushort status, byte type, string retryAfter) => [.. BitConverter.GetBytes(status), type, (byte)retryAfter.Length, .. Encoding.ASCII.GetBytes(retryAfter)];

    private static HttpReply Reply(byte[] input)
    {
        if (input.Length < 4)
            return new HttpReply(500, null, null, null);
        int length = Math.Min(input[3], input.Length - 4);
        RetryConditionHeaderValue.TryParse(Encoding.Latin1.GetString(input, 4, length), out RetryConditionHeaderValue? after);
        return new HttpReply(BitConverter.ToUInt16(input) % 600, s_types[input[2] % s_types.Length], input[(4 + length)..], HttpPost.RetryAfter(after));
    }

    private static void Check(UploadOutcome outcome)
    {
        if (outcome.Reason.Length > 300 || outcome.Reason.Any(char.IsControl))
            throw new InvalidOperationException($"'{outcome.Reason}' is no line");
        TimeSpan wait = new Backoff(new Random(1)).Next(outcome.RetryAfter);
        if (wait < TimeSpan.Zero || wait > Backoff.LongestAsked * 1.2)
            throw new InvalidOperationException($"a wait of {wait}");
    }
}
