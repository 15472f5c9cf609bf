using System.Globalization;
using DotnetPprof.Symbolize;
using DotnetPprof.Tests.Fuzz;
using Microsoft.Diagnostics.Tracing;
using Microsoft.Diagnostics.Tracing.Parsers;
using Microsoft.Diagnostics.Tracing.Parsers.Clr;
using Xunit;
using LibraryTier = Microsoft.Diagnostics.Tracing.Parsers.Clr.OptimizationTier;
using OwnTier = DotnetPprof.Symbolize.OptimizationTier;

namespace DotnetPprof.Tests.Symbolize;

/// <summary>What runtimes sent, as it is read here and as the TraceEvent library reads it.</summary>
public class RecordedEventsTests
{
    private static readonly Dictionary<Guid, EventProvider> s_providers = new()
    {
        [ClrTraceEventParser.ProviderGuid] = EventProvider.Runtime,
        [ClrRundownTraceEventParser.ProviderGuid] = EventProvider.Rundown,
        [ClrPrivateTraceEventParser.ProviderGuid] = EventProvider.Private,
    };

    [Theory]
    [InlineData("stream")]
    [InlineData("rundown")]
    public void EveryEventIsReadInItsOrder(string name)
    {
        var expected = new List<string>();
        long lost = ReadByLibrary(name, source => source.AllEvents += e =>
        {
            if (s_providers.TryGetValue(e.ProviderGuid, out EventProvider provider))
                expected.Add(Text(new EventKind(provider, (int)e.ID, e.Version), Time(e), e.EventData()));
        });
        var actual = new List<string>();
        Assert.Equal(lost, Read(name, (in RuntimeEvent e) => actual.Add(Text(e.Kind, e.Time.Value, e.Data))));
        Assert.NotEmpty(actual);
        Assert.Equal(expected, actual);
    }

    [Theory]
    [InlineData("stream")]
    [InlineData("rundown")]
    public void MethodsSayWhatTheLibraryFindsInThem(string name)
    {
        var expected = new List<string>();
        ReadByLibrary(name, source =>
        {
            source.Clr.MethodLoadVerbose += e => expected.Add(Text(e));
            source.Clr.MethodUnloadVerbose += e => expected.Add(Text(e));
            new ClrRundownTraceEventParser(source).MethodDCStopVerbose += e => expected.Add(Text(e));
        });
        var actual = new List<string>();
        Read(name, (in RuntimeEvent e) =>
        {
            if (e.Kind is not ({ Provider: EventProvider.Runtime, Id: 143 or 144 } or { Provider: EventProvider.Rundown, Id: 144 }))
                return;
            Assert.True(MethodEvent.TryRead(e.Data, e.Kind.Version, out MethodEvent method));
            string names = method.Names.ToString();
            Assert.EndsWith("\0", names);
            string tier = ((OwnTier)method.Tier).ToString();
            actual.Add(Text(e.Time.Value, method.MethodId, method.NativeCodeId, method.ModuleId, method.Start, method.Size, method.Token, method.IsDynamic, method.IsPrecompiled, tier, names[..^1].Split('\0')));
        });
        Assert.NotEmpty(actual);
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void TiersAreCalledAsInTheLibrary()
    {
        for (int tier = 0; tier < 8; tier++)
            Assert.Equal(((LibraryTier)tier).ToString(), ((OwnTier)tier).ToString());
    }

    private static string Text(MethodLoadUnloadVerboseTraceData e) => Text(
        Time(e), (ulong)e.MethodID, (ulong)e.ReJITID, (ulong)e.ModuleID, (ulong)e.MethodStartAddress, (uint)e.MethodSize, (uint)e.MethodToken,
        e.IsDynamic, !e.IsDynamic && !e.IsJitted, e.OptimizationTier.ToString(), [e.MethodNamespace, e.MethodName, e.MethodSignature]);

    private static string Text(
        long time, ulong method, ulong body, ulong module, ulong start, uint size, uint token, bool isDynamic, bool isPrecompiled, string tier, string[] names) =>
        string.Create(CultureInfo.InvariantCulture, $"{time} {method:x}/{body:x} {module:x} {start:x}+{size} {token:x} {isDynamic} {isPrecompiled} {tier} {string.Join('|', names)}");

    private static string Text(EventKind kind, long time, ReadOnlySpan<byte> data) => $"{kind} {time} {Convert.ToHexString(data)}";

#pragma warning disable CS0618 // "Discouraged": the encouraged one is a double, relative to the session.
    private static long Time(TraceEvent e) => e.TimeStampQPC;
#pragma warning restore CS0618

    private static long ReadByLibrary(string name, Action<EventPipeEventSource> subscribe)
    {
        using var source = new EventPipeEventSource(new MemoryStream(FuzzedParsers.Recorded(name)));
        subscribe(source);
        source.Process();
        return source.EventsLost;
    }

    private static long Read(string name, RuntimeEventReader read)
    {
        var events = new NettraceEvents(read, sorts: name == "stream", new HeldEventRoom(HeldEventRoom.MostBytes));
        using var parser = new NettraceParser(events);
        parser.Feed(FuzzedParsers.Recorded(name));
        parser.Flush();
        return events.Lost;
    }
}
