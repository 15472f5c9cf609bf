using System.Diagnostics;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>A few lines of C as a shared library, for what managed code cannot do: handle a signal, go on after fork.</summary>
internal sealed class CLibrary : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("harm-");

    internal CLibrary(string source)
    {
        string file = System.IO.Path.Combine(folder.FullName, "harm.c");
        File.WriteAllText(file, source);
        Path = System.IO.Path.Combine(folder.FullName, "libharm.so");
        try
        {
            using var compiler = System.Diagnostics.Process.Start("gcc", ["-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", Path, file]);
            compiler.WaitForExit();
            Assert.Equal(0, compiler.ExitCode);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Dispose();
            Assert.Skip("there is no gcc");
        }
    }

    internal string Path { get; }

    public void Dispose() => folder.Delete(recursive: true);
}
