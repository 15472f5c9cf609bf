using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace DotnetPprof.SoakWorkload.Jobs;

/// <summary>Connections made, used and closed, asynchronously on one side and not on the other.</summary>
internal sealed class TcpJob : Job
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);

    internal override string Name => "tcp";

    internal override void Round(Random random)
    {
        listener.Start();
        Task echo = EchoAsync();
        byte[] sent = new byte[random.Next(1, 200_000)], received = new byte[sent.Length];
        random.NextBytes(sent);
        using (var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            client.ReceiveTimeout = client.SendTimeout = 100_000;
            client.Connect(listener.LocalEndpoint);
            Task sending = Task.Run(() => client.Send(sent));
            for (int got = 0; got < received.Length;)
            {
                int count = client.Receive(received.AsSpan(got));
                Check(count > 0, "a connection ended early");
                got += count;
            }
            sending.Wait();
            client.Shutdown(SocketShutdown.Send);
            Check(client.Receive(new byte[1]) == 0, "a connection has more bytes than were sent");
        }
        echo.Wait();
        Check(received.AsSpan().SequenceEqual(sent), "an echo is not what was sent");
        listener.Stop();
    }

    private async Task EchoAsync()
    {
        using Socket peer = await listener.AcceptSocketAsync();
        byte[] buffer = new byte[16 * 1024];
        int count;
        while ((count = await peer.ReceiveAsync(buffer)) > 0)
        {
            for (int sent = 0; sent < count;)
                sent += await peer.SendAsync(buffer.AsMemory(sent, count - sent));
        }
        peer.Shutdown(SocketShutdown.Both);
    }
}

/// <summary>Blocking reads and writes on a pipe, without the class library's patience: SA_RESTART restarts these, always.</summary>
internal sealed unsafe class PipeJob : Job
{
    private const int Messages = 200;
    private const int MessageBytes = 512; /* atomic on a pipe */
    private const int CloseOnExec = 0x80000;

    internal override string Name => "pipe";

    internal override void Round(Random random)
    {
        int* files = stackalloc int[2];
        Check(Libc.Pipe(files, CloseOnExec) == 0, $"pipe: error {Libc.Error}");
        int from = files[0], to = files[1];
        int pause = random.Next(4);
        Exception? failure = null;
        var writer = new Thread(() =>
        {
            try
            {
                byte* message = stackalloc byte[MessageBytes];
                for (int i = 0; i < Messages; i++)
                {
                    new Span<byte>(message, MessageBytes).Fill((byte)i);
                    if (pause == 0 && i % 50 == 0)
                        Thread.Sleep(1);
                    nint written = Libc.Write(to, message, MessageBytes);
                    Check(written == MessageBytes, $"write gave {written}, error {Libc.Error}");
                }
                Libc.Close(to);
            }
            catch (Exception e)
            {
                failure = e;
                Libc.Close(to);
            }
        });
        writer.Start();
        byte* received = stackalloc byte[MessageBytes];
        for (int i = 0; i < Messages; i++)
        {
            nint read = Libc.Read(from, received, MessageBytes);
            Check(read == MessageBytes, $"read gave {read}, error {Libc.Error}; {failure?.Message}");
            Check(!new Span<byte>(received, MessageBytes).ContainsAnyExcept((byte)i), "a pipe's bytes came out of order");
        }
        Check(Libc.Read(from, received, 1) == 0, "a closed pipe does not end");
        writer.Join();
        Check(failure is null, failure?.Message ?? "");
        Libc.Close(from);
    }
}

/// <summary>Waits that POSIX lets a signal end: what counts is that nothing else is wrong with them.</summary>
internal sealed unsafe class WaitJob : Job
{
    internal override string Name => "wait";

    internal override void Round(Random random)
    {
        int* files = stackalloc int[2];
        Check(Libc.Pipe(files, 0x80000) == 0, $"pipe: error {Libc.Error}");
        for (int i = 0; i < 20; i++)
        {
            var time = new Libc.TimeSpec { Nanoseconds = 1_000_000 };
            Count(Libc.NanoSleep(&time, &time));
            var wanted = new Libc.PollFile { File = files[0], Events = 1 };
            Count(Libc.Poll(&wanted, 1, 1));
            Thread.Sleep(1);
        }
        Libc.Close(files[0]);
        Libc.Close(files[1]);
    }

    private void Count(int result)
    {
        if (result >= 0)
            return;
        Check(Libc.Error == Libc.Interrupted, $"a wait failed with error {Libc.Error}");
        Interlocked.Increment(ref Interrupted);
    }
}

/// <summary>A file written, locked, read, renamed and deleted.</summary>
internal sealed class FileJob : Job
{
    private readonly string path = Path.Combine(Path.GetTempPath(), $"soak-{Environment.ProcessId}");

    internal override string Name => "file";

    internal override void Round(Random random)
    {
        byte[] bytes = new byte[random.Next(1, 300_000)], back = new byte[bytes.Length];
        random.NextBytes(bytes);
        using (var file = new FileStream(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, 1))
        {
            Check(Libc.Lock((int)file.SafeFileHandle.DangerousGetHandle(), Libc.LockExclusive) == 0, $"flock: error {Libc.Error}");
            file.Write(bytes);
            file.Position = 0;
            file.ReadExactly(back);
            Check(file.ReadByte() < 0 && back.AsSpan().SequenceEqual(bytes), "a file's bytes are not what was written");
        }
        File.Move(path, path + "-moved");
        Check(File.ReadAllBytes(path + "-moved").AsSpan().SequenceEqual(bytes), "a moved file's bytes are others");
        File.Delete(path + "-moved");
    }
}

/// <summary>Handlers of the program's own, through the class library: every signal sent is handled, once.</summary>
internal sealed class SignalJob : Job
{
    private const int SigWinch = 28;
    private const int Times = 3;

    internal override string Name => "signals";

    internal override void Round(Random random)
    {
        int handled = 0;
        using var registration = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Interlocked.Increment(ref handled));
        for (int i = 1; i <= Times; i++)
        {
            Check(Libc.Kill(Environment.ProcessId, SigWinch) == 0, $"kill: error {Libc.Error}");
            while (Volatile.Read(ref handled) < i)
                Thread.Yield();
        }
        Check(handled == Times, $"{handled} of {Times} signals were handled");
    }
}
