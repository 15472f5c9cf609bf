using System.Net;
using DotnetPprof.Session;
using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>Services and <c>serve</c> itself begin and end, in good order and by force.</summary>
public sealed class LifeTests : IDisposable
{
    private readonly ServeProcess serve = new();

    public void Dispose() => serve.Dispose();

    [Fact]
    public async Task WindowsFollowEachOtherAndTheLastOneIsCut()
    {
        serve.Start("--window", "5s");
        using TargetProgram target = serve.StartService("Burner", "1");
        await serve.WaitUntilSampling(target.Pid);
        while (Count(target) < 2)
            await Task.Delay(100);
        Task<HttpResponseMessage> request = serve.Client.GetAsync("/debug/pprof/profile?seconds=600");
        /* Regular windows are two for a moment after each one's end: the third is the one that was asked for. */
        while (await serve.OpenWindows() < 3)
            await Task.Delay(20);
        DrainedRecords.Wait(target.Pid, 100); // of the last window
        serve.Process.Signal(Interop.ProcessInterop.SigTerm);
        using HttpResponseMessage response = await request;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.True(ServeProcess.Read(await response.Content.ReadAsByteArrayAsync()).CpuNanos > 0);
        Assert.Equal(0, serve.Process.WaitForExit());

        List<PprofFile> windows = serve.Windows(target.Pid);
        Assert.InRange(windows.Count, 3, 100);
        foreach ((PprofFile before, PprofFile after) in windows.Zip(windows.Skip(1)))
            Assert.Equal(before.EndNanos, after.TimeNanos);
        Assert.All(windows, window => Assert.True(window.CpuNanosUnder("Burner.Program.Heavy") > 0));
        serve.Start();
        Assert.DoesNotContain("was killed", serve.Process.Output);
        await serve.WaitUntilSampling(target.Pid); // and the service never noticed
    }

    [Fact]
    public async Task AServiceThatIsKilledLeavesAClosedFile()
    {
        serve.Start("--window", "1h"); // of which none ends by itself
        for (int i = 0; i < 3; i++)
        {
            using TargetProgram target = serve.StartService("Burner", "1");
            await serve.WaitUntilSampling(target.Pid);
            DrainedRecords.Wait(target.Pid, 50);
            target.Signal(9);
            while (Count(target) < 1)
                await Task.Delay(50);
            PprofFile window = serve.Windows(target.Pid).Single();
            Assert.True(window.CpuNanosUnder("Burner.Program.Heavy") > 0);
            Assert.Contains(window.Comments, comment => comment.StartsWith("end: the target ended", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task OneThatIsKilledIsFollowedByAnother()
    {
        serve.Start("--window", "5s");
        using TargetProgram target = serve.StartService("Burner", "1");
        for (int i = 0; i < 2; i++)
        {
            await serve.WaitUntilSampling(target.Pid);
            int before = Count(target);
            while (Count(target) == before)
                await Task.Delay(100);
            serve.Process.Signal(9);
            serve.Process.WaitForExit();
            serve.Start("--window", "5s");
            Assert.Contains("was killed", serve.Process.Output);
        }
        await serve.WaitUntilSampling(target.Pid);
        Assert.True((await serve.Profile("seconds=5")).CpuNanosUnder("Burner.Program.Heavy") > 0);
    }

    [Fact]
    public async Task ServicesThatComeAndGoLeaveNothingBehindInIt()
    {
        serve.Start();
        await Round(); // what is loaded once is loaded
        int pid = serve.Process.Pid;
        (int files, int regions, int threads) = (Files(pid), Regions(pid), Threads(pid));
        for (int round = 0; round < 3; round++)
            await Round();
        /* Those of ended threads and connections go when somebody looks. */
        for (int looks = 0; looks < 600 && (Files(pid) > files + 4 || Regions(pid) > 0 || Threads(pid) > threads + 8); looks++)
            await Task.Delay(200);
        Assert.InRange(Files(pid), 0, files + 4);
        Assert.Equal((0, 0), (regions, Regions(pid)));
        Assert.InRange(Threads(pid), 0, threads + 8);

        async Task Round()
        {
            List<TargetProgram> services = [.. Enumerable.Range(0, 4).Select(_ => serve.StartService("Burner", "1"))];
            foreach (TargetProgram service in services)
            {
                await serve.WaitUntilSampling(service.Pid);
                DrainedRecords.Wait(service.Pid, 20);
            }
            for (int i = 0; i < services.Count; i++)
            {
                if (i % 2 == 0)
                    services[i].Signal(9);
                else
                    services[i].Finish();
            }
            foreach (TargetProgram service in services)
            {
                while (Count(service) < 1)
                    await Task.Delay(50);
                Assert.True(serve.Windows(service.Pid).Sum(window => window.CpuNanos) > 0);
                service.Dispose();
            }
            while ((await serve.Metrics())["dotnet_pprof_targets{state=\"sampling\"}"] > 0)
                await Task.Delay(50);
        }
    }

    private int Count(TargetProgram target) => Directory.Exists(serve.Files) ? Directory.GetFiles(serve.Files, $"*_{target.Pid}_*.pb.gz").Length : 0;

    /// <summary>Open files. Two of each assembly do not count: the runtime keeps those it has loaded, some later than others.</summary>
    private static int Files(int pid) => Directory.GetFileSystemEntries($"/proc/{pid}/fd")
        .Select(file => ProcFs.LinkTarget(file) ?? "")
        .GroupBy(target => target)
        .Sum(same => same.Key.EndsWith(".dll", StringComparison.Ordinal) ? Math.Max(0, same.Count() - 2) : same.Count());

    private static int Regions(int pid) => File.ReadAllLines($"/proc/{pid}/maps").Count(line => line.Contains("memfd:dotnet-pprof", StringComparison.Ordinal));

    private static int Threads(int pid) => Directory.GetDirectories($"/proc/{pid}/task").Length;
}
