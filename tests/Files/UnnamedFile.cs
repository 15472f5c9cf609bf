using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Tests.Files;

/// <summary>A file that goes with its last handle.</summary>
internal static class UnnamedFile
{
    public static SafeFileHandle Create()
    {
        string path = Path.GetTempFileName();
        SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        File.Delete(path);
        return file;
    }
}
