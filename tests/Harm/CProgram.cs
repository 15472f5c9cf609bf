using System.Diagnostics;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>One of tests/HarmPrograms/Native, compiled for a test into a directory that everybody may enter.</summary>
internal sealed class CProgram : IDisposable
{
    private const UnixFileMode Everybody = (UnixFileMode)0b111_101_101;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("harm-");

    internal CProgram(string name, params string[] options)
    {
        folder.UnixFileMode = Everybody;
        Path = System.IO.Path.Combine(folder.FullName, name);
        try
        {
            using var compiler = Process.Start("gcc", ["-O1", "-o", Path, Source(name), .. options]);
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

    internal string Folder => folder.FullName;

    /* tests/bin/CONFIGURATION/FRAMEWORK/ is where we run. */
    private static string Source(string name) =>
        System.IO.Path.GetFullPath(System.IO.Path.Combine(AppContext.BaseDirectory, "../../../HarmPrograms/Native", name + ".c"));

    public void Dispose() => folder.Delete(recursive: true);
}
