using System.IO.Compression;
using System.Text;
using DotnetPprof.Emit;
using DotnetPprof.Model;
using DotnetPprof.Report;
using DotnetPprof.Symbolize;
using DotnetPprof.Tests.Emit;
using DotnetPprof.Tests.Symbolize;

namespace DotnetPprof.Tests.Fuzz;

/// <param name="Name">For people.</param>
/// <param name="Corpus">Good inputs, none above 128 KiB.</param>
/// <param name="Read">Reads all of an input, and throws only what is no proper answer to bad data.</param>
/// <param name="MostBytes">What reading one input may allocate altogether.</param>
/// <param name="ShortRun">Inputs tried where nobody asks for more.</param>
internal sealed record FuzzedParser(string Name, Func<IEnumerable<byte[]>> Corpus, Action<byte[]> Read, long MostBytes = 64 << 20, long ShortRun = 2000);

/// <summary>Everything of the collector's that reads what somebody else wrote.</summary>
internal static class FuzzedParsers
{
    private const int LargestSeed = 64 * 1024;

    private static readonly string[] s_libraries = ["/lib/x86_64-linux-gnu/libdl.so.2", "/lib/x86_64-linux-gnu/libanl.so.1", "/lib/x86_64-linux-gnu/libutil.so.1"];

    private static readonly string[] s_names =
    [
        "System.Collections.Generic.Dictionary`2[System.String,System.ValueTuple`2[System.Int32,System.__Canon]]\nTryInsert\ninstance bool  (!0,!1,value class System.Collections.Generic.InsertionBehavior)",
        "Program+<>c__DisplayClass0_0\n<Main>b__1\ninstance class [System.Runtime]System.Threading.Tasks.Task`1<!!0[,]>  (class System.Func`2<!!0,int32>&,unsigned int8*,...)",
        "dynamicClass\nlambda_method12\nobject  (class System.Runtime.CompilerServices.Closure,object[])",
    ];

    private static readonly string[] s_symbols =
    [
        "_ZNSt6vectorIN2ns4TypeESaIS1_EE12emplace_backIJRKS1_EEERS1_DpOT_@@GLIBCXX_3.4",
        "_ZZNK3foo3barEvENKUlT_E_clIiEEDaS1_.constprop.0",
        "_ZNSt17_Function_handlerIFvvEZ4mainEUlvE_E9_M_invokeERKSt9_Any_data",
        "_ZN4core3fmt9Formatter9write_fmt17h0123456789abcdefE",
        "_RNvMs_NtCs1234_7mycrate3fooNtB4_3Bar3baz",
        "_ZTv0_n24_N1AIXadL_Z1fvEEXsrT_5valueEE1gEv",
    ];

    internal static IReadOnlyList<FuzzedParser> All { get; } =
    [
        new("elf", Elves, ReadElf),
        new("cxx", () => s_symbols.Select(Encoding.UTF8.GetBytes), input => NativeName.ToFunction(Encoding.UTF8.GetString(input), "/lib/fuzzed.so")),
        new("maps", () => [Encoding.UTF8.GetBytes(string.Join('\n', File.ReadLines("/proc/self/maps").Take(60)))], ReadMaps),
        new("nettrace", () => [Recorded("stream"), Recorded("rundown")], FuzzedEvents.ReadStream, ShortRun: 500),
        new("events", FuzzedEvents.Payloads, FuzzedEvents.ReadPayloads),
        new("names", () => s_names.Select(Encoding.UTF8.GetBytes), ReadNames),
        new("region", () => [FuzzedRegion.Whole()], FuzzedRegion.Read),
        new("r2r", PrecompiledAssemblies, ReadReadyToRun),
        new("source", FuzzedAssemblies.All, FuzzedAssemblies.Read, ShortRun: 1000),
        new("machine", FuzzedCode.Bodies, FuzzedCode.Analyse),
        new("code", FuzzedCode.Files, FuzzedCode.ReadFile),
        new("pprof", Profiles, ReadProfile),
        new("proc", FuzzedTexts.Processes, FuzzedTexts.ReadProcess),
        new("otel", FuzzedTexts.Attributes, FuzzedTexts.ReadAttributes),
        new("port", FuzzedReplies.PortAnswers, FuzzedReplies.ReadPortAnswer, ShortRun: 1000),
        new("pyroscope", FuzzedReplies.Pyroscope, FuzzedReplies.ReadPyroscope),
        new("otlp", FuzzedReplies.Otlp, FuzzedReplies.ReadOtlp),
        new("queue", FuzzedReplies.QueueFiles, FuzzedReplies.ReadQueueFile),
    ];

