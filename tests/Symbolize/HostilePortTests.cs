using DotnetPprof.Symbolize;
using Microsoft.Diagnostics.NETCore.Client;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

/// <summary>A process whose diagnostic port is an impostor's: what it sends is no runtime's.</summary>
public sealed class HostilePortTests : IDisposable
{
    private static readonly TimeSpan s_patience = Harm.Child.HangBound;

    private readonly ImpostorPort port = new();

    public void Dispose() => port.Dispose();

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
        port.Answer([.. start, .. Object(name, 2, [.. BitConverter.GetBytes(block.Length), .. new byte[padding], .. block])]);

        using var symbols = new EventPipeSymbols(new DiagnosticsClient(port.Pid), new SymbolOptions());
        symbols.Attach(s_patience);
        symbols.Finish(s_patience);
        Assert.Equal(
            [$"the method events could not be read to their end: {problem}; some methods may stay unnamed", $"the method rundown could not be read to their end: {problem}; some methods may stay unnamed"],
            symbols.Warnings.Order());
    }

    /// <summary>Streams are read in turns, and nobody keeps the turn for as long as it sends.</summary>
    [Fact]
    public async Task AStreamWithoutEndHoldsUpNoOther()
    {
        byte[] events = NettraceBytes.Events([.. Enumerable.Range(1, 8000).Select(i => new NettraceBytes.Event(1, (uint)i, i, true, []))]);
        port.Answer(Whole(NettraceBytes.Beginning()), forEver: Whole(NettraceBytes.Append([], "EventBlock", events)));
        using var flooded = new EventPipeSymbols(new DiagnosticsClient(port.Pid), new SymbolOptions());
        Task attaching = Task.Run(() => flooded.Attach(TimeSpan.FromSeconds(1)));
        using var other = new ImpostorPort();
        other.Answer([1, 2, 3, .. new byte[100]]);
        for (int i = 0; i < 5; i++)
        {
            using var symbols = new EventPipeSymbols(new DiagnosticsClient(other.Pid), new SymbolOptions());
            symbols.Attach(s_patience);
            symbols.Finish(s_patience);
            Assert.DoesNotContain(symbols.Warnings, warning => warning.Contains("did not end in time", StringComparison.Ordinal));
        }

        await attaching;
        flooded.Finish(TimeSpan.FromSeconds(1));
        Assert.Contains(flooded.Warnings, warning => warning.Contains("did not end in time", StringComparison.Ordinal));
    }

    /// <summary>To a multiple of four bytes: what is put behind it is laid out as at the beginning.</summary>
    private static byte[] Whole(byte[] stream) => NettraceBytes.Append(stream, "StackBlock", new byte[3]);

    private static byte[] Object(string name, int version, byte[] content) =>
        [5, 5, 1, .. BitConverter.GetBytes(version), .. BitConverter.GetBytes(version), .. BitConverter.GetBytes(name.Length), .. name.Select(letter => (byte)letter), 6, .. content, 6];
}
