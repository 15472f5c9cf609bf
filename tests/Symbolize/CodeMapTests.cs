using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class CodeMapTests
{
    /// <summary>Times here are in seconds, so that they lie outside the slack.</summary>
    private const long Second = 10_000_000_000;

    private readonly CodeMap map = new();

    [Fact]
    public void RundownCodeWasThereFromTheBeginning()
    {
        map.Exists(Code("A", 0x1000, 0x100), At(10));
        Assert.Equal("A", Find(0x1000, 0));
        Assert.Equal("A", Find(0x10ff, 99));
        Assert.Null(Find(0x1100, 10));
        Assert.Null(Find(0xfff, 10));
        Assert.Equal(0, map.GenerationAt(At(99)));
    }

    [Fact]
    public void CodeSpansPages()
    {
        map.Load(Code("Big", 0x1800, 0x5000), At(1));
        Assert.Equal("Big", Find(0x1800, 2));
        Assert.Equal("Big", Find(0x4000, 2));
        Assert.Equal("Big", Find(0x67ff, 2));
        Assert.Null(Find(0x6800, 2));
    }

    [Fact]
    public void AnAddressReusedNamesWhatRanThen()
    {
        map.Load(Code("A", 0x1000, 0x100), At(1));
        map.Unload(Code("A", 0x1000, 0x100), At(5));
        map.Load(Code("B", 0x1080, 0x200, id: 2), At(8));
        Assert.Equal("A", Find(0x1090, 4));
        Assert.Null(Find(0x1010, 8));
        Assert.Equal("B", Find(0x1090, 9));
        Assert.Equal([0, 0, 1, 1], new[] { 4, 7, 8, 9 }.Select(time => map.GenerationAt(At(time))));
    }

    [Fact]
    public void ALoadOverLivingCodeEndsIt()
    {
        map.Exists(Code("A", 0x1000, 0x100), At(1));
        map.Load(Code("B", 0x1000, 0x80, id: 2), At(8));
        Assert.Equal("A", Find(0x1010, 7));
        Assert.Equal("B", Find(0x1010, 8));
        Assert.Null(Find(0x1090, 10));
        Assert.Equal(0, map.GenerationAt(new MonotonicNanos(At(8).Value - 1)));
        Assert.Equal(1, map.GenerationAt(At(8)));
    }

    [Fact]
    public void AnUnloadAloneLeavesTheAddressUnambiguous()
    {
        map.Load(Code("A", 0x1000, 0x100), At(1));
        map.Unload(Code("A", 0x1000, 0x100), At(5));
        Assert.Equal(0, map.GenerationAt(At(6)));
        Assert.Null(Find(0x1000, 8));
    }

    [Fact]
    public void TheSameMethodAndAddressAgainIsNotNews()
    {
        MethodCode first = map.Load(Code("A", 0x1000, 0x100), At(1));
        Assert.Same(first, map.Load(Code("A", 0x1000, 0x100), At(3)));
        Assert.Same(first, map.Exists(Code("A", 0x1000, 0x100), At(5)));
        Assert.Same(first, map.Snapshot().Single());
        Assert.Equal("A", Find(0x1000, 2));
        Assert.Equal(0, map.GenerationAt(At(99)));
    }

    [Fact]
    public void ALoadSeenAfterTheRundownKnowsTheTimeBetter()
    {
        map.Exists(Code("A", 0x1000, 0x100), At(5));
        map.Load(Code("A", 0x1000, 0x100), At(4));
        Assert.Null(Find(0x1000, 2));
        Assert.Equal("A", Find(0x1000, 4));
    }

    [Fact]
    public void TheStreamKnowsBetterThanARundownThatWasReadFirst()
    {
        map.Load(Code("A", 0x1000, 0x100), At(1));
        map.Exists(Code("B", 0x1000, 0x100, id: 2), At(20));
        map.Unload(Code("A", 0x1000, 0x100), At(5));
        map.Load(Code("B", 0x1000, 0x100, id: 2), At(8));
        Assert.Equal("A", Find(0x1010, 4));
        Assert.Null(Find(0x1010, 6));
        Assert.Equal("B", Find(0x1010, 8));
        Assert.Equal("B", Find(0x1010, 30));
    }

    [Fact]
    public void ADynamicMethodMayHaveAnothersIdAndAddress()
    {
        map.Load(Code("A", 0x1000, 0x100), At(1));
        map.Load(Code("B", 0x1000, 0x100), At(8));
        Assert.Equal("A", Find(0x1010, 7));
        Assert.Equal("B", Find(0x1010, 8));
        map.Exists(Code("C", 0x1000, 0x100), At(20));
        Assert.Equal("B", Find(0x1010, 19));
        Assert.Equal("C", Find(0x1010, 21));
    }

    [Fact]
    public void TiersAreApart()
    {
        map.Load(Code("Tier0", 0x1000, 0x100, version: 0), At(1));
        map.Load(Code("Tier1", 0x2000, 0x80, version: 1), At(2));
        map.Load(Code("Osr", 0x3000, 0x80, version: 2), At(3));
        Assert.Equal("Tier0", Find(0x1050, 4));
        Assert.Equal("Tier1", Find(0x2050, 4));
        Assert.Equal("Osr", Find(0x3050, 4));
    }

    [Fact]
    public void ARundownOverCodeThatTheStreamBroughtLaterEndsBeforeIt()
    {
        map.Load(Code("B", 0x1000, 0x100, id: 2), At(8));
        map.Exists(Code("A", 0x1000, 0x100, id: 1), At(5));
        Assert.Equal("A", Find(0x1000, 3));
        Assert.Equal("B", Find(0x1000, 9));
        Assert.Equal(1, map.GenerationAt(At(8)));
    }

    [Fact]
    public void ARundownOverOtherLivingCodeReplacesIt()
    {
        map.Load(Code("A", 0x1000, 0x100, id: 1), At(1));
        map.Exists(Code("B", 0x1000, 0x100, id: 2), At(5));
        Assert.Equal("A", Find(0x1000, 3));
        Assert.Equal("B", Find(0x1000, 6));
        Assert.Equal(1, map.GenerationAt(At(5)));
    }

    [Fact]
    public void AnUnloadOfUnknownCodeStillNamesIt()
    {
        map.Unload(Code("A", 0x1000, 0x100), At(5));
        Assert.Equal("A", Find(0x1000, 4));
        Assert.Null(Find(0x1000, 7));

        // The rundown that saw it alive is read after the stream that saw it go.
        map.Exists(Code("A", 0x1000, 0x100), At(3));
        Assert.Equal(1, map.Count);
        Assert.Null(Find(0x1000, 7));
    }

    [Fact]
    public void AModuleTakesItsCodeWithIt()
    {
        map.Load(Code("A", 0x1000, 0x100, id: 1, module: 7), At(1));
        map.Load(Code("B", 0x1100, 0x100, id: 2, module: 8), At(1));
        map.UnloadModule(7, At(5));
        Assert.Equal("A", Find(0x1000, 4));
        Assert.Null(Find(0x1000, 7));
        Assert.Equal("B", Find(0x1100, 7));
    }

    [Fact]
    public void ARundownAfterAnUnloadInNameOnlyRevivesTheCode()
    {
        map.Load(Code("A", 0x1000, 0x100, module: 7), At(1));
        map.UnloadModule(7, At(5));
        map.Exists(Code("A", 0x1000, 0x100, module: 7), At(6));
        Assert.Equal("A", Find(0x1000, 9));
        Assert.Equal(1, map.Count);
        Assert.Equal(0, map.GenerationAt(At(9)));
    }

    [Fact]
    public void CodeSeenRunningShortlyBeforeItsLoadIsIt()
    {
        map.Load(Code("A", 0x1000, 0x100), new MonotonicNanos(Second));
        Assert.NotNull(map.Find(new InstructionPointer(0x1010), new MonotonicNanos(Second - 1000)));
        Assert.Null(map.Find(new InstructionPointer(0x1010), new MonotonicNanos(Second - CodeMap.SlackNanos - 1)));
    }

    [Fact]
    public void AnEntryPointGetsItsSizeFromTheRundownAndStaysTheSameInstance()
    {
        EntryPoint("A", 0x1000);
        Assert.Null(Find(0x1000, 1));
        MethodCode? entry = map.FindEntryPoint(0x1000);
        map.Exists(Code("A", 0x1000, 0x100), At(5));
        Assert.Same(entry, map.Find(new InstructionPointer(0x1050), At(1)));
        EntryPoint("A", 0x1000);
        Assert.Equal(1, map.Count);
    }

    [Fact]
    public void AnEntryPointNobodyAskedForGetsItsSizeToo()
    {
        EntryPoint("A", 0x1000);
        Assert.Empty(map.Bodies());
        Assert.Equal(0u, map.Snapshot().Single().Size);
        MethodCode body = map.Exists(Code("A", 0x1000, 0x100), At(5));
        Assert.True(body.Precompiled);
        Assert.Same(body, map.Bodies().Single());
        Assert.Same(body, map.Snapshot().Single());
        Assert.Null(map.FindEntryPoint(0x1000));
    }

    [Fact]
    public void MethodsThatShareAnImagesCodeDoNotReplaceEachOther()
    {
        map.Exists(new MethodCode(new MethodCodeKey(1, 0, 0x1000), 0x100, 1, null, new Function("A", "A()", "", 0), precompiled: true), At(5));
        map.Exists(new MethodCode(new MethodCodeKey(2, 0, 0x1000), 0x100, 1, null, new Function("B", "B()", "", 0), precompiled: true), At(5));
        Assert.Equal("A", Find(0x1000, 9));
        Assert.Equal(0, map.GenerationAt(At(9)));
    }

    [Fact]
    public void ImpossibleRangesAreRefused()
    {
        map.Load(Code("Empty", 0x1000, 0), At(1));
        map.Load(Code("Huge", 0x1000, uint.MaxValue), At(1));
        map.Load(Code("Last", ulong.MaxValue - 4, 0x100), At(1));
        Assert.Equal(0, map.Count);
    }

    [Fact]
    public void HoursOfDynamicMethodsStayBounded()
    {
        for (int i = 0; i < 3 * CodePages.MaxDeadPerPage; i++)
        {
            map.Load(Code("M" + i, 0x1000, 0x40, id: (ulong)i), At(i));
            map.Unload(Code("M" + i, 0x1000, 0x40, id: (ulong)i), new MonotonicNanos(At(i).Value + 1));
        }

        int last = (3 * CodePages.MaxDeadPerPage) - 1;
        Assert.Equal("M" + last, Find(0x1000, last));
        Assert.Equal("M" + (last - 100), Find(0x1000, last - 100));
        Assert.True(map.Forgotten > 0);
        Assert.Equal(last, map.GenerationAt(At(last)));
    }

    [Fact]
    public void RandomHistoriesAreNamedAsTheyHappened()
    {
        // Truth: what was at each slot at each time; the map hears of it in order.
        var random = new Random(42);
        var truth = new Dictionary<(int Slot, int Time), string>();
        var live = new (string Name, ulong Id)?[16];
        ulong nextId = 1;
        for (int time = 0; time < 400; time++)
        {
            int slot = random.Next(16);
            ulong address = 0x10000 + ((ulong)slot * 0x100);
            if (live[slot] is { } old && random.Next(2) == 0)
            {
                map.Unload(Code(old.Name, address, 0x100, old.Id), At(time));
                live[slot] = null;
            }
            else
            {
                live[slot] = ("M" + nextId, nextId);
                map.Load(Code("M" + nextId, address, 0x100, nextId++), At(time));
            }

            for (int i = 0; i < 16; i++)
            {
                if (live[i] is { } now) truth[(i, time)] = now.Name;
            }
        }

        for (int time = 0; time < 400; time++)
        {
            for (int slot = 0; slot < 16; slot++)
                Assert.Equal(truth.GetValueOrDefault((slot, time)), Find(0x10000 + ((ulong)slot * 0x100) + 5, time, offset: Second / 2));
        }

        for (int slot = 0; slot < 16; slot++)
        {
            // Within one generation an address has one name only.
            var names = truth.Where(known => known.Key.Slot == slot).GroupBy(known => map.GenerationAt(At(known.Key.Time)), known => known.Value);
            Assert.All(names, generation => Assert.Single(generation.Distinct()));
        }
    }

    private static MonotonicNanos At(long seconds) => new(seconds * Second);

    private static MethodCode Code(string name, ulong start, uint size, ulong id = 1, ulong version = 0, ulong module = 1) =>
        new(new MethodCodeKey(id, version, start), size, module, null, new Function(name, name + "()", "", 0));

    private void EntryPoint(string name, ulong start) => map.EntryPoint(1, start, Code(name, start, 0).Function);

    private string? Find(ulong address, long seconds, long offset = 0) =>
        map.Find(new InstructionPointer(address), new MonotonicNanos(At(seconds).Value + offset))?.Function.Name;
}