    private static IEnumerable<byte[]> Elves()
    {
        yield return new ElfBuilder { Frames = [(0, 0x100), (0x200, 0x40)] }.Symbol("main", 0, 0x100).Symbol("_ZN3foo3barEv", 0x200, 0x40).Build();
        yield return new ElfBuilder { Dynamic = true }.Symbol("exported", 0x10, 0x20).Build();
        /* Real ones, where the system has small ones: with more sections, and frames by the compiler. */
        foreach (string path in s_libraries.Where(path => new FileInfo(path) is { Exists: true, Length: <= LargestSeed }))
            yield return File.ReadAllBytes(path);
    }

    private static void ReadElf(byte[] input) => Expect<InvalidDataException>(() =>
    {
        using ElfFile file = ElfFile.Read(ByteSource.OfMemory(input));
        ElfSymbols? symbols = null;
        Expect<InvalidDataException>(() => symbols = ElfSymbols.Read(file));
        _ = file.BuildId;
        EhFrameRanges? ranges = EhFrameRanges.Read(file);
        for (ulong offset = 0; offset < 0x1000; offset += 0x88)
        {
            symbols?.Find(ElfBuilder.TextAddress + offset);
            ranges?.Find(ElfBuilder.TextAddress + offset);
            file.AddressOf(ElfBuilder.TextOffset + offset);
        }
    });

    private static void ReadMaps(byte[] input) => ProcessMaps.Parse(Encoding.UTF8.GetString(input));

    private static void ReadNames(byte[] input)
    {
        string[] parts = [.. Encoding.UTF8.GetString(input).Split('\n'), "", "", ""];
        ManagedName.ToFunction(parts[0], parts[1], parts[2]);
    }

    private static IEnumerable<byte[]> PrecompiledAssemblies() => new DirectoryInfo(Path.GetDirectoryName(typeof(object).Assembly.Location)!)
        .EnumerateFiles("*.dll").Where(file => file.Length <= LargestSeed).OrderBy(file => file.Name).Take(8).Select(file => File.ReadAllBytes(file.FullName));

    private static void ReadReadyToRun(byte[] input) => Expect<InvalidDataException>(() =>
    {
        using ByteSource bytes = ByteSource.OfMemory(input);
        if (!PortableImage.IsPortableExecutable(bytes))
            return;
        ReadyToRunImage image = ReadyToRunImage.Read(bytes);
        for (ulong offset = 0; offset <= bytes.Length; offset += 512)
            image.FunctionAt(offset);
    });

    private static IEnumerable<byte[]> Profiles()
    {
        string path = Path.GetTempFileName();
        try
        {
            ProfileFile.WriteAtomically(path, TinyProfile.Create());
            yield return ProfileBytes.Read(path).ToArray();
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void ReadProfile(byte[] input) => Expect<UserError>(() => PprofSummary.Read(input, "fuzzed", new FunctionTotals()));

    internal static byte[] Recorded(string name)
    {
        using Stream packed = typeof(FuzzedParsers).Assembly.GetManifestResourceStream($"{name}.nettrace.gz")!;
        using var unpacked = new MemoryStream();
        new GZipStream(packed, CompressionMode.Decompress).CopyTo(unpacked);
        return unpacked.ToArray();
    }

    internal static void Expect<T>(Action read)
        where T : Exception
    {
        try
        {
            read();
        }
        catch (T)
        {
            /* The answer to bad data. */
        }
    }
}
