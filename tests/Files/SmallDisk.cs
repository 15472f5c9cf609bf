using System.Diagnostics;
using Xunit;

namespace DotnetPprof.Tests.Files;

/// <summary>A file system that is soon full. Only root may mount one: elsewhere the test is skipped.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly DirectoryInfo mountPoint = Directory.CreateTempSubdirectory("dotnet-pprof-test-");

    private SmallDisk()
    {
    }

    public string Path => mountPoint.FullName;

    public static SmallDisk Mount(int megabytes)
    {
        var disk = new SmallDisk();
        if (Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", disk.Path) == 0)
            return disk;
        disk.mountPoint.Delete();
        Assert.Skip("a small file system cannot be mounted here; it takes root");
        return null!;
    }

    public void Dispose()
    {
        Assert.Equal(0, Run("umount", Path));
        mountPoint.Delete();
    }

    internal static int Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }
}
