using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class EventPipeReaderTests
{
    /// <summary>Streams are read in turns, of which there are as many as half the cores: nobody keeps one for as long as it sends.</summary>
    [Fact]
    public void StreamsWithoutEndHoldUpNoOther()
    {
        var intake = new EventIntake(new SymbolOptions(), new FunctionNames());
        var endless = new List<(EndlessStream Stream, EventPipeReader Reader)>();
        for (int i = 0; i < Environment.ProcessorCount; i++)
        {
            var stream = new EndlessStream();
            endless.Add((stream, new EventPipeReader(stream, _ => stream.End(), stream, intake, isStream: true)));
        }
        Assert.All(endless, one => Assert.True(one.Stream.IsRead.Wait(Harm.Child.HangBound), "one of them has had no turn"));

        var other = new MemoryStream(NettraceBytes.Beginning());
        new EventPipeReader(other, _ => Task.CompletedTask, other, intake, isStream: false).Stop(new Deadline(Harm.Child.HangBound));
        endless.ForEach(one => one.Reader.Stop(new Deadline(Harm.Child.HangBound)));
        Assert.Empty(intake.Warnings);
    }

    /// <summary>Has always something to be read, without a wait.</summary>
    private sealed class EndlessStream : MemoryStream
    {
        private byte[] chunk = [];
        private readonly byte[] beginning = NettraceBytes.Append(NettraceBytes.Beginning(), "StackBlock", new byte[3]);
        private int reads;
        private volatile bool hasEnded;

        internal ManualResetEventSlim IsRead { get; } = new();

        internal Task End()
        {
            hasEnded = true;
            return Task.CompletedTask;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            /* A block as large as what is read at a time: after less there is a wait. */
            if (chunk.Length == 0)
                chunk = NettraceBytes.Append([], "StackBlock", new byte[buffer.Length - NettraceBytes.Append([], "StackBlock", []).Length]);
            byte[] next = reads++ == 0 ? beginning : chunk;
            IsRead.Set();
            next.CopyTo(buffer);
            return ValueTask.FromResult(hasEnded ? 0 : next.Length);
        }
    }
}
