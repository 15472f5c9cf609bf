using Xunit;

namespace DotnetPprof.Tests.Files;

/// <summary>Nobody can delete a file while something is mounted on it. Only root may mount: elsewhere the test is skipped.</summary>
internal sealed class HeldFile : IDisposable
{
    private readonly string path;

    public HeldFile(string path)
    {
        this.path = path;
        if (SmallDisk.Run("mount", "--bind", path, path) != 0)
            Assert.Skip("nothing can be mounted here; it takes root");
    }

    public void Dispose() => Assert.Equal(0, SmallDisk.Run("umount", path));
}
