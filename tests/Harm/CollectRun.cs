using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>One run of <c>dotnet-pprof collect</c>, as a user would start it.</summary>
internal sealed class CollectRun : IDisposable
{
    private readonly int target;
    private readonly string path = Path.Combine(Path.GetTempPath(), $"harm-{Guid.NewGuid():N}.pb.gz");

    internal CollectRun(int pid, string engine, params string[] options)
    {
        target = pid;
        Child = Child.Start(BuiltFiles.Collector, ["collect", "-p", $"{pid}", "-o", path, "--engine", engine, .. options]);
    }

    internal Child Child { get; }

    internal bool HasProfile => File.Exists(path);

    /// <summary>Waits until it says that it samples.</summary>
    internal void WaitUntilSampling()
    {
        while (!Child.ReadLine().StartsWith("Sampling", StringComparison.Ordinal))
        {
        }
    }

    /// <summary>Waits until it says that it samples, and has been given so many samples.</summary>
    internal void WaitForSamples(int samples)
    {
        WaitUntilSampling();
        DrainedRecords.Wait(target, (ulong)samples);
    }

    /// <summary>Waits for the end in good order, and reads what was written.</summary>
    internal PprofFile Finish()
    {
        int code = Child.WaitForExit();
        Assert.True(code == 0, $"exit code {code}: {Child.Describe()}");
        return Profile();
    }

    internal PprofFile Profile()
    {
        PprofFile profile = PprofFile.Read(path);
        profile.CheckValid();
        return profile;
    }

    public void Dispose()
    {
        Child.Dispose();
        File.Delete(path);
    }
}
