using System.Globalization;
using DotnetPprof.Interop;
using DotnetPprof.Tests.Harm;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Stacks that go from managed to native code and back show every frame on the way.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class CrossingTests(ITestOutputHelper log)
{
    /* Compiled without frame pointers; the values alive over the call leave the compiler no register but rbp. */
    private const string Library = """
        #include <pthread.h>
        long call_back(long (*f)(long), long times)
        {
            long a = 1, b = 2, c = 3, d = 4, e = 5;
            for (long i = 0; i < times; i++) {
                long x = f(i ^ a);
                for (int j = 0; j < 500; j++)
                    x = x * 31 ^ j * c;
                a += x, b ^= a, c += b, d ^= c, e += d;
            }
            return a + b + c + d + e;
        }
        static long (*work)(long);
        static void *run(void *unused)
        {
            pthread_setname_np(pthread_self(), "unmanaged");
            long a = 1, b = 2, c = 3, d = 4, e = 5, x;
            while ((x = work(a)) != 0) {
                a += x, b ^= a, c += b, d ^= c, e += d;
            }
            return (void *)(a + b + c + d + e);
        }
        void run_thread(long (*f)(long))
        {
            pthread_t thread;
            work = f;
            pthread_create(&thread, 0, run, 0);
        }
        """;

    private const string Program = "Crossings.Program.";

    [Theory]
    [InlineData("timer")]
    [InlineData("perf")]
    public void ManagedCallerIsFoundThroughNativeCode(string engine)
    {
        Assert.SkipUnless(engine == "timer" || MachineInterop.TryPerfEvent(excludeKernel: true) == 0, "perf_event_open is refused here");
        using var library = new CLibrary(Library);
        /* All is compiled once, before: the first samples of what comes while it is sampled are marked (ImpossibleEdgeTests). */
        using var target = new TargetProgram("Crossings", [library.Path], new Dictionary<string, string> { ["DOTNET_TieredCompilation"] = "0" });
        target.WaitForLine("ready");
        using var collector = new Collector();
        PprofFile profile = collector.Collect("-p", $"{target.Pid}", "-d", "12", "-r", "5000", "--engine", engine);
        target.Finish();

        /* What a thread is busy with, and the program's own functions that have to be below it, innermost first. */
        (string Thread, string Busy, string[] Below)[] ways =
        [
            ("libm", "libm.so", ["Math"]),
            ("memcpy", "libc.so", ["Copy"]),
            ("sha", "libcrypto", ["Hash"]),
            ("deflate", "Compression.Native", ["Deflate"]),
            ("callback", Program + "Busy", ["Busy", "CalledBack", "CallBack"]),
            ("callback", "libharm.so", ["CallBack"]),
            ("filter", Program + "Busy", ["Busy", "IsExpected", "Filter"]),
            ("finalizer", Program + "Busy", ["Busy", "Finalize"]),
            ("unmanaged", Program + "Busy", ["Busy", "CalledIn"]),
        ];
        log.WriteLine("threads: " + string.Join(", ", profile.StackSamples.Select(sample => sample.ThreadName).Distinct()));
        var wrong = new List<string>();
        foreach ((string thread, string busy, string[] below) in ways)
        {
            HashSet<string> threads = Threads(profile, thread);
            List<PprofSample> there = [.. profile.StackSamples.Where(sample => threads.Contains(sample.Label("thread id")!.Text!) && IsIn(sample.Stack[0]!, busy))];
            long all = there.Sum(sample => sample.Count);
            List<PprofSample> others = there.FindAll(sample => !Own(sample).SequenceEqual(below));
            long bad = others.Sum(sample => sample.Count);
            string found = string.Create(CultureInfo.InvariantCulture, $"{engine}, {thread} in {busy}: {all} samples, {bad} not under {string.Join(" under ", below)}");
            log.WriteLine(found);
            foreach (PprofSample other in others.OrderByDescending(sample => sample.Count).Take(3))
                log.WriteLine($"    {other.Count} {string.Join(" < ", other.FunctionNames)}");
            if (all < 100 || bad > Math.Max(1, all / 1000))
                wrong.Add(found);
        }
        Assert.True(wrong.Count == 0, string.Join(Environment.NewLine, wrong));
    }

    /// <summary>Ids of the threads that work in a way; two of them are not the program's own, and are told by what they do.</summary>
    private static HashSet<string> Threads(PprofFile profile, string way) =>
        [.. profile.StackSamples.Where(sample => way switch
        {
            "finalizer" => sample.FunctionNames.Any(name => name.Contains("Dropped.", StringComparison.Ordinal)),
            "unmanaged" => sample.Has(Program + "CalledIn"),
            _ => sample.ThreadName == way,
        }).Select(sample => sample.Label("thread id")!.Text!)];

    private static bool IsIn(PprofLocation leaf, string place) =>
        (leaf.Mapping?.FileName ?? "").Contains(place, StringComparison.Ordinal) || (leaf.Lines.Count > 0 && leaf.Lines[0].Function!.Name.StartsWith(place, StringComparison.Ordinal));

    /// <summary>The program's own functions on a stack, but for the lambda that runs a thread and Main.</summary>
    private static IEnumerable<string> Own(PprofSample sample)
    {
        foreach (string name in sample.FunctionNames)
        {
            if (name.Contains("Dropped.", StringComparison.Ordinal))
                yield return "Finalize";
            else if (name.StartsWith(Program, StringComparison.Ordinal) && !name.Contains('<', StringComparison.Ordinal) && !name.Contains("Main", StringComparison.Ordinal))
                yield return name.IndexOf('(', StringComparison.Ordinal) is var end and > 0 ? name[Program.Length..end] : name[Program.Length..];
        }
    }
}
