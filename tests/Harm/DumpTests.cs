using System.Diagnostics;
using DotnetPprof.Region;
using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Microsoft.Diagnostics.NETCore.Client;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>
/// The runtime's createdump takes a signal of ours, where its attaching meets one, for the stop that it waits for, and
/// the process is stopped for good when it has gone: so there must be none.
/// </summary>
[Collection(RealProgramsCollection.Name)]
public sealed class DumpTests(ITestOutputHelper output)
{
    private const int Dumps = 12;
    private const int CrashDumps = 4;
    private const int HighestRate = 1_000_000; /* as far as the machine allows */
    private const int KilledByAbort = 128 + 6;

    /* The stop may come when the dump's client has its answer. */
    private static readonly TimeSpan s_aftermath = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan s_passing = TimeSpan.FromSeconds(30);

    private readonly string dump = Path.Combine(Path.GetTempPath(), $"harm-{Guid.NewGuid():N}.dmp");

    /// <summary>What createdump does to a process, without the dump, and so more often than there is time for dumps.</summary>
    [Fact]
    public void NaiveTracerLeavesNoProcessStopped()
    {
        using var library = new CLibrary(ForkTests.Forks);
        using var tracer = new CProgram("createdump");
        using Child target = Targets.StartWithAgent("Forks", library.Path);
        using ICapture capture = Targets.AttachUnnamed(target, Engines.Timer, HighestRate);
        Eventually.True(() => capture.Progress.Samples > 1000, "samples came");
        target.Send($"run {tracer.Path}");
        int left = int.Parse(target.ReadLine()) >> 8;
        Assert.SkipWhen(left == 255, "ptrace is refused here");
        long samples = capture.Progress.Samples;
        Eventually.True(() => capture.Progress.Samples > samples + 1000, "samples came afterwards");
        CaptureSummary summary = capture.Finish().Summary;
        output.WriteLine($"{summary.Samples} samples in {summary.Duration.TotalSeconds:0.0} s; left stopped {left} times");
        Assert.Equal(0, left);
        target.Send("stop");
        Assert.Equal(0, target.WaitForExit());
    }

    [Fact]
    public async Task DumpLeavesNoProcessStopped()
    {
        SkipWithoutCreatedump();
        using Child target = Targets.StartWithAgent("Spin", "4");
        using ICapture capture = Targets.AttachUnnamed(target, Engines.Timer, HighestRate);
        try
        {
            for (int i = 1; i <= Dumps; i++)
            {
                Task writing = Task.Run(() => new DiagnosticsClient(target.Pid).WriteDump(DumpType.Triage, dump));
                Eventually.True(() => AssertNotLeftStopped(target, i) && writing.IsCompleted, "a dump was written");
                await writing;
                for (var time = Stopwatch.StartNew(); time.Elapsed < s_aftermath;)
                    AssertNotLeftStopped(target, i);
                long samples = capture.Progress.Samples;
                Eventually.True(() => AssertNotLeftStopped(target, i) && capture.Progress.Samples > samples + 100, "samples came after a dump");
            }
        }
        finally
        {
            target.Continue();
            File.Delete(dump);
        }
        CaptureSummary summary = capture.Finish().Summary;
        output.WriteLine($"{summary.Samples} samples in {summary.Duration.TotalSeconds:0.0} s; {summary.UnsampledNanos / 1e6:0} of {summary.CpuNanos / 1e6:0} ms of CPU time unsampled");
    }

    [Fact]
    public void CrashDumpIsWrittenAndTheProcessEnds()
    {
        SkipWithoutCreatedump();
        (string Name, string Value)[] variables =
            [.. Targets.AgentVariables, ("DOTNET_DbgEnableMiniDump", "1"), ("DOTNET_DbgMiniDumpType", "3"), ("DOTNET_DbgMiniDumpName", dump)];
        for (int i = 1; i <= CrashDumps; i++)
        {
            using Child target = Child.Start(BuiltFiles.Program("Ends"), ["failfast"], variables);
            Assert.Equal("ready", target.ReadLine());
            using ICapture capture = Targets.AttachUnnamed(target, Engines.Timer, HighestRate);
            Eventually.True(() => capture.Progress.Samples > 100, "samples came");
            target.Send("go");
            Eventually.True(() => AssertNotLeftStopped(target, i) && target.HasExited, "the process ended");
            Assert.Equal(KilledByAbort, target.WaitForExit());
            Assert.True(File.Exists(dump), $"there is no dump: {target.Describe()}");
            File.Delete(dump);
            capture.Finish();
        }
    }

    /// <summary>
    /// createdump reads all that can be read, and a page of the region that is read has memory from then on, of which there is
    /// half a gigabyte: here, and in whoever collects from many.
    /// </summary>
    [Fact]
    public void DumpOfTheHeapTakesNoMemoryForWhatIsNotUsed()
    {
        const long most = 64 << 20;
        SkipWithoutCreatedump();
        using Child target = Targets.StartWithAgent("Spin", "4");
        using ICapture capture = Targets.AttachUnnamed(target, Engines.Timer, 1000);
        Eventually.True(() => capture.Progress.Samples > 100, "samples came");
        long readable = ProcessState.ReadableBytes(target.Pid, RegionLayout.RegionName);
        long readableHere = ProcessState.ReadableBytes(Environment.ProcessId, RegionLayout.RegionName);
        long before = ProcessState.Of(target.Pid).SharedKiB;
        try
        {
            new DiagnosticsClient(target.Pid).WriteDump(DumpType.WithHeap, dump);
            long after = ProcessState.Of(target.Pid).SharedKiB;
            output.WriteLine($"readable {readable >> 10:N0} KiB there, {readableHere >> 10:N0} here; shared memory {before:N0} KiB, {after:N0} after a dump of {new FileInfo(dump).Length >> 20:N0} MiB");
            Assert.InRange(readable, 1, most);
            Assert.InRange(readableHere, 1, most);
            Assert.InRange(after, 1, most >> 10);
        }
        finally
        {
            File.Delete(dump);
        }
        capture.Finish();
    }

    /// <summary>
    /// A stop without a tracer is in passing while createdump lets go of the threads one by one, however long that takes it
    /// on a busy machine. One that was left stopped is so for good.
    /// </summary>
    /// <returns>True.</returns>
    private static bool AssertNotLeftStopped(Child target, int dumps)
    {
        var time = Stopwatch.StartNew();
        while (ProcessState.IsStopped(target.Pid))
        {
            Assert.True(time.Elapsed < s_passing, $"dump {dumps} has left the process stopped");
            Thread.Sleep(20);
        }
        return true;
    }

    private static void SkipWithoutCreatedump()
    {
        string path = Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "createdump");
        Assert.SkipUnless(File.Exists(path), $"there is no {path}");
    }
}
